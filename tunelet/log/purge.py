"""Purge: remove the objects that deleted experiments of one name leave in the bucket."""

from collections.abc import Iterable, Iterator
from itertools import islice, takewhile

from tunelet.log.parallel import streamed
from tunelet.log.reader import entry_key, entry_seq
from tunelet.log.snapshots import snapshot_key
from tunelet.ports import Store

PURGE_AFTER = 120.0
"""Seconds after a deletion before its purge: see `tunelet.log.tail`."""

AT_ONCE = 20_000
"""The most objects removed in one call, so that it ends within a function's time limit."""


def lives_with_files(store: Store, path: str) -> Iterator[str]:
    """Yield the uids of lives for which training code has left files, such as checkpoints."""
    prefix, after = f"{path}trials/", ""
    while (key := next(store.list(prefix, after, limit=1), None)) is not None:
        uid = key.removeprefix(prefix).partition("/")[0]
        yield uid
        after = f"{prefix}{uid}/\U0010ffff"


def remains(store: Store, path: str, tombstone: int, lives: Iterable[str]) -> Iterator[str]:
    """Yield the keys of all objects before the tombstone, and the files of `lives`."""
    yield from takewhile(
        lambda key: key < entry_key(path, tombstone), store.list(f"{path}journal/")
    )
    yield from store.list(f"{path}snapshots/", snapshot_key(path, tombstone))
    for key in store.list(f"{path}segments/"):
        if (entry_seq(key) or 0) < tombstone:
            yield key
    yield from store.list(f"{path}inbox/")  # a process that waits for a batch commits it itself
    for uid in lives:
        yield from store.list(f"{path}trials/{uid}/")


def remove(store: Store, keys: Iterator[str]) -> bool:
    """Remove the objects; False if more are left than one call has time for."""
    for _ in streamed(store.delete, islice(keys, AT_ONCE)):
        pass
    return next(keys, None) is None

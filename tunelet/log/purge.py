"""What deleted experiments of one name leave in the bucket, and its removal."""

from collections.abc import Iterable, Iterator
from itertools import islice, takewhile

from tunelet.log.parallel import streamed
from tunelet.log.reader import entry_key, entry_seq
from tunelet.log.snapshots import snapshot_key
from tunelet.ports import Store

AT_ONCE = 20_000
"""Objects removed in one call at most, so that it ends before a function's time does."""


def lives_with_files(store: Store, path: str) -> Iterator[str]:
    """The uids of lives whose training code has left files, such as checkpoints."""
    prefix, after = f"{path}trials/", ""
    while (key := next(store.list(prefix, after, limit=1), None)) is not None:
        uid = key.removeprefix(prefix).partition("/")[0]
        yield uid
        after = f"{prefix}{uid}/\U0010ffff"


def remains(store: Store, path: str, tombstone: int, lives: Iterable[str]) -> Iterator[str]:
    """Keys of what was before the tombstone, with the files of `lives`."""
    yield from takewhile(
        lambda key: key < entry_key(path, tombstone), store.list(f"{path}journal/")
    )
    yield from store.list(f"{path}snapshots/", snapshot_key(path, tombstone))
    for key in store.list(f"{path}segments/"):
        if (entry_seq(key) or 0) < tombstone:
            yield key
    yield from store.list(f"{path}inbox/")  # whoever waits on a letter does its work himself
    for uid in lives:
        yield from store.list(f"{path}trials/{uid}/")


def remove(store: Store, keys: Iterator[str]) -> bool:
    """Remove the objects; False if more are left than one call may take the time for."""
    for _ in streamed(store.delete, islice(keys, AT_ONCE)):
        pass
    return next(keys, None) is None

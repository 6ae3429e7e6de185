"""Reading the entries of one log in order."""

from collections.abc import Iterator
from itertools import pairwise

from tunelet.entry import Damaged, decode
from tunelet.events import Deleted
from tunelet.history import Closed, Head, follow
from tunelet.ports import Store


def entry_key(path: str, seq: int) -> str:
    """Where entry `seq` of the log below `path` stands."""
    return f"{path}journal/{seq:020d}.json"


def origin(store: Store, path: str) -> Head:
    """The head before the log's first entry; behind the tombstone, if the log was purged."""
    seqs = [_seq(key) for key in store.list(f"{path}journal/")]
    first = next((b for a, b in reversed([*pairwise([0, *seqs])]) if b != a + 1), 1)
    if first == 1:
        return Head()
    for seq in range(first, seqs[-1] + 1):
        # What stands right before the tombstone came too late: see `stands`.
        stored = store.get(entry_key(path, seq))
        if stored is None:
            break
        entry, total = decode(stored.data, seq)
        if any(isinstance(event, Deleted) for event in entry.events):
            return Head(seq=seq, sum=total)
    raise Damaged(f"the log begins with entry {first}: the entries before it are missing")


def stands(store: Store, path: str, head: Head) -> bool:
    """Whether the log still goes through `head`: False once it was purged behind it.

    A purge deletes upwards. So whatever was found or written behind `head` before this
    said True was not in a slot that a purge had laid open.
    """
    stored = store.get(entry_key(path, head.seq))
    return stored is not None and decode(stored.data, head.seq)[1] == head.sum


def begins(store: Store, path: str, total: str) -> bool:
    """Whether the log begins with the entry whose checksum is `total`, just written as the first.

    False if it stands in what a purge has left, before the tombstone.
    """
    keys = list(store.list(f"{path}journal/", limit=2))
    if keys == [entry_key(path, 1), entry_key(path, 2)]:
        second = store.get(keys[1])
        return second is not None and decode(second.data, 2)[0].prev == total
    return keys == [entry_key(path, 1)]


def heads(store: Store, path: str, head: Head) -> Iterator[tuple[Head, Closed | None]]:
    """The head after each further entry, up to the newest, with the window that it closed."""
    while (stored := store.get(entry_key(path, head.seq + 1))) is not None:
        head, closed = follow(head, *decode(stored.data, head.seq + 1, head.sum))
        yield head, closed


def _seq(key: str) -> int:
    return int(key.rpartition("/")[2].removesuffix(".json"))

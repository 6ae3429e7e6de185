"""Reading the entries of one log in order."""

from collections.abc import Iterator

from tunelet.entry import Damaged, decode
from tunelet.events import Deleted
from tunelet.history import Closed, Head, follow
from tunelet.ports import Store


def entry_key(path: str, seq: int) -> str:
    """Where entry `seq` of the log below `path` stands."""
    return f"{path}journal/{seq:020d}.json"


def origin(store: Store, path: str) -> Head:
    """The head before the log's first entry; behind the tombstone, if the log was purged."""
    first = next(store.list(f"{path}journal/", limit=1), None)
    seq = int(first.rpartition("/")[2].removesuffix(".json")) if first else 1
    if seq == 1:
        return Head()
    stored = store.get(entry_key(path, seq))
    if stored is not None:
        entry, total = decode(stored.data, seq)
        if any(isinstance(event, Deleted) for event in entry.events):
            return Head(seq=seq, sum=total)
    raise Damaged(f"the log begins with entry {seq}: the entries before it are missing")


def heads(store: Store, path: str, head: Head) -> Iterator[tuple[Head, Closed | None]]:
    """The head after each further entry, up to the newest, with the window that it closed."""
    while (stored := store.get(entry_key(path, head.seq + 1))) is not None:
        head, closed = follow(head, *decode(stored.data, head.seq + 1, head.sum))
        yield head, closed

"""A tenant's own store: opened at its first use, and again with changed credentials.

A store that cannot be opened is that tenant's fault only. If the store refuses a request and the
files with its credentials have changed since it was opened, it is opened again and asked once more:
a Secret can be rotated while the functions run. A refused request has changed nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from adapters.storage.access import files_at
from tunelet.errors import Reject
from tunelet.ports import Store, Stored

T = TypeVar("T")

Seen = tuple[tuple[str, int, int], ...]
"""Of each file: name, time and size. Kubernetes writes new files for a changed Secret."""


class _Opened(NamedTuple):
    store: Store
    seen: Seen


class OwnStore:
    """Delegates to the store that `opens` returns. Errors name `setting`. Threads may share one.

    `opens` is called again as long as it raises, and after a refusal if `seen` has changed.
    """

    def __init__(
        self, setting: str, opens: Callable[[], Store], seen: Callable[[], Seen] = tuple
    ) -> None:
        self._setting, self._opens, self._seen = setting, opens, seen
        self._lock = Lock()
        self._opened: _Opened | None = None

    @property
    def url(self) -> str:
        return self._current().store.url

    def get(self, key: str) -> Stored | None:
        return self._asked(lambda store: store.get(key))

    def part(self, key: str, start: int, size: int) -> bytes | None:
        return self._asked(lambda store: store.part(key, start, size))

    def create(self, key: str, data: bytes) -> bool:
        return self._asked(lambda store: store.create(key, data))

    def put(self, key: str, data: bytes) -> None:
        self._asked(lambda store: store.put(key, data))

    def replace(self, key: str, data: bytes, version: str) -> bool:
        return self._asked(lambda store: store.replace(key, data, version))

    def copy(self, key: str, to: str) -> bool:
        return self._asked(lambda store: store.copy(key, to))

    def delete(self, key: str) -> None:
        self._asked(lambda store: store.delete(key))

    def ready(self) -> None:
        self._asked(lambda store: store.ready())

    def size(self, prefix: str, most: int) -> int:
        return self._asked(lambda store: store.size(prefix, most))

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        """List keys. After a renewal it continues after the last key that it yielded."""
        opened, given = self._current(), 0
        while True:
            try:
                for key in opened.store.list(prefix, after, limit and limit - given):
                    yield key
                    after, given = key, given + 1
                return
            except Reject as refusal:
                opened = self._renewed(opened, refusal)

    def _asked(self, call: Callable[[Store], T]) -> T:
        opened = self._current()
        while True:
            try:
                return call(opened.store)
            except Reject as refusal:
                opened = self._renewed(opened, refusal)

    def _current(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _renewed(self, refused: _Opened, refusal: Reject) -> _Opened:
        """Return the store with credentials other than the refused ones. Raises `refusal` if there
        are none."""
        with self._lock:
            if self._opened is refused:
                if self._seen() == refused.seen:
                    raise self._named(refusal) from refusal
                self._opened = None
                self._opened = self._open()
            elif self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> _Opened:
        seen = self._seen()
        try:
            return _Opened(self._opens(), seen)
        except Reject as refusal:
            raise self._named(refusal) from refusal

    def _named(self, refusal: Reject) -> Reject:
        """Name the tenant's setting where the store's adapter names the process's."""
        errors = [
            each._replace(field=self._setting) if each.field == "TUNELET_STORE" else each
            for each in refusal.errors
        ]
        return Reject(f"{self._setting}: {refusal}", errors)


def seen_files(credentials: str | None) -> Seen:
    """Return what shows a change of the credentials' files; empty if there are none."""
    if credentials is None:
        return ()
    try:
        stats = [(file.name, file.stat()) for file in files_at(Path(credentials))]
    except OSError:
        # Kubernetes replaces the files at this moment, or they are absent: the next look tells.
        return ()
    return tuple((name, found.st_mtime_ns, found.st_size) for name, found in stats)


if TYPE_CHECKING:
    _: type[Store] = OwnStore

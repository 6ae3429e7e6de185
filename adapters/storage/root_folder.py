"""The root folder of a file store, recognized by a mark inside it.

A folder may vanish at any time: a disk is unmounted, or another is mounted in its place. The
folder is made when the store is opened and never again. A call that finds no file at a path
checks here whether the store itself is still there: an absent root is a fault, not an empty store.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from errno import EROFS
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from adapters.storage.atomic_file import make_folders, sync_name, write
from tunelet.errors import Unavailable

T = TypeVar("T")

OWN = ".tunelet"
"""The store's own folder in the root, for the mark, temporary files and locks. No key begins so."""


def own_folder(store_url: str) -> Path:
    """Return the own folder of the file store at this URL."""
    return Path(unquote(urlsplit(store_url).path)) / OWN


_TRIES = 100
"""How often a folder may vanish between its creation and its use, before that is a fault."""


class RootFolder:
    """Makes the folder, for its owner only, if it is absent. Raises `OSError` if it cannot."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path / OWN / "new"
        self.locks = path / OWN / "locks"
        make_folders(str(path), mode=0o700)
        for folder in (self.temporary, self.locks):
            make_folders(str(folder), str(path))
        self._mark = str(path / OWN / "mark")
        self._known, self._seen = self._made(), _NEVER

    def check(self) -> None:
        """Raise `Unavailable` if the folder is gone, or another is in its place."""
        with suppress(OSError):
            if self._known is None:
                os.stat(self.locks)
                return
            seen = _version(os.stat(self._mark))
            # Another mark file may be the same store's, restored from a backup.
            if seen == self._seen or self._read() == self._known:
                self._seen = seen
                return
        raise self.gone()

    def in_folder(self, path: str, act: Callable[[], T]) -> T:
        """Call `act`, which needs the folder of `path`; make the folder again if it vanishes.

        During a removal a folder is unusable for a moment but still found by its name, so each
        try waits a millisecond longer. The root itself is never made: raises `Unavailable` if it
        is gone.
        """
        for tried in range(_TRIES):
            if tried:
                time.sleep(tried / 1000)
            with suppress(FileNotFoundError):
                make_folders(os.path.dirname(path), str(self.path))
                return act()
            self.check()
        raise FileNotFoundError(2, "the folder vanishes each time it is made", path)

    def gone(self) -> Unavailable:
        return Unavailable(
            f"the folder of the store, {self.path}, is absent, or another is in its place"
            " (is its disk mounted?)"
        )

    def _made(self) -> bytes | None:
        """Read or make the mark; None in an earlier version's folder that cannot be written."""
        new = f"{self.temporary}/{uuid4().hex}"
        try:
            with suppress(FileNotFoundError):
                return self._read()
            with open(new, "xb", buffering=0) as file:
                write(file.fileno(), uuid4().hex.encode())
            with suppress(FileExistsError):
                os.link(new, self._mark)
            sync_name(self._mark)
            return self._read()
        except OSError as error:
            if error.errno == EROFS:
                return None
            raise
        finally:
            with suppress(OSError):
                os.unlink(new)

    def _read(self) -> bytes:
        with open(self._mark, "rb") as file:
            return file.read()


_Version = tuple[int, int, int]
_NEVER: _Version = (0, 0, 0)


def _version(status: os.stat_result) -> _Version:
    return status.st_dev, status.st_ino, status.st_mtime_ns

"""Objects as files in a folder: durable, atomic, and safe for many processes.

An object is written to a temporary file, synced, and moved to its name by one system
call, so that a reader sees all of it or none, also after a crash (O_EXCL in place would
let a reader see half). `link` refuses an existing name, which makes `create` exact
among any number of processes; `put`, `replace` and `delete` take a lock file in turn.
The file system must know hard links and flock: any local one does, and NFS 4.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import uuid4
from zlib import crc32

from tunelet.errors import FieldError, Reject, Retry
from tunelet.ports import Store, Stored

_OWN = ".tunelet"
"""Our own folder inside the root: temporary files and locks. No key begins so."""

_LOCKS = 64


def open_url(url: str) -> "FileStore":
    return FileStore(Path(unquote(urlsplit(url).path)))


class FileStore:
    """The folder `root`, which is made if it does not exist.

    A key is a relative path; `.`, `..` and empty segments are refused (`Reject`), as is a
    key below another key, for a file cannot also be a folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.url = self._root.as_uri()
        self._temporary = self._root / _OWN / "new"
        self._locks = self._root / _OWN / "locks"
        for folder in (self._temporary, self._locks):
            folder.mkdir(parents=True, exist_ok=True)
        self._unnamed = _knows_unnamed(self._temporary)

    def get(self, key: str) -> Stored | None:
        try:
            with open(self._path(key), "rb") as file:
                return Stored(file.read(), _version(os.fstat(file.fileno())))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise _retry(error, key) from error

    def create(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        if self._unnamed:
            with self._faults(path):
                return _create_unnamed(path, data)
        with self._written(path, data) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            _sync_folder(path)
        return True

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with self._written(path, data) as temporary, self._locked(key):
            os.replace(temporary, path)
            _sync_folder(path)

    def replace(self, key: str, data: bytes, version: str) -> bool:
        path = self._path(key)
        with self._written(path, data) as temporary, self._locked(key):
            try:
                if _version(os.stat(path)) != version:
                    return False
            except FileNotFoundError:
                return False
            os.replace(temporary, path)
            _sync_folder(path)
        return True

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            with self._locked(key):
                os.unlink(path)
            _sync_folder(path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise _retry(error, key) from error

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        folder = prefix.rpartition("/")[0]
        keys = self._below(folder, after.encode())
        for count, key in enumerate(k for k in keys if k.startswith(prefix) and _after(k, after)):
            if count == limit:
                return
            yield key

    def _below(self, folder: str, after: bytes) -> Iterator[str]:
        """Keys in the folder, in byte order; folders that end before `after` are skipped."""
        try:
            with os.scandir(self._root / folder) as found:
                names = [(e.name + "/" if e.is_dir() else e.name) for e in found if e.name != _OWN]
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in sorted(names, key=os.fsencode):
            key = f"{folder}/{name}" if folder else name
            if not name.endswith("/"):
                yield key
            elif key.encode() > after or after.startswith(key.encode()):
                yield from self._below(key[:-1], after)

    def _path(self, key: str) -> str:
        segments = key.split("/")
        if any(s in ("", ".", "..", _OWN) or "\0" in s for s in segments):
            problem = FieldError("key", key, "is not a path in the store", "name a relative path")
            raise Reject(f"not a key: {key!r}", [problem])
        return f"{self._root}/{key}"

    @contextmanager
    def _written(self, path: str, data: bytes) -> Iterator[str]:
        """A synced temporary file with `data`, in reach of one system call from `path`."""
        temporary = f"{self._temporary}/{uuid4().hex}"
        try:
            with self._faults(path):
                _make_folders(os.path.dirname(path))
                with open(temporary, "wb", buffering=0) as file:
                    _write(file.fileno(), data)
                yield temporary
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)

    @contextmanager
    def _faults(self, path: str) -> Iterator[None]:
        try:
            yield
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise Reject(f"the key of {path!r} is below or above another key") from error
        except OSError as error:
            raise _retry(error, path) from error

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        lock = self._locks / str(crc32(key.encode()) % _LOCKS)
        with lock.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _create_unnamed(path: str, data: bytes) -> bool:
    """Create by a file that has no name until it is whole (O_TMPFILE, Linux).

    Two thirds of the time of a file that is made, linked and removed, and nothing is left
    behind by a process that dies. `src_dir_fd` makes Python call linkat, as open(2) shows it.
    """
    name = os.path.basename(path)
    _make_folders(os.path.dirname(path))
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        file = os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o644, dir_fd=folder)
        try:
            _write(file, data)
            source = f"/proc/self/fd/{file}"
            os.link(source, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=True)
        except FileExistsError:
            return False
        finally:
            os.close(file)
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _knows_unnamed(folder: Path) -> bool:
    """Whether the system and the folder's file system have O_TMPFILE and let it be linked."""
    name = folder / uuid4().hex
    try:
        return _create_unnamed(str(name), b"")
    except (AttributeError, OSError):
        return False
    finally:
        name.unlink(missing_ok=True)


def _write(file: int, data: bytes) -> None:
    """Write all of `data`, and make it durable."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
    os.fsync(file)


def _after(key: str, after: str) -> bool:
    return key.encode() > after.encode()


def _version(status: os.stat_result) -> str:
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


def _retry(error: OSError, name: str) -> Retry:
    return Retry(f"the file store could not reach {name!r}: {error.strerror}")


def _make_folders(folder: str) -> None:
    if os.path.isdir(folder):
        return
    _make_folders(os.path.dirname(folder))
    os.makedirs(folder, exist_ok=True)
    _sync_folder(folder)


def _sync_folder(path: str) -> None:
    """Make the name of what stands at `path` durable."""
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if TYPE_CHECKING:
    _: type[Store] = FileStore

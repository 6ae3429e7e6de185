"""Objects as files in a folder: durable, atomic, and safe for many processes.

An object is written to a temporary file, synced, and moved to its name by one system
call, so that a reader sees all of it or none, also after a crash (O_EXCL in place would
let a reader see half). `link` refuses an existing name, which makes `create` exact
among any number of processes; `put`, `replace` and `delete` take a lock file in turn.
The file system must know hard links and flock: any local one does, and NFS 4.

A symbolic link is an object like any other: what it points to is not listed below it, and
deleting it leaves that alone, so that no purge reaches out of the root.
"""

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import uuid4
from zlib import crc32

from adapters.storage.durable import (
    create_unnamed,
    in_folder,
    knows_unnamed,
    prune,
    sync_name,
    write,
)
from tunelet.errors import FieldError, Reject, Retry
from tunelet.ports import Store, Stored

_OWN = ".tunelet"
"""Our own folder inside the root: temporary files and locks. No key begins so."""

_LOCKS = 64

_COPIED_AT_ONCE = 1 << 20

_LONGEST = 1024
"""Bytes of a key: as many as S3, Google and Azure take."""


def open_url(url: str) -> "FileStore":
    """Raises `Reject` if the URL names no folder, or one that cannot be made."""
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    if parts.netloc or parts.query or not path.is_absolute():
        raise _refusal(url, "is no folder on this machine", "write file:///folder")
    try:
        return FileStore(path)
    except OSError as error:
        why = f"cannot be made or written ({error.strerror})"
        raise _refusal(url, why, "choose a folder of this user's") from error


class FileStore:
    """The folder `root`, which is made, for its owner only, if it does not exist.

    A key is a relative path; `.`, `..` and empty segments are refused (`Reject`), as is a
    key below another key, for a file cannot also be a folder. A folder goes with the last
    object in it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.url = self._root.as_uri()
        self._temporary = self._root / _OWN / "new"
        self._locks = self._root / _OWN / "locks"
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self._temporary, self._locks):
            folder.mkdir(parents=True, exist_ok=True)
        self._unnamed = knows_unnamed(self._temporary)

    def get(self, key: str) -> Stored | None:
        path = self._path(key)
        with _faults(key):
            try:
                with open(path, "rb") as file:
                    return Stored(file.read(), _version(os.fstat(file.fileno())))
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def create(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        if self._unnamed:
            with _faults(key):
                created = in_folder(path, lambda: create_unnamed(path, data))
        else:
            created = self._create_named(key, path, data)
        if not created and os.path.isdir(path) and not os.path.islink(path):
            raise _nested(key)
        return created

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with self._written(key, data) as temporary, self._locked(key):
            in_folder(path, lambda: os.replace(temporary, path))
            sync_name(path)

    def replace(self, key: str, data: bytes, version: str) -> bool:
        path = self._path(key)
        with self._written(key, data) as temporary, self._locked(key):
            try:
                if _version(os.stat(path)) != version:
                    return False
            except (FileNotFoundError, NotADirectoryError):
                return False
            os.replace(temporary, path)
            sync_name(path)
        return True

    def copy(self, key: str, to: str) -> bool:
        """Not a second name of the same file: its owner may go on writing to it."""
        source, path = self._path(key), self._path(to)
        with self._written(to, b"") as temporary, self._locked(to):
            try:
                with open(source, "rb") as file, open(temporary, "wb") as copied:
                    copyfileobj(file, copied, _COPIED_AT_ONCE)
                    copied.flush()
                    os.fsync(copied.fileno())
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return False
            in_folder(path, lambda: os.replace(temporary, path))
            sync_name(path)
        return True

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _faults(key):
            try:
                with self._locked(key):
                    os.unlink(path)
                    sync_name(path)
            except NotADirectoryError:
                return
            except FileNotFoundError:
                pass  # its folder may be what a process left that died here
            except (IsADirectoryError, PermissionError):
                if os.path.isdir(path):
                    return
                raise
            prune(path, str(self._root))

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        folder, start = prefix.rpartition("/")[0], os.fsencode(after)
        if folder and not _is_key(folder):
            return
        keys = (key for key in self._below(folder, start) if key.startswith(prefix))
        for count, key in enumerate(key for key in keys if os.fsencode(key) > start):
            if count == limit:
                return
            yield key

    def _below(self, folder: str, after: bytes) -> Iterator[str]:
        """Keys in the folder, in byte order; folders that end before `after` are skipped."""
        for name in sorted(self._names(folder), key=os.fsencode):
            key = f"{folder}/{name}" if folder else name
            if not name.endswith("/"):
                yield key
            elif _is_key(key[:-1]) and _reaches(os.fsencode(key), after):
                yield from self._below(key[:-1], after)

    def _names(self, folder: str) -> Sequence[str]:
        with _faults(folder):
            try:
                with os.scandir(self._root / folder) as found:
                    return [
                        f"{e.name}/" if e.is_dir(follow_symlinks=False) else e.name for e in found
                    ]
            except (FileNotFoundError, NotADirectoryError):
                return []

    def _path(self, key: str) -> str:
        if not _is_key(key):
            problem = FieldError("key", key, "is not a path in the store", "name a relative path")
            raise Reject(f"not a key: {key!r}", [problem])
        if len(os.fsencode(key)) > _LONGEST:
            raise _too_long(key)
        return f"{self._root}/{key}"

    def _create_named(self, key: str, path: str, data: bytes) -> bool:
        with self._written(key, data) as temporary:
            if not in_folder(path, lambda: _linked(temporary, path)):
                return False
            sync_name(path)
        return True

    @contextmanager
    def _written(self, key: str, data: bytes) -> Iterator[str]:
        """A synced temporary file with `data`, in reach of one system call from its name."""
        temporary = f"{self._temporary}/{uuid4().hex}"
        try:
            with _faults(key):
                with open(temporary, "wb", buffering=0) as file:
                    write(file.fileno(), data)
                yield temporary
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        lock = self._locks / str(crc32(os.fsencode(key)) % _LOCKS)
        with lock.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _is_key(key: str) -> bool:
    segments = key.split("/")
    try:
        os.fsencode(key)
    except UnicodeEncodeError:
        return False
    plain = not any(s in ("", ".", "..") for s in segments) and "\0" not in key
    return plain and segments[0] != _OWN


def _linked(temporary: str, path: str) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    return True


def _reaches(folder: bytes, after: bytes) -> bool:
    return folder > after or after.startswith(folder)


def _version(status: os.stat_result) -> str:
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


@contextmanager
def _faults(key: str) -> Iterator[None]:
    """Turns the system's errors into ours."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _nested(key) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise _too_long(key) from error
        raise Retry(f"the file store could not reach {key!r}: {error.strerror}") from error


def _nested(key: str) -> Reject:
    return Reject(f"the key {key!r} is below or above another key")


def _too_long(key: str) -> Reject:
    return Reject(f"the key {key[:80]!r}… is longer than a file's name may be")


def _refusal(url: str, message: str, remedy: str) -> Reject:
    problem = FieldError("TUNELET_STORE", url, message, remedy)
    return Reject(f"the store {url!r} {message}; {remedy}", [problem])


if TYPE_CHECKING:
    _: type[Store] = FileStore

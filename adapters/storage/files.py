"""Objects as files in a folder: durable, atomic, and safe for many processes.

An object is written to a temporary file, synced, and moved to its name by one system
call, so that a reader sees all of it or none, also after a crash (with O_EXCL in place a
reader could see half). `link` refuses an existing name, which makes `create` exact
among any number of processes; `put`, `replace` and `delete` take turns by a lock file.
The file system must support hard links and flock: every local one does, and NFS 4.

A symbolic link is an object like any other: its target is not listed below it, and
deleting it does not touch the target, so that no purge leaves the root.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit
from uuid import uuid4
from zlib import crc32

from adapters.storage.atomic_file import (
    Unsynced,
    create_unnamed,
    knows_unnamed,
    prune,
    sync_name,
    write,
)
from adapters.storage.keys import added
from adapters.storage.root_folder import OWN, RootFolder
from tunelet.errors import FieldError, Reject, Retry, Unavailable
from tunelet.ports import Store, Stored

T = TypeVar("T")

_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)

_REFUSALS = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM}
"""Errors that mean that nothing was written, and that last until an operator fixes the cause."""

_LOCKS = 64

_COPIED_AT_ONCE = 1 << 20

_LONGEST = 1024
"""The most bytes of a key: the limit of S3, Google and Azure."""


def open_url(url: str) -> "FileStore":
    """Open a file store. Raises `Reject` if the URL has no folder, or one that cannot be made."""
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    if parts.netloc or parts.query or not path.is_absolute():
        raise _refusal(url, "is not a folder on this machine", "write file:///folder")
    try:
        return FileStore(path)
    except OSError as error:
        why = f"cannot be made or written ({error.strerror})"
        raise _refusal(url, why, "choose a folder of this user's") from error


class FileStore:
    """A store in the folder `root`. Opening it makes the folder, for its owner only, if absent.

    If the folder vanishes or is replaced while the store is open, every call raises `Unavailable`
    until it is back. So does every write if the disk is full or read-only.

    A key is a relative path; `.`, `..` and empty segments are refused (`Reject`), as is a
    key below another key, because a file cannot also be a folder. Deleting the last object
    in a folder removes the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = RootFolder(root.absolute())
        self.url = self._root.path.as_uri()

    @cached_property
    def _unnamed(self) -> bool:
        """Tried with the first object: a process that only reads writes nothing."""
        return knows_unnamed(self._root.temporary)

    def get(self, key: str) -> Stored | None:
        path = self._path(key)
        with self._faults(key):
            try:
                with open(path, "rb") as file:
                    found = Stored(file.read(), _version(os.fstat(file.fileno())))
            except _ABSENT:
                found = None
            self._root.check()
        return found

    def part(self, key: str, start: int, size: int) -> bytes | None:
        """Read a part. A link or a pipe that training code put there counts as absent."""
        path = self._path(key)
        with self._faults(key):
            try:
                found = _part(path, start, size) if self._is_own(key, path) else None
            except _ABSENT:
                found = None
            self._root.check()
        return found

    def create(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        self._root.check()
        if self._unnamed:
            temporary = str(self._root.temporary)
            with self._faults(key):
                created = self._in_folder(path, lambda: create_unnamed(path, data, temporary))
        else:
            created = self._create_named(key, path, data)
        if not created and os.path.isdir(path) and not os.path.islink(path):
            raise _nested(key)
        return created

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with self._written(key, data) as temporary, self._locked(key):
            self._in_folder(path, lambda: os.replace(temporary, path))
            sync_name(path)

    def replace(self, key: str, data: bytes, version: str) -> bool:
        path = self._path(key)
        with self._written(key, data) as temporary, self._locked(key):
            try:
                if _version(os.stat(path)) != version:
                    return False
            except (FileNotFoundError, NotADirectoryError):
                self._root.check()
                return False
            os.replace(temporary, path)
            sync_name(path)
        return True

    def _is_own(self, key: str, path: str) -> bool:
        """Whether the path leads to the key's own file, through no link below the root."""
        root = os.path.realpath(self._root.path)
        return os.path.realpath(path) == os.path.join(root, key)

    def copy(self, key: str, to: str) -> bool:
        """Copy the bytes. A hard link would not do: the file's owner may still write to it.

        A link that training code has made is not followed: it may lead to any file of this machine.
        """
        source, path = self._path(key), self._path(to)
        if not self._is_own(key, source):
            self._root.check()
            return False
        with self._written(to, b"") as temporary, self._locked(to):
            try:
                with open(source, "rb") as file, open(temporary, "wb") as copied:
                    copyfileobj(file, copied, _COPIED_AT_ONCE)
                    copied.flush()
                    os.fsync(copied.fileno())
            except _ABSENT:
                self._root.check()
                return False
            self._in_folder(path, lambda: os.replace(temporary, path))
            sync_name(path)
        return True

    def delete(self, key: str) -> None:
        path = self._path(key)
        self._root.check()
        with self._faults(key):
            try:
                with self._locked(key):
                    os.unlink(path)
                    sync_name(path)
            except NotADirectoryError:
                self._root.check()
                return
            except FileNotFoundError:
                self._root.check()  # a process that died may have left an empty folder here
            except (IsADirectoryError, PermissionError):
                if os.path.isdir(path):
                    return
                raise
            prune(path, str(self._root.path))

    def ready(self) -> None:
        """Try a write that leaves nothing."""
        with self._written("ready", b"ready"):
            pass

    def size(self, prefix: str, most: int) -> int:
        return added(map(self._bytes, self.list(prefix)), most)

    def _bytes(self, key: str) -> int:
        try:
            return os.stat(self._path(key), follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0  # removed since it was listed

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        self._root.check()
        folder, start = prefix.rpartition("/")[0], os.fsencode(after)
        if folder and not _is_key(folder):
            return
        keys = (key for key in self._below(folder, start) if key.startswith(prefix))
        for count, key in enumerate(key for key in keys if os.fsencode(key) > start):
            if count == limit:
                return
            yield key

    def _below(self, folder: str, after: bytes) -> Iterator[str]:
        """Yield the keys in the folder, in byte order; skip folders that end before `after`."""
        for name in sorted(self._names(folder), key=os.fsencode):
            key = f"{folder}/{name}" if folder else name
            if not name.endswith("/"):
                yield key
            elif _is_key(key[:-1]) and _reaches(os.fsencode(key), after):
                yield from self._below(key[:-1], after)

    def _names(self, folder: str) -> Sequence[str]:
        with self._faults(folder):
            try:
                with os.scandir(f"{self._root.path}/{folder}") as found:
                    return [
                        f"{e.name}/" if e.is_dir(follow_symlinks=False) else e.name for e in found
                    ]
            except (FileNotFoundError, NotADirectoryError):
                self._root.check()
                return []

    def _path(self, key: str) -> str:
        if not _is_key(key):
            problem = FieldError("key", key, "is not a path in the store", "name a relative path")
            raise Reject(f"not a key: {key!r}", [problem])
        if len(os.fsencode(key)) > _LONGEST:
            raise _too_long(key)
        return f"{self._root.path}/{key}"

    def _create_named(self, key: str, path: str, data: bytes) -> bool:
        with self._written(key, data) as temporary:
            if not self._in_folder(path, lambda: _linked(temporary, path)):
                return False
            sync_name(path)
        return True

    def _in_folder(self, path: str, act: Callable[[], T]) -> T:
        return self._root.in_folder(path, act)

    @contextmanager
    def _written(self, key: str, data: bytes) -> Iterator[str]:
        """Make a synced temporary file with `data` that one system call can move to its name."""
        temporary = f"{self._root.temporary}/{uuid4().hex}"
        self._root.check()
        with self._faults(key), open(temporary, "xb", buffering=0) as file:
            try:
                write(file.fileno(), data)
                yield temporary
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary)

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        lock = self._root.locks / str(crc32(os.fsencode(key)) % _LOCKS)
        with lock.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        """Turn the system's errors into Tunelet's."""
        try:
            yield
        except OSError as error:
            raise self._meaning(key, error) from error

    def _meaning(self, key: str, error: OSError) -> Reject | Retry:
        try:
            self._root.check()
        except Unavailable as gone:
            return gone
        if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
            return _nested(key)
        if error.errno == errno.ENAMETOOLONG:
            return _too_long(key)
        why = f"the file store {self._root.path} could not serve {key!r}: {error.strerror}"
        refused = error.errno in _REFUSALS and not isinstance(error, Unsynced)
        return Unavailable(why) if refused else Retry(why)


def _is_key(key: str) -> bool:
    segments = key.split("/")
    try:
        os.fsencode(key)
    except UnicodeEncodeError:
        return False
    plain = not any(s in ("", ".", "..") for s in segments) and "\0" not in key
    return plain and segments[0] != OWN


def _linked(temporary: str, path: str) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    return True


def _reaches(folder: bytes, after: bytes) -> bool:
    return folder > after or after.startswith(folder)


def _part(path: str, start: int, size: int) -> bytes | None:
    """Read a part of a regular file; None if it is anything else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        file.seek(start)
        return file.read(size)


def _version(status: os.stat_result) -> str:
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


def _nested(key: str) -> Reject:
    return Reject(f"the key {key!r} is below or above another key")


def _too_long(key: str) -> Reject:
    return Reject(f"the key {key[:80]!r}… is longer than a file's name may be")


def _refusal(url: str, message: str, remedy: str) -> Reject:
    problem = FieldError("TUNELET_STORE", url, message, remedy)
    return Reject(f"the store {url!r} {message}; {remedy}", [problem])


if TYPE_CHECKING:
    _: type[Store] = FileStore

"""System calls for files that are complete and durable, or absent. The file store uses them.

Folders may vanish at any moment, because removing the last file in a folder removes the folder.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

T = TypeVar("T")


class Unsynced(OSError):
    """A name was created or removed, but a power cut might undo it."""


def create_unnamed(path: str, data: bytes, temporary: str) -> bool:
    """Create a file that has no name until it is complete (O_TMPFILE, Linux).

    It takes two thirds of the time of creating, linking and removing a named file, and a process
    that dies leaves no file. `src_dir_fd` makes Python call linkat, as open(2) shows it.

    The file is created in the folder `temporary` on the same file system. If that folder is gone,
    nothing is written to a folder that may be in its place.
    """
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        file = os.open(temporary, os.O_TMPFILE | os.O_WRONLY, 0o644)
        try:
            write(file, data)
            os.link(
                f"/proc/self/fd/{file}",
                os.path.basename(path),
                src_dir_fd=folder,
                dst_dir_fd=folder,
                follow_symlinks=True,
            )
        except FileExistsError:
            return False
        finally:
            os.close(file)
        _sync(folder)
    finally:
        os.close(folder)
    return True


def knows_unnamed(folder: Path) -> bool:
    """Whether the system and the folder's file system have O_TMPFILE and can link such a file.

    False if the folder cannot be written now: the other way is slower, but as safe.
    """
    name = folder / uuid4().hex
    try:
        return create_unnamed(str(name), b"", str(folder))
    except (AttributeError, OSError):
        return False
    finally:
        with suppress(OSError):
            name.unlink()


def write(file: int, data: bytes) -> None:
    """Write all of `data`, and make it durable."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
    os.fsync(file)


def sync_name(path: str) -> None:
    """Make the presence or absence of the name `path` durable."""
    try:
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return  # the folder was removed with its last file
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _sync(folder: int) -> None:
    """Sync a folder. Raises `Unsynced`, because the name exists by now: something was done."""
    try:
        os.fsync(folder)
    except OSError as error:
        raise Unsynced(errno.EIO, f"it may not be durable: {error.strerror}") from error


def prune(path: str, root: str) -> None:
    """Remove the folders between `path` and `root` that are empty now."""
    folder = os.path.dirname(path)
    with suppress(OSError):  # the first that is not empty, which is no fault
        while folder != root:
            os.rmdir(folder)
            folder = os.path.dirname(folder)


def make_folders(folder: str, root: str = "/", mode: int = 0o777) -> None:
    """Make the folder, with `mode`, and those above it, but not the root; all durable."""
    if folder == root or os.path.isdir(folder):
        return
    make_folders(os.path.dirname(folder), root)
    with suppress(FileExistsError):
        os.mkdir(folder, mode)
    if _is_file(folder):
        raise NotADirectoryError(20, "is a file", folder)
    sync_name(folder)


def _is_file(path: str) -> bool:
    """Whether a file is at `path`. Looks only once, because the file may come and go."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISDIR(mode) and not os.path.isdir(path)

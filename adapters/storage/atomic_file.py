"""Files that are whole and durable, or not there: what the file store asks of the system.

Folders may vanish at any moment, because whoever removes the last file of one removes it too.
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
    """A name was made or removed, and a power cut might undo that."""


def create_unnamed(path: str, data: bytes, temporary: str) -> bool:
    """Create by a file that has no name until it is whole (O_TMPFILE, Linux).

    Two thirds of the time of a file that is made, linked and removed, and nothing is left
    behind by a process that dies. `src_dir_fd` makes Python call linkat, as open(2) shows it.

    The file begins in the folder `temporary`, on the same file system: where that is gone, nothing
    is written to what may be in its place.
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
    """Whether the system and the folder's file system have O_TMPFILE and let it be linked.

    No if it cannot be written now: the other way is slower, and as good.
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
    """Make the name of what stands at `path` durable, or that it is gone."""
    try:
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return  # whoever removed all that was in the folder removed it too
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _sync(folder: int) -> None:
    """Raises `Unsynced`: the name is there by now, so it must not seem that nothing was done."""
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
    """Looks once for what may come and go: absent and then a folder is no file."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISDIR(mode) and not os.path.isdir(path)

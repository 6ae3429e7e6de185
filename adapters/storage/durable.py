"""Files that are whole and durable, or not there: what the file store asks of the system.

Folders may vanish at any moment, because whoever removes the last file of one removes it too.
"""

import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

T = TypeVar("T")

_TRIES = 100
"""How often a folder may vanish between its making and its use, before that is a fault."""


def in_folder(path: str, act: Callable[[], T]) -> T:
    """Do what needs the folder of `path`, which is made anew if it vanishes meanwhile.

    A removal has its moment when the folder is dead but still found by its name: whoever
    removes it must get time to end that, so each try waits a millisecond longer.
    """
    for tried in range(_TRIES):
        time.sleep(tried / 1000)
        with suppress(FileNotFoundError):
            _make_folders(os.path.dirname(path))
            return act()
    raise FileNotFoundError(2, "the folder vanishes as often as it is made", path)


def create_unnamed(path: str, data: bytes) -> bool:
    """Create by a file that has no name until it is whole (O_TMPFILE, Linux).

    Two thirds of the time of a file that is made, linked and removed, and nothing is left
    behind by a process that dies. `src_dir_fd` makes Python call linkat, as open(2) shows it.
    """
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        file = _open_unnamed(folder)
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
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _open_unnamed(folder: int) -> int:
    """Raises `FileNotFoundError` if the folder was removed since it was opened.

    ext4 then answers EPERM: a folder without a link takes no new inode (__ext4_new_inode).
    """
    try:
        return os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o644, dir_fd=folder)
    except PermissionError:
        if os.fstat(folder).st_nlink:
            raise
        raise FileNotFoundError(2, "the folder was removed") from None


def knows_unnamed(folder: Path) -> bool:
    """Whether the system and the folder's file system have O_TMPFILE and let it be linked."""
    name = folder / uuid4().hex
    try:
        return create_unnamed(str(name), b"")
    except (AttributeError, OSError):
        return False
    finally:
        name.unlink(missing_ok=True)


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
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prune(path: str, root: str) -> None:
    """Remove the folders between `path` and `root` that are empty now."""
    folder = os.path.dirname(path)
    with suppress(OSError):  # the first that is not empty, which is no fault
        while folder != root:
            os.rmdir(folder)
            folder = os.path.dirname(folder)


def _make_folders(folder: str) -> None:
    if os.path.isdir(folder):
        return
    _make_folders(os.path.dirname(folder))
    with suppress(FileExistsError):
        os.mkdir(folder)
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

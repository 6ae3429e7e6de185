"""The disk that a power cut leaves: every file and every name as it was when last synced.

Real file systems keep more. This one forgets all that POSIX lets them forget, so a missing
`fsync` loses data on it at once, and the tests need neither strace nor a device of their own.
`PowerCut.sync` takes the place of `os.fsync`, also in another process over the same `memory`.
"""

import json
import os
import shutil
import stat
from pathlib import Path

REAL_FSYNC, REAL_RENAME, REAL_LINK = os.fsync, os.rename, os.link


class PowerCut:
    """Keeps in the folder `memory` the synced state of the folder `disk`."""

    def __init__(self, disk: Path, memory: Path) -> None:
        self.disk = disk
        self._memory = memory
        self.early: list[str] = []
        """Names that files and folders got before their contents were synced."""
        if not memory.exists():
            memory.mkdir()
            self.sync(os.open(disk, os.O_RDONLY))

    def sync(self, descriptor: int) -> None:
        REAL_FSYNC(descriptor)
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            names = {name: _inode(name, descriptor) for name in os.listdir(descriptor)}
            self._kept(status.st_ino).write_text(json.dumps(names))
        else:
            shutil.copyfile(f"/proc/self/fd/{descriptor}", self._kept(status.st_ino))

    def rename(self, source: str | Path, target: str | Path) -> None:
        self._look(source, target)
        REAL_RENAME(source, target)

    def link(self, source: str | Path, target: str | Path, **options: int) -> None:
        self._look(source, target)
        REAL_LINK(source, target, **options)

    def left(self, to: Path) -> Path:
        """Lay out in the new folder `to` all that a power cut now would leave of the disk."""
        self._lay_out(os.stat(self.disk).st_ino, to)
        return to

    def _look(self, source: str | Path, target: str | Path) -> None:
        if not self._whole(os.fspath(source)):
            self.early.append(os.path.basename(target))

    def _whole(self, path: str) -> bool:
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            return self._contents(status.st_ino) == Path(path).read_bytes()
        names = os.listdir(path)
        synced = self._names(status.st_ino).keys() == set(names)
        return synced and all(self._whole(f"{path}/{name}") for name in names)

    def _lay_out(self, inode: int, to: Path) -> None:
        to.mkdir()
        for name, (child, is_folder) in self._names(inode).items():
            if is_folder:
                self._lay_out(child, to / name)
            else:
                (to / name).write_bytes(self._contents(child))

    def _contents(self, inode: int) -> bytes:
        kept = self._kept(inode)
        return kept.read_bytes() if kept.exists() else b""

    def _names(self, inode: int) -> dict[str, tuple[int, bool]]:
        kept = self._kept(inode)
        return json.loads(kept.read_text()) if kept.exists() else {}

    def _kept(self, inode: int) -> Path:
        return self._memory / str(inode)


def _inode(name: str, folder: int) -> tuple[int, bool]:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return status.st_ino, stat.S_ISDIR(status.st_mode)

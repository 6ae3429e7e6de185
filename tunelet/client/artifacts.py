"""The files of a trial's checkpoint, read from the service in parts of a few MiB."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from tunelet.errors import NotFound, Reject

if TYPE_CHECKING:
    from tunelet.client.transport import Calls

Pages = Callable[[str, str, dict[str, object]], Iterator[Any]]


class Artifacts:
    """The files of one trial's checkpoint, by name."""

    def __init__(self, transport: "Calls", path: str, pages: Pages) -> None:
        self._transport, self._path, self._pages = transport, path, pages

    def __iter__(self) -> Iterator[str]:
        """Yield the names in order; a name may have slashes."""
        return self._pages(f"{self._path}/artifacts", "artifacts", {"limit": 500})

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the file's bytes in pieces. Raises `NotFound` if there is no such file."""
        offset, more = 0, True
        while more:
            query, header = {"name": name}, {"Range": f"bytes={offset}-"}
            status, headers, chunks = self._transport.stream(
                f"{self._path}/artifact", query, header
            )
            for chunk in chunks:
                yield chunk
                offset += len(chunk)
            # The service sends a large file in parts; the last one does not end with "/*".
            more = status == 206 and headers.get("Content-Range", "").endswith("/*")

    def download(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write all files below `folder`, which is made; returns their paths.

        Each file appears when it is whole, and replaces one of its name. Raises `OSError`, `Reject`
        if a name would lead out of the folder, and `NotFound` after all others if any is no file.
        """
        written, missing = [], []
        for name in self:
            try:
                written.append(self._downloaded(name, Path(folder)))
            except NotFound as fault:
                missing.append(fault)
        if missing:
            raise missing[0]
        return written

    def _downloaded(self, name: str, folder: Path) -> Path:
        target = _inside(folder, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        _inside(folder, name)  # A folder that is there may be a link.
        temporary = target.with_name(f"{target.name}.part")
        try:
            with temporary.open("wb") as file:
                file.writelines(self.read(name))
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return target


def _inside(folder: Path, name: str) -> Path:
    """Return the path below `folder`. The service is not trusted with the rest of the disk."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    plain = not posix.is_absolute() and not windows.anchor and ".." not in windows.parts
    target = folder / posix
    if not plain or not target.parent.resolve().is_relative_to(folder.resolve()):
        raise Reject(f"the artifact {name!r} is not written: its name leads out of {folder}")
    return target

"""Where a run of this machine keeps its checkpoint, if its store is a folder.

The folder is made in the store that launches the run, and in no other: where the store's disk is
away, what a training saves would be hidden as soon as it is back.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from adapters.storage.atomic_file import make_folders
from tunelet.errors import Unavailable
from tunelet.log.identity import KEY


def checkpoint_folder(env: Mapping[str, str]) -> Path | None:
    """Where the trial keeps its checkpoint, if that is on this machine."""
    parts = urlsplit(env.get("TUNELET_CHECKPOINT_URL", ""))
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def make_checkpoint_folder(folder: Path, store: str) -> None:
    """Make the folder inside the store of that identity; "" is a run of no known store.

    Raises `Unavailable` if the store is not there, and `OSError`.
    """
    if not store:
        make_folders(str(folder))
        return
    root = next((above for above in folder.parents if _identity(above) == store), None)
    if root is None:
        raise Unavailable(
            f"the checkpoint folder {folder} is not made: the folder of its store is not there,"
            " or another is in its place (is its disk mounted?)"
        )
    make_folders(str(folder), str(root))


def remove_if_empty(folder: Path | None) -> None:
    """With the folder of its experiment. The store, which removes the rest, sees files only."""
    if folder is not None:
        with suppress(OSError):
            folder.rmdir()
            folder.parent.rmdir()


def _identity(folder: Path) -> str | None:
    """Of the store in the folder; None if it is none, or cannot be read."""
    with suppress(OSError, UnicodeDecodeError):
        return (folder / KEY).read_text()
    return None

"""The checkpoint folder of a run on this machine, if its store is a folder.

The folder is made only inside the store that launches the run. If the store's disk is not mounted,
a folder at the same path would be hidden as soon as the disk is back.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from adapters.storage.atomic_file import make_folders
from tunelet.errors import Unavailable
from tunelet.log.identity import KEY


def checkpoint_folder(env: Mapping[str, str]) -> Path | None:
    """Return the folder of the trial's checkpoint; None if it is not on this machine."""
    parts = urlsplit(env.get("TUNELET_CHECKPOINT_URL", ""))
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def make_checkpoint_folder(folder: Path, store: str) -> None:
    """Make the folder inside the store with the identity `store`; "": the store is unknown.

    Raises `Unavailable` if that store is absent, and `OSError`.
    """
    if not store:
        make_folders(str(folder))
        return
    root = next((above for above in folder.parents if _identity(above) == store), None)
    if root is None:
        raise Unavailable(
            f"the checkpoint folder {folder} is not made: the folder of its store is absent,"
            " or another is in its place (is its disk mounted?)"
        )
    make_folders(str(folder), str(root))


def remove_if_empty(folder: Path | None) -> None:
    """Remove the folder and its experiment's, if empty. The store itself sees only files."""
    if folder is not None:
        with suppress(OSError):
            folder.rmdir()
            folder.parent.rmdir()


def _identity(folder: Path) -> str | None:
    """Read the identity of the store in the folder; None if there is none or it is unreadable."""
    with suppress(OSError, UnicodeDecodeError):
        return (folder / KEY).read_text()
    return None

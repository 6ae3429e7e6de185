"""The identity of a launcher's installation, among those that use the same store.

Imports no launcher, because functions that never launch need the identity as well.
"""

import hmac
import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from urllib.parse import parse_qs, unquote, urlsplit

from adapters.storage.atomic_file import make_folders, sync_name, write
from tunelet.core.installation import Installation

_FILE = "installation"


def installation(
    url: str,
    secret: bytes,
    aliases: Mapping[str, Sequence[str]],
    limit: int | None,
    commands: bool = False,
) -> Installation:
    """Return the installation of the launcher at `url`.

    All launchers over one folder are one installation. In a cluster, so are those with the same
    secret and the same `installation` in their URL: a deployment's functions share both.
    """
    parts = urlsplit(url)
    if parts.scheme == "process":
        from adapters.launchers.local.abilities import Abilities, places

        folder = Path(unquote(parts.path)).resolve()
        return Installation(_made(folder), places(limit), Abilities(aliases, commands=commands))
    name = parse_qs(parts.query).get("installation", ["tunelet"])[-1]
    digest = hmac.new(secret, f"installation {name}".encode(), sha256).hexdigest()
    return Installation(f"{name}-{digest[:12]}")


def kept(folder: Path) -> str | None:
    """Return the name of the installation whose launcher has this folder; None before the first."""
    path = folder / _FILE
    return path.read_text() if path.exists() else None


def _made(folder: Path) -> str:
    """Return the name in the folder; make one if absent. Concurrent callers get the same one."""
    path = folder / _FILE
    if not path.exists():
        make_folders(str(folder))
        new = folder / f"{_FILE}.{token_hex(4)}"
        descriptor = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        try:
            write(descriptor, token_hex(8).encode())
            os.link(new, path)
        except FileExistsError:
            pass  # another process was first, and its name counts
        finally:
            os.close(descriptor)
            new.unlink()
        sync_name(str(path))
    return path.read_text()

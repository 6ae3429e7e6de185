"""Finds the service's bundled packages and manifests, in the checkout or inside the wheel.

In a checkout `functions`, `adapters`, `algorithms` and `infra` are beside `tunelet`. The wheel adds
no top-level name except `tunelet`, so it bundles them in `tunelet/_bundle`. A program that starts
the service calls `activate` first; other code works the same in both.
"""

import sys
from pathlib import Path

from tunelet.errors import NotFound

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """Return the folder with `functions`, `adapters`, `algorithms` and `infra`."""
    bundled = _PACKAGE / "_bundle"
    return bundled if bundled.is_dir() else _PACKAGE.parent


def activate() -> None:
    """Make the service's packages importable, before all others.

    They come first in the path, because an unrelated `adapters` from PyPI may be installed, too.
    """
    folder = str(root())
    sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]


def resource(path: str) -> Path:
    """Return the file or folder at `path` below the root, such as "infra/knative/base".

    Raises `NotFound` if this installation does not have it.
    """
    found = root() / path
    if not found.exists():
        raise NotFound(f"{path} is not part of this installation of tunelet")
    return found

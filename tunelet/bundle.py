"""Where the service's own packages and manifests are: in the checkout or inside the wheel.

In a checkout `functions`, `adapters`, `algorithms` and `infra` stand beside `tunelet`. The wheel
adds no top-level name but `tunelet`, so there they travel in `tunelet/_bundle`. Whoever starts
the service calls `activate` first; nothing else need know the difference.
"""

import sys
from pathlib import Path

from tunelet.errors import NotFound

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """The folder that holds `functions`, `adapters`, `algorithms` and `infra`."""
    bundled = _PACKAGE / "_bundle"
    return bundled if bundled.is_dir() else _PACKAGE.parent


def activate() -> None:
    """Make the service's packages importable, ahead of all others.

    First on the path, for PyPI has an unrelated `adapters` that may be installed as well.
    """
    folder = str(root())
    sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]


def resource(path: str) -> Path:
    """The file or folder at `path` below the root, such as "infra/knative/base".

    Raises `NotFound` if this installation does not have it.
    """
    found = root() / path
    if not found.exists():
        raise NotFound(f"{path} is not part of this installation of tunelet")
    return found

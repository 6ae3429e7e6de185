"""Launchers, chosen by URL and imported only when opened."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from urllib.parse import urlsplit

from tunelet.errors import FieldError, Reject
from tunelet.ports import WatchableLauncher

_MODULES = {
    "process": "adapters.launchers.local.launcher",
    "kubernetes": "adapters.launchers.kubernetes.launcher",
}


def open_launcher(
    url: str, *, aliases: Mapping[str, Sequence[str]] | None = None, limit: int | None = None
) -> WatchableLauncher:
    """Open the launcher at `url`: `process:///folder` or `kubernetes://`.

    `aliases` maps an image's name to a local command; at most `limit` runs are active at a
    time (None: the launcher's own choice). Raises `Reject` for an unknown scheme.
    """
    scheme = urlsplit(url).scheme
    if scheme not in _MODULES:
        known = ", ".join(f"{name}://" for name in _MODULES)
        problem = FieldError("TUNELET_LAUNCHER", url, "names no launcher", f"use one of {known}")
        raise Reject(f"no launcher is known for {url!r}; use one of {known}", [problem])
    opener: Callable[..., WatchableLauncher] = import_module(_MODULES[scheme]).open_url
    return opener(url, aliases=aliases or {}, limit=limit)

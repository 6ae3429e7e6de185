"""The token that a client sends, and where it is from.

In this order: the one that the caller gives, or TUNELET_TOKEN; the sign-in of `tunelet login` at
this service; and, if the service asks for a token, that of the pod's ServiceAccount in
TUNELET_TOKEN_FILE. That one is for Tunelet alone: the pod's usual token opens the cluster's API, so
it is never sent.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from tunelet.errors import Retry

TOKEN_FILE = "/var/run/secrets/tunelet/token"
"""Where a pod's token for Tunelet is mounted, unless TUNELET_TOKEN_FILE names another place."""

EARLY = 60.0
"""Seconds before its end at which a sign-in is renewed."""


class Credential(Protocol):
    """Gives the token for each request."""

    def token(self) -> str | None:
        """The token to send now; None: none."""
        ...

    def refused(self, sent: str | None) -> bool:
        """Whether another token than `sent`, which was refused, may be better."""
        ...


def chosen(url: str, given: str | None, environ: Mapping[str, str] = os.environ) -> Credential:
    """The credential of a client of the service at `url`. Reads no token yet."""
    if token := given or environ.get("TUNELET_TOKEN"):
        return _Fixed(token)
    from tunelet.client import logins

    mounted = Path(environ.get("TUNELET_TOKEN_FILE") or TOKEN_FILE)
    return _Kept(url, mounted) if logins.file().exists() else _Mounted(mounted)


class _Fixed:
    def __init__(self, token: str | None) -> None:
        self._token = token

    def token(self) -> str | None:
        return self._token

    def refused(self, sent: str | None) -> bool:
        return False


NONE: Credential = _Fixed(None)
"""Sends no token."""


class _Mounted:
    """A file that the kubelet renews. It is read only once the service has asked for a token."""

    def __init__(self, path: Path) -> None:
        self._path, self._asked = path, False

    def token(self) -> str | None:
        if not self._asked:
            return None
        try:
            return self._path.read_text().strip() or None
        except OSError:
            return None

    def refused(self, sent: str | None) -> bool:
        self._asked = True
        return self.token() not in (None, sent)


class _Kept:
    """A sign-in, renewed before it ends. Without one at this service: the mounted file."""

    def __init__(self, url: str, mounted: Path, clock: Callable[[], float] = time.time) -> None:
        self._url, self._clock = url, clock
        self._mounted = _Mounted(mounted)
        self._lock = threading.Lock()

    def token(self) -> str | None:
        with self._lock:
            return self._present(None) or self._mounted.token()

    def refused(self, sent: str | None) -> bool:
        with self._lock:
            renewed = self._present(sent)
        return renewed != sent if renewed else self._mounted.refused(sent)

    def _present(self, refused: str | None) -> str | None:
        """Return the sign-in's token; renewed if it ends soon, or is the `refused` one."""
        from tunelet.client import logins

        login = logins.get(self._url)
        if login is None:
            return None
        if login.token != refused and self._clock() < login.expires_at - EARLY:
            return login.token
        try:
            return self._renewed(refused)
        except Retry:
            if login.token == refused or self._clock() >= login.expires_at:
                raise
            return login.token  # it still counts

    def _renewed(self, refused: str | None) -> str | None:
        """Renew it, unless another process just has: a refresh token counts once."""
        from tunelet.client import device, logins

        with logins.renewing():
            login = logins.get(self._url)
            if login is None:
                return None
            if login.token != refused and self._clock() < login.expires_at - EARLY:
                return login.token
            login = device.refreshed(login)
            logins.put(self._url, login)
        return login.token

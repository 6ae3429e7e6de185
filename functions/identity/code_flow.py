"""Sign in a person in the page: the authorization code flow with PKCE (RFC 6749, RFC 7636).

The page sends the browser to the issuer and gets the code. This module only carries the code to
the issuer and its tokens back, so that the page calls no other host, and the issuer need not admit
calls of pages. It keeps no code and no token, and writes none into an error or a log.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from functions.problem import Refused
from tunelet.errors import FieldError, Retry

KEPT = 600.0
"""Seconds for which the issuer's addresses are kept."""
AT_ONCE = 4
"""The most requests to the issuer at a time: anyone may cause one."""
PAUSE = 5.0
_CONNECT, _READ = 2.0, 5.0
_MOST_BYTES = 1 << 20
_LIFE = 300
"""Seconds for which a token counts of which the issuer does not say it."""
_LONGEST_LIFE = 10 * 366 * 86_400
_WORD = re.compile(r"[a-z_]{1,64}")
_NEEDED = ("authorization_endpoint", "token_endpoint")

Json = dict[str, Any]


class CodeFlow:
    """The sign-in of the page at one issuer. Threads may share one."""

    def __init__(
        self,
        login: Mapping[str, str],
        ca_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`login` is the configuration's; `ca_file` has the certificates to trust."""
        self._issuer = login["issuer"]
        self._client = login.get("page_client_id") or login["client_id"]
        self._scope, self._audience = login["scope"], login["audience"]
        self._kind = login["token"]
        self._ca_file, self._clock = ca_file, clock
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._found: tuple[float, Json] | None = None

    def settings(self) -> Json:
        """Return what the page needs to send the browser to the issuer. Raises `Retry`."""
        return {
            "authorization_endpoint": self._addresses()["authorization_endpoint"],
            "client_id": self._client,
            "scope": self._scope,
            "audience": self._audience,
        }

    def of_code(self, code: str, verifier: str, redirect_uri: str) -> Json:
        """Exchange a code for tokens. Raises `Refused` if the issuer does, or `Retry`."""
        grant = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        return self._tokens({**grant, "redirect_uri": redirect_uri})

    def refreshed(self, refresh_token: str) -> Json:
        """Renew a sign-in. Raises `Refused` if it has ended, or `Retry`."""
        return self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def _tokens(self, grant: Mapping[str, str]) -> Json:
        url = self._addresses()["token_endpoint"]
        with self._turn():
            answer = self._sent("POST", url, {**grant, "client_id": self._client})
        token, refresh = answer.get(self._kind), answer.get("refresh_token")
        if not isinstance(token, str) or not token:
            raise _refused(f"gives no {self._kind}", "check token in the identity configuration")
        life = answer.get("expires_in")
        return {
            "token": token,
            "expires_in": _seconds(life),
            "refresh_token": refresh if isinstance(refresh, str) else None,
        }

    def _addresses(self) -> Json:
        """Return the discovery document; one that is known is kept for some minutes."""
        known = self._found
        if known is not None and self._clock() - known[0] < KEPT:
            return known[1]
        with self._turn():
            url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            found = self._sent("GET", url)
        scheme = f"{self._issuer.partition(':')[0]}:"
        named = [found.get(each) for each in _NEEDED]
        safe = all(isinstance(each, str) and each.startswith(scheme) for each in named)
        if found.get("issuer") != self._issuer or not safe:
            raise _refused("offers no sign-in in a browser", "use a token")
        self._found = self._clock(), found
        return found

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._free.acquire(timeout=_CONNECT):
            raise Retry("many people sign in at this moment", PAUSE)
        try:
            yield
        finally:
            self._free.release()

    def _sent(self, method: str, url: str, form: Mapping[str, str] | None = None) -> Json:
        import urllib3
        from urllib3.exceptions import HTTPError

        options: dict[str, Any] = {"redirect": False, "preload_content": False}
        if form is not None:
            options |= {"fields": dict(form), "encode_multipart": False}
        limits = urllib3.Timeout(connect=_CONNECT, read=_READ)
        try:
            with urllib3.PoolManager(timeout=limits, retries=False, ca_certs=self._ca_file) as pool:
                answer = pool.request(method, url, **options)
                raw = answer.read(_MOST_BYTES, decode_content=True)
        except HTTPError:
            raise Retry("the issuer does not answer", PAUSE) from None
        return _document(answer.status, raw)


def _seconds(life: object) -> int:
    """Return an issuer's `expires_in`; JSON of Python's library may have NaN and infinities."""
    if isinstance(life, int | float) and 1 <= life <= _LONGEST_LIFE:
        return int(life)
    return _LIFE


def _document(status: int, raw: bytes) -> Json:
    try:
        found = json.loads(raw)
    except ValueError:
        found = None
    if status == HTTPStatus.OK and isinstance(found, dict):
        return found
    word = found.get("error") if isinstance(found, dict) else None
    if (
        status < HTTPStatus.INTERNAL_SERVER_ERROR
        and isinstance(word, str)
        and _WORD.fullmatch(word)
    ):
        raise _refused(f"answers {word}", "sign in again")
    raise Retry(f"the issuer answers {status}", PAUSE)


def _refused(message: str, remedy: str) -> Refused:
    error = FieldError("issuer", None, message, remedy)
    return Refused(HTTPStatus.FORBIDDEN, f"you are not signed in: the issuer {message}", [error])

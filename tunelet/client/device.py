"""Sign in a person in a browser elsewhere: the device flow of OAuth 2.0 (RFC 8628).

Nothing here puts a token into an error, a log or a trace.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import urllib3
from urllib3.exceptions import HTTPError

from tunelet.client.logins import Login
from tunelet.errors import FieldError, Reject, Retry, Unauthorized

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL, _SLOWER = 5.0, 5.0
_USUAL_LIFE = 300.0
_CONNECT, _READ = 5.0, 15.0
_MOST_BYTES = 1 << 20
_WORD = re.compile(r"[a-z_]{1,64}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Json = dict[str, Any]


class Issuer(NamedTuple):
    """The addresses of an issuer that its discovery document names."""

    device: str
    token: str
    revocation: str | None


class Prompt(NamedTuple):
    """What the person has to do."""

    url: str
    code: str
    complete_url: str | None
    """The address with the code in it."""


def discovered(issuer: str) -> Issuer:
    """Read the discovery document. Raises `Reject` for an issuer without the device flow."""
    document = _sent("GET", f"{_safe(issuer).rstrip('/')}/.well-known/openid-configuration")
    device, token = document.get("device_authorization_endpoint"), document.get("token_endpoint")
    if (
        document.get("issuer") != issuer
        or not isinstance(device, str)
        or not isinstance(token, str)
    ):
        remedy = "ask for a token of another kind, and set TUNELET_TOKEN"
        raise _refused(issuer, "offers no sign-in from a terminal (RFC 8628)", remedy)
    revocation = document.get("revocation_endpoint")
    return Issuer(_safe(device), _safe(token), revocation if isinstance(revocation, str) else None)


def signed_in(
    settings: Mapping[str, str],
    show: Callable[[Prompt], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.time,
) -> Login:
    """Show the person where to agree, and wait. `settings` are the service's (GET /api/login).

    Raises `Unauthorized` if the person refuses or takes too long.
    """
    issuer = discovered(settings["issuer"])
    client = {"client_id": settings["client_id"]}
    audience = {"audience": settings["audience"]} if settings.get("audience") else {}
    begun = _sent("POST", issuer.device, {**client, "scope": settings["scope"], **audience})
    show(_prompt(begun))
    form = {**client, "grant_type": GRANT, "device_code": str(begun["device_code"])}
    until = clock() + float(begun.get("expires_in", _USUAL_LIFE))
    pause = float(begun.get("interval", _INTERVAL))
    while clock() < until:
        sleep(pause)
        answer, pause = _polled(issuer.token, form, pause)
        if answer is not None:
            kind = settings.get("token", "access_token")
            return _login(answer, settings["client_id"], issuer, kind, clock())
    raise Unauthorized("the code has expired before anyone agreed: sign in again")


def refreshed(login: Login, clock: Callable[[], float] = time.time) -> Login:
    """Renew a sign-in. Raises `Unauthorized` if it has ended, `Retry` without an answer."""
    if login.refresh_token is None:
        raise _ended()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": login.refresh_token,
        "client_id": login.client_id,
    }
    try:
        answer = _sent("POST", login.token_endpoint, form)
    except _OAuthError:
        raise _ended() from None
    issuer = Issuer("", login.token_endpoint, login.revocation_endpoint)
    renewed = _login(answer, login.client_id, issuer, login.kind, clock())
    # An issuer that does not rotate its refresh tokens sends none.
    return renewed._replace(refresh_token=renewed.refresh_token or login.refresh_token)


def revoked(login: Login) -> bool:
    """Ask the issuer to end the sign-in (RFC 7009). False if it cannot."""
    if login.revocation_endpoint is None or login.refresh_token is None:
        return False
    form = {"token": login.refresh_token, "client_id": login.client_id}
    try:
        _sent("POST", _safe(login.revocation_endpoint), form)
    except (Retry, Reject):
        return False
    return True


class _OAuthError(Reject):
    """The issuer answered with an error of OAuth."""

    def __init__(self, word: str) -> None:
        super().__init__(f"the issuer answers {word}")
        self.word = word


def _prompt(begun: Json) -> Prompt:
    url, code = begun.get("verification_uri"), begun.get("user_code")
    if not (isinstance(url, str) and isinstance(code, str) and begun.get("device_code")):
        raise Reject("the issuer's answer names no page to sign in at")
    complete = begun.get("verification_uri_complete")
    return Prompt(url, code, complete if isinstance(complete, str) else None)


def _polled(url: str, form: Mapping[str, str], pause: float) -> tuple[Json | None, float]:
    """Return the answer if the person has agreed, and how long to wait before the next poll."""
    try:
        return _sent("POST", url, form), pause
    except _OAuthError as fault:
        if fault.word == "authorization_pending":
            return None, pause
        if fault.word == "slow_down":
            return None, pause + _SLOWER
        raise Unauthorized(f"you are not signed in: {fault}") from None
    except Retry:
        return None, max(pause, 1.0) * 2


def _login(answer: Json, client_id: str, issuer: Issuer, kind: str, now: float) -> Login:
    token = answer.get(kind)
    if not isinstance(token, str) or not token:
        raise Reject(f"the issuer's answer has no {kind}")
    life, refresh = answer.get("expires_in", _USUAL_LIFE), answer.get("refresh_token")
    return Login(
        token=token,
        expires_at=now + float(life),
        refresh_token=refresh if isinstance(refresh, str) else None,
        client_id=client_id,
        token_endpoint=issuer.token,
        revocation_endpoint=issuer.revocation,
        kind=kind,
    )


def _sent(method: str, url: str, form: Mapping[str, str] | None = None) -> Json:
    """Return the answer's JSON. Raises `_OAuthError`, or `Retry` if there is no usable answer."""
    limits = urllib3.Timeout(connect=_CONNECT, read=_READ)
    options: dict[str, Any] = {"redirect": False, "retries": False, "preload_content": False}
    if form is not None:
        options |= {"fields": dict(form), "encode_multipart": False}
    try:
        with urllib3.PoolManager(timeout=limits) as pool:
            answer = pool.request(method, url, **options)
            raw = answer.read(_MOST_BYTES)
    except HTTPError as fault:
        raise Retry(f"{_host(url)} does not answer ({type(fault).__name__})") from None
    return _document(url, answer.status, raw)


def _document(url: str, status: int, raw: bytes) -> Json:
    try:
        found = json.loads(raw) if raw else {}
    except ValueError:
        found = None
    if status == 200 and isinstance(found, dict):
        return found
    word = found.get("error") if isinstance(found, dict) else None
    if status < 500 and isinstance(word, str) and _WORD.fullmatch(word):
        raise _OAuthError(word)
    raise Retry(f"{_host(url)} answers {status}")


def _safe(url: str) -> str:
    """Return an https address; http only for this machine."""
    parts = urllib3.util.parse_url(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise _refused(url, "is not an https:// address", "ask the operator of the service")


def _host(url: str) -> str:
    return str(urllib3.util.parse_url(url).netloc)


def _refused(url: str, message: str, remedy: str) -> Reject:
    return Reject(f"{url} {message}", [FieldError("issuer", url, message, remedy)])


def _ended() -> Unauthorized:
    return Unauthorized("your sign-in has ended: sign in again with tunelet login")

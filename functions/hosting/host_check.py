"""Check hosts and origins, so that only a machine's own pages and programs use its service.

A browser on this machine can reach loopback for any page that it shows. The Host header exposes a
page with a name that was made to point here (DNS rebinding); the Origin header exposes a page of
another origin that requests a change. Programs send no Origin. Behind a proxy that puts its own
name in Host, Sec-Fetch-Site tells instead: browsers set it, and no page can.
"""

from collections.abc import Collection
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from functions import problem
from functions.problem import Refused
from tunelet.errors import FieldError

if TYPE_CHECKING:
    from functions.http import Function

LOCAL = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")
_READING = ("GET", "HEAD", "OPTIONS")


def guarded(function: "Function", bound: str, allowed: Collection[str]) -> "Function":
    """Wrap `function` to refuse requests that do not use this machine's own names.

    Those are localhost, 127.0.0.1, [::1], the `bound` address (if it is a wildcard, any address:
    only names can be made to point here) and `allowed`. Ports do not matter.
    """
    names = {name.lower() for name in (*LOCAL, bound, *allowed)}

    def answer(request: Request) -> Response:
        try:
            _check(request, names, bound in EVERYWHERE)
        except Refused as refusal:
            return problem.answer(refusal, request)
        return function(request)

    return answer


def _check(request: Request, names: Collection[str], any_address: bool) -> None:
    host = request.headers.get("Host", "")
    name = _name(f"//{host}")
    if name not in names and not (any_address and _is_address(name)):
        remedy = "call it by localhost, or start it with --allowed-host"
        error = FieldError("Host", host, "is not a name of this service", remedy)
        raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "the request is for another host", [error])
    origin = request.headers.get("Origin")
    if origin is None or request.method in _READING:
        return
    own = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if not own and _site(origin) != host.lower():
        remedy = "send it from the service's own page; a proxy must pass on the browser's Host"
        error = FieldError("Origin", origin, "is another site", remedy)
        raise Refused(
            HTTPStatus.FORBIDDEN, "a page of another site may not change anything here", [error]
        )


def _site(origin: str) -> str | None:
    """Return the host and port of an origin; None if it has none, as "null" has."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True

"""One request to the service, sent until it is answered or the deadline passes.

Everything the client sends may be sent twice (writes carry a natural or an
Idempotency-Key), so a lost answer, a 502, 503 or 504 is met by sending the same again.
Answers that are errors come back as the errors of `tunelet.errors`.
"""

import json
import random
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import count
from typing import Any, Protocol
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

from tunelet.client.credentials import Credential, chosen
from tunelet.client.encoding import encoded
from tunelet.client.problem import failure, problem, stranger
from tunelet.client.silence import Silence
from tunelet.errors import FieldError, Reject, Retry, Throttled, TuneletError
from tunelet.version import __version__

PASSING = (429, 502, 503, 504)
"""Statuses after which the same request is sent again."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_CONNECT = 5.0
CONNECTIONS = 16
"""Kept open for threads that share a transport. More than these are closed after each request."""
_LONGEST_ASKED = 600.0
"""The most seconds for which one call waits because the service asks it to send less."""


class Unreachable(Retry):
    """Nothing answered at the service's address."""


class ConnectionRefused(Unreachable):
    """Nothing listens there, at least for now."""


class Calls(Protocol):
    """A way to a service; `Transport` documents the methods."""

    url: str

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any: ...

    def stream(
        self, path: str, query: Mapping[str, object], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], Iterator[bytes]]: ...


class Transport:
    """Requests to one service.

    `timeout` is how many seconds one call may take with all its repetitions. If the service asks to
    wait because this caller sends too fast (429), that time does not count, up to ten minutes.
    `patience` is how many of them it may go on where connections are refused, which means that
    nothing listens there (as while a service restarts).
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        timeout: float,
        patience: float,
        credential: Credential | None = None,
    ) -> None:
        self.url = address(url)
        self._timeout, self._patience = timeout, patience
        self._credential = credential or chosen(self.url, token)
        headers = {"User-Agent": f"tunelet/{__version__}"}
        self._pool = urllib3.PoolManager(headers=headers, maxsize=CONNECTIONS)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer's JSON, None where the answer has no body."""
        answer, sends = self._send(method, path, body, query or {}, headers or {})
        if method == "DELETE" and answer.status == 404 and sends > 1:
            # An earlier one of ours did it, and its answer was lost.
            return None
        if answer.status >= 300:
            raise failure(self.url, answer.status, answer.data)
        try:
            return json.loads(answer.data) if answer.data else None
        except ValueError:
            raise stranger(self.url, answer.status) from None

    def stream(
        self, path: str, query: Mapping[str, object], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], Iterator[bytes]]:
        """The answer's status, headers, and bytes as they arrive.

        416, that there is no such range, is no error and has no bytes.
        """
        answer, _ = self._send("GET", path, None, query, headers, preload=False)
        if answer.status == 416:
            answer.drain_conn()
            return answer.status, answer.headers, iter(())
        if answer.status >= 300:
            raise failure(self.url, answer.status, answer.data)
        return answer.status, answer.headers, self._chunks(answer)

    def _chunks(self, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            yield from answer.stream(1 << 16)
        except HTTPError as fault:
            raise Unreachable(f"{self.url} broke off its answer") from fault
        finally:
            answer.release_conn()

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        query: Mapping[str, object],
        headers: Mapping[str, str],
        preload: bool = True,
    ) -> tuple[urllib3.BaseHTTPResponse, int]:
        """Send it with a credential, and with a better one if there is one and the first fails."""
        if "Authorization" in headers:
            return self._repeated(method, path, body, query, headers, preload)
        token = self._credential.token()
        sent = {**headers, **_authorization(token)}
        answer, sends = self._repeated(method, path, body, query, sent, preload)
        if answer.status != HTTPStatus.UNAUTHORIZED or not self._credential.refused(token):
            return answer, sends
        answer.drain_conn()
        sent = {**headers, **_authorization(self._credential.token())}
        return self._repeated(method, path, body, query, sent, preload)

    def _repeated(
        self,
        method: str,
        path: str,
        body: object,
        query: Mapping[str, object],
        headers: Mapping[str, str],
        preload: bool = True,
    ) -> tuple[urllib3.BaseHTTPResponse, int]:
        """The answer, and how many times the request was sent for it."""
        known = {name: value for name, value in query.items() if value is not None}
        request: dict[str, Any] = {
            "method": method,
            "url": self.url + path + (f"?{urlencode(known)}" if known else ""),
            "headers": {**self._pool.headers, **headers},
            "preload_content": preload,
        }
        if body is not None:
            request["body"] = encoded(body)
            request["headers"]["Content-Type"] = "application/json"
        start, pause, asked, silence = time.monotonic(), _FIRST_PAUSE, 0.0, Silence()
        for sends in count(1):
            limit = self._timeout + asked
            try:
                return self._once(request, max(start + limit - time.monotonic(), 0.1)), sends
            except Retry as fault:
                if isinstance(fault, ConnectionRefused):
                    limit = min(limit, self._patience)
                wait = max(fault.after or 0.0, pause * random.uniform(0.5, 1.0))
                if isinstance(fault, Throttled):
                    asked = min(asked + wait, _LONGEST_ASKED)
                    limit = self._timeout + asked
                if time.monotonic() + wait >= start + limit:
                    raise
                silence.lasts(fault, limit)
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)
        raise AssertionError("unreachable")

    def _once(self, request: Mapping[str, Any], left: float) -> urllib3.BaseHTTPResponse:
        """Send it with so many seconds left. Raises `Retry` where sending it again may help."""
        limits = urllib3.Timeout(connect=min(_CONNECT, left), read=left)
        try:
            answer = self._pool.request(**request, retries=False, timeout=limits)
        except SSLError as fault:
            raise TuneletError(f"{self.url} has no certificate to trust: {fault}") from fault
        except HTTPError as fault:
            kind = ConnectionRefused if isinstance(fault, NewConnectionError) else Unreachable
            raise kind(f"nothing answers at {self.url} ({_why(fault)})") from fault
        if answer.status in PASSING:
            raise _busy(answer)
        return answer


def _authorization(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def address(url: str) -> str:
    """The service's base address, without `/api`; raises `Reject` if it is none."""
    try:
        parsed = urllib3.util.parse_url(url)
    except HTTPError:
        parsed = urllib3.util.Url()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        remedy = "write it as http://127.0.0.1:8080"
        message = "is not the address of a service"
        raise Reject(f"{url!r} {message}", [FieldError("url", url, message, remedy)])
    return url.rstrip("/").removesuffix("/api")


def _busy(answer: urllib3.BaseHTTPResponse) -> Retry:
    asked = answer.headers.get("Retry-After", "")
    # The other form, a date, is read as no wish: our own pauses are as good.
    after = float(asked) if asked.isdigit() else None
    detail = problem(answer.data).get("detail")
    kind = Throttled if answer.status == 429 else Retry
    return kind(detail or f"the service answers {answer.status}: not ready", after)


def _why(fault: HTTPError) -> str:
    cause: BaseException = fault
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__

"""One request to the service, sent until it is answered or the deadline passes.

Everything the client sends may be sent twice (writes carry a natural or an
Idempotency-Key), so a lost answer, a 502, 503 or 504 is met by sending the same again.
Answers that are errors come back as the errors of `tunelet.errors`.
"""

import json
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

from tunelet import __version__
from tunelet.errors import (
    Conflict,
    FieldError,
    Forbidden,
    NotFound,
    Reject,
    Retry,
    TuneletError,
)

_PASSING = (429, 502, 503, 504)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_CONNECT = 5.0


class Unreachable(Retry):
    """Nothing answered at the service's address."""


class Transport:
    """Requests to one service.

    `timeout` is how many seconds one call may take with all its repetitions; `patience`
    is how many of them it may go on where connections are refused, which means that
    nothing listens there (as while a service restarts).
    """

    def __init__(self, url: str, token: str | None, timeout: float, patience: float) -> None:
        self.url = address(url)
        self._timeout, self._patience = timeout, patience
        headers = {"User-Agent": f"tunelet/{__version__}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._pool = urllib3.PoolManager(headers=headers)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer's JSON, None where the answer has no body."""
        answer = self._send(method, path, body, query or {}, headers or {})
        if answer.status >= 300:
            raise _failure(self.url, answer.status, answer.data)
        try:
            return json.loads(answer.data) if answer.data else None
        except ValueError:
            raise _stranger(self.url, answer.status) from None

    def stream(
        self, path: str, query: Mapping[str, object], headers: Mapping[str, str]
    ) -> tuple[int, Iterator[bytes]]:
        """The answer's status and its bytes as they arrive; 416 (no such range) is no error."""
        answer = self._send("GET", path, None, query, headers, preload=False)
        if answer.status >= 300 and answer.status != 416:
            raise _failure(self.url, answer.status, answer.data)
        return answer.status, self._chunks(answer)

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
    ) -> urllib3.BaseHTTPResponse:
        known = {name: value for name, value in query.items() if value is not None}
        target = self.url + path + (f"?{urlencode(known)}" if known else "")
        sent = {**self._pool.headers, **headers}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        start, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            failure: Retry
            limit = self._timeout
            left = max(start + limit - time.monotonic(), 0.1)
            try:
                answer = self._pool.request(
                    method,
                    target,
                    body=data,
                    headers=sent,
                    retries=False,
                    preload_content=preload,
                    timeout=urllib3.Timeout(connect=min(_CONNECT, left), read=left),
                )
                if answer.status not in _PASSING:
                    return answer
                failure = _busy(answer)
            except SSLError as fault:
                raise TuneletError(f"{self.url} has no certificate to trust: {fault}") from fault
            except HTTPError as fault:
                failure = Unreachable(f"nothing answers at {self.url} ({_why(fault)})")
                if isinstance(fault, NewConnectionError):
                    limit = min(limit, self._patience)
            wait = max(failure.after or 0.0, pause * random.uniform(0.5, 1.0))
            if time.monotonic() + wait >= start + limit:
                raise failure
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)


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
    detail = _problem(answer.data).get("detail")
    return Retry(detail or f"the service answers {answer.status}: not ready", after)


def _failure(url: str, status: int, data: bytes) -> TuneletError:
    problem = _problem(data)
    if not problem:
        return _stranger(url, status)
    message = problem.get("detail") or problem.get("title") or f"the service answers {status}"
    if status in (401, 403):
        return Forbidden(message)
    if status == 404:
        return NotFound(message)
    if status == 409:
        return Conflict(message)
    if status < 500:
        return Reject(message, [_field(error) for error in problem.get("errors", ())])
    return TuneletError(message)


def _problem(data: bytes) -> dict[str, Any]:
    """The RFC 9457 object of an answer; empty if the answer is not one."""
    try:
        problem = json.loads(data)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) and "status" in problem else {}


def _field(error: Mapping[str, Any]) -> FieldError:
    return FieldError(error["field"], error.get("value"), error["message"], error.get("remedy", ""))


def _stranger(url: str, status: int) -> TuneletError:
    return TuneletError(f"{url} answers {status}, but not as a Tunelet service does")


def _why(fault: HTTPError) -> str:
    cause: BaseException = fault
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__

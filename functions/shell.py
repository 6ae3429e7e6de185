"""The outer layer of every function: it reads the body and answers every error."""

from collections.abc import Callable
from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from functions import http, problem
from functions.problem import Refused


class Shell:
    """An HTTP function. A subclass implements `_answer`; an error becomes problem JSON."""

    def __init__(self, max_body_bytes: int) -> None:
        self._limit = max_body_bytes

    def __call__(self, request: Request) -> Response:
        try:
            return self._answer(request, http.read_body(request, self._limit))
        except Exception as error:  # noqa: BLE001 (the last resort: every fault gets an answer)
            return self._explained(error, request)

    def _answer(self, request: Request, raw: bytes) -> Response:
        """Return the answer to a request with the body `raw`, or raise the error to answer."""
        raise NotImplementedError

    def _explained(self, error: Exception, request: Request) -> Response:
        return problem.answer(error, request)


class EventShell(Shell):
    """A function that takes events by POST and answers probes. A subclass implements `_take`.

    `ready` raises `Retry` while the function cannot work.
    """

    def __init__(self, max_body_bytes: int, ready: Callable[[], None]) -> None:
        super().__init__(max_body_bytes)
        self._ready = ready

    def _answer(self, request: Request, raw: bytes) -> Response:
        if probe := http.probed(request, self._ready):
            return probe
        if request.method != "POST":
            detail = f"events are sent with POST, not {request.method}"
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, detail, (), {"Allow": "POST"})
        return self._take(request, raw)

    def _take(self, request: Request, raw: bytes) -> Response:
        raise NotImplementedError

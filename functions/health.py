"""What probes ask of every function: whether its process lives, and whether it is of use now."""

from collections.abc import Callable

from werkzeug.wrappers import Request, Response

from functions.api.call import json_answer

ALIVE = "/api/health"
READY = "/api/ready"


def probed(request: Request, ready: Callable[[], None]) -> Response | None:
    """The answer to a probe; None if the request is none. `ready` raises `Retry` if it is not."""
    if request.method not in ("GET", "HEAD") or request.path not in (ALIVE, READY):
        return None
    if request.path == READY:
        ready()
    return json_answer({"status": "ready" if request.path == READY else "alive"})

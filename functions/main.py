"""The one --source of functions-framework; FUNCTION_TARGET says which function a process is.

    functions-framework --source=functions/main.py --target=suggest

Each target is a plain HTTP function. The framework's own handling of CloudEvents is not
used: it answers 200 with a text, which brokers take for a failed delivery.
"""

import gc
import os
import sys
from functools import cache
from pathlib import Path

# The console script puts neither the project nor the present folder on the path. First, for
# PyPI has packages of the names of ours.
_ROOT = str(Path(__file__).resolve().parent.parent)
sys.path[:] = [_ROOT, *(entry for entry in sys.path if entry != _ROOT)]

# A start makes some hundred thousand objects, and all of them stay. By default the collector looks
# for garbage after each 700, which takes a tenth of the start.
gc.set_threshold(50_000, 20, 50)

from flask import Request  # noqa: E402
from werkzeug.wrappers import Response  # noqa: E402

from functions import deferred, wiring  # noqa: E402
from functions.http import Function  # noqa: E402
from functions.identity.gate import UNGUARDED  # noqa: E402
from functions.settings import Settings, explained  # noqa: E402
from functions.telemetry import log  # noqa: E402
from tunelet.errors import Reject  # noqa: E402


@cache
def _function(name: str) -> Function:
    try:
        settings = Settings.from_env()
        outbox = wiring.outbox(settings)
        service = wiring.service(settings, outbox)
        gate = wiring.gate(settings) if name == "api" else UNGUARDED
        return wiring.function(name, service, outbox, settings.max_body_bytes, gate)
    except Reject as refusal:
        sys.exit(explained(refusal))


def api(request: Request) -> Response:
    """HTTP for people, programs and training code."""
    return _function("api")(request)


def suggest(request: Request) -> Response:
    """Ask the algorithm for as many trials as there is room for."""
    return _function("suggest")(request)


def launch(request: Request) -> Response:
    """Make the runs match the state."""
    return _function("launch")(request)


def complete(request: Request) -> Response:
    """Record the news of runs."""
    return _function("complete")(request)


def sweep(request: Request) -> Response:
    """Do the work of lost events."""
    return _function("sweep")(request)


def deadletter(request: Request) -> Response:
    """Keep undelivered events."""
    return _function("deadletter")(request)


if os.environ.get("FUNCTION_TARGET") in wiring.FUNCTIONS:
    deferred.defer()
    log.configure(os.environ["FUNCTION_TARGET"])
    # Made now, so that a wrong environment ends the process and not its first request.
    _function(os.environ["FUNCTION_TARGET"])

"""`tunelet run`: the whole service inside a command, with no port.

The command's client calls the API's function directly. Trainings cannot reach it, so they report by
what they print. Ended at any moment and started again over the same folder, it continues where it
was: the log has what happened, and the shims have kept the verdicts.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from werkzeug.test import Client as Caller
from werkzeug.wrappers import Request, Response

from adapters.launchers.installation import installation
from adapters.launchers.process_lock import locked
from functions.hosting.data_folder import local, only_one, runs_in, secret
from functions.hosting.in_process import probed, searching
from functions.hosting.sweeping import LEASE_SECONDS, swept
from functions.http import Function
from functions.settings import Settings
from functions.telemetry.log import LOGGER, JsonLines
from tunelet.client.client import Client
from tunelet.client.problem import failure, problem
from tunelet.client.taking_up import Join
from tunelet.client.transport import PASSING
from tunelet.errors import Retry

BODY_BYTES = 1 << 26
"""The largest request: it comes from this process."""

_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
AWAY = 60.0
"""Seconds for which a request is repeated while the store is away."""


@contextmanager
def opened(
    data: Path,
    store_url: str | None,
    command: tuple[str, Sequence[str]],
    folder: Path,
    at_once: int,
    namespace: str,
) -> Iterator[tuple[Client, Join]]:
    """A client of a service that lasts as long as the context, and how it joins an experiment.

    Trials of the image `command[0]` run as the local command `command[1]`, `at_once` at a time, and
    start in `folder`. The rest is as `functions.hosting.up.serve` has it, with the same errors.
    """
    with ExitStack() as stack:
        stack.enter_context(only_one(data))
        stack.enter_context(_logged_to(data / "run.log"))
        store = probed(store_url, data / "store")
        settings = Settings(
            store=store.url,
            secret=secret(data / "secret"),
            launcher=runs_in(data),
            aliases={command[0]: list(command[1])},
            max_processes=at_once,
            max_body_bytes=BODY_BYTES,
            lease_seconds=LEASE_SECONDS,
        )
        launcher = local(settings, folder)
        own = installation(
            settings.launcher, settings.secret, settings.aliases, settings.max_processes
        )._replace(joins=True)
        dead = stack.enter_context(locked(store.url, own.id, data / "runs"))
        service, api = stack.enter_context(searching(settings, store, launcher, own, dead))
        stack.enter_context(swept(service, LEASE_SECONDS))
        yield Client.over(Direct(api), namespace), service.join


@contextmanager
def _logged_to(file: Path) -> Iterator[None]:
    """Log to a file, for the terminal shows the experiment."""
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(JsonLines("run"))
    before = LOGGER.handlers, LOGGER.level, LOGGER.propagate
    LOGGER.handlers, LOGGER.propagate = [handler], False
    LOGGER.setLevel(logging.WARNING)
    try:
        yield
    finally:
        LOGGER.handlers, level, LOGGER.propagate = before
        LOGGER.setLevel(level)
        handler.close()


class Direct:
    """What `tunelet.client.transport.Transport` is for HTTP, for a function in this process."""

    url = "this process"

    def __init__(self, api: Function) -> None:
        self._caller = Caller(Request.application(api), Response)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """See `Transport.call`."""
        answer = self._sent(method, path, query or {}, headers or {}, json=body)
        return answer.get_json() if answer.get_data() else None

    def stream(
        self, path: str, query: Mapping[str, object], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], Iterator[bytes]]:
        """See `Transport.stream`."""
        answer = self._sent("GET", path, query, headers)
        chunks = iter(()) if answer.status_code == 416 else answer.iter_encoded()
        return answer.status_code, dict(answer.headers), iter(chunks)

    def _sent(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        headers: Mapping[str, str],
        **more: Any,
    ) -> Response:
        known = {name: str(value) for name, value in query.items() if value is not None}
        request = {"method": method, "query_string": known, "headers": dict(headers), **more}
        answer = self._caller.open(path, **request)
        pause, deadline = _PAUSE, time.monotonic() + AWAY
        while answer.status_code in PASSING:
            # Writes have a key or need none, so a second one does nothing more.
            if time.monotonic() > deadline:
                why = problem(answer.get_data()).get("detail")
                raise Retry(str(why or "the store does not answer"))
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            answer = self._caller.open(path, **request)
        if answer.status_code >= 300 and answer.status_code != 416:
            raise failure(self.url, answer.status_code, answer.get_data())
        return answer

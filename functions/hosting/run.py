"""`tunelet run`: the whole service inside a command, with no port unless its page is wanted.

The command's client calls the service directly. Trainings cannot reach it, so they report by
what they print. Ended at any moment and started again over the same folder, it continues where it
was: the log has what happened, and the shims have kept the verdicts.
"""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from adapters.launchers.installation import installation
from adapters.launchers.process_lock import locked
from adapters.storage import open_store
from functions.hosting.data_folder import local, only_one, runs_in, secret
from functions.hosting.in_process import searching
from functions.hosting.near import Near
from functions.hosting.sweeping import LEASE_SECONDS, swept
from functions.settings import Settings
from functions.telemetry.log import LOGGER, JsonLines
from tunelet.client.client import Client
from tunelet.client.taking_up import Join


class Search(NamedTuple):
    client: Client
    join: Join
    """How the client's service joins an experiment that others run, too."""
    page: str | None
    """The address of its page, if it has one."""


@contextmanager
def opened(
    data: Path,
    store_url: str | None,
    command: tuple[str, Sequence[str]],
    folder: Path,
    at_once: int,
    namespace: str,
    with_page: bool = False,
) -> Iterator[Search]:
    """A client of a service that lasts as long as the context.

    Trials of the image `command[0]` run as the local command `command[1]`, `at_once` at a time, and
    start in `folder`. The rest is as `functions.hosting.up.serve` has it, with the same errors.
    """
    with ExitStack() as stack:
        stack.enter_context(only_one(data))
        stack.enter_context(_logged_to(data / "run.log"))
        store = open_store(store_url or (data / "store").as_uri())
        settings = Settings(
            store=store.url,
            secret=secret(data / "secret"),
            launcher=runs_in(data),
            aliases={command[0]: list(command[1])},
            max_processes=at_once,
            lease_seconds=LEASE_SECONDS,
        )
        launcher = local(settings, folder)
        own = installation(settings.launcher, settings.secret, settings.aliases, at_once)
        own = own._replace(joins=True)
        dead = stack.enter_context(locked(store.url, own.id, data / "runs"))
        service = stack.enter_context(
            searching(settings, store, launcher, own, dead, tries_store=store_url is not None)
        )
        stack.enter_context(swept(service, LEASE_SECONDS))
        near = Near(service)
        page = None
        if with_page:
            from functions.hosting.beside import shown

            page = stack.enter_context(shown(service, settings.max_body_bytes))
        yield Search(Client.over(near, namespace), near.join, page)


@contextmanager
def _logged_to(file: Path) -> Iterator[None]:
    """Log to a file, for the terminal shows the experiment."""
    handler = _Log(file, encoding="utf-8")
    handler.setFormatter(JsonLines("run"))
    before = LOGGER.handlers, LOGGER.level, LOGGER.propagate
    LOGGER.handlers, LOGGER.propagate = [handler], False
    LOGGER.setLevel(logging.WARNING)
    try:
        yield
    finally:
        LOGGER.handlers, level, LOGGER.propagate = before
        LOGGER.setLevel(level)
        with suppress(OSError):
            handler.close()


class _Log(logging.FileHandler):
    """A file that cannot be written, as on a full disk, gives one line on standard error."""

    _said = False

    def handleError(self, record: logging.LogRecord) -> None:
        fault = sys.exc_info()[1]
        if isinstance(fault, OSError) and not self._said:
            self._said = True
            sys.stderr.write(
                f"warning: {self.baseFilename} cannot be written ({fault.strerror}); the search"
                " waits while its data cannot be written\n"
            )

"""Wait for the end of an experiment, or follow the output of a trial.

Both poll, because the service keeps no connections open, and survive its restarts within the
client's time-out.
"""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tunelet.client.report import ENDED
from tunelet.errors import NotFound, Retry

if TYPE_CHECKING:
    # A deliberate circle: a client makes experiments, and each calls its client.
    from tunelet.client.client import Client
    from tunelet.client.remote import Experiment

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_OUTPUT_PAUSE = 0.5


def until_ended(
    client: "Client",
    name: str,
    callback: "Callable[[Experiment], object] | None",
    timeout: float | None,
) -> "Experiment":
    """See `Client.wait`."""
    deadline = None if timeout is None else time.monotonic() + timeout
    seen, pause = None, _FIRST_PAUSE
    while True:
        now = client.experiment(name)
        if now.json != seen:
            seen, pause = now.json, _FIRST_PAUSE
            if callback is not None:
                callback(now)
        if now.ended:
            return now
        if deadline is not None and time.monotonic() + pause > deadline:
            raise TimeoutError(f"{name} is still {now.state} after {timeout} s")
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def output(client: "Client", name: str, number: int, attempt: int | None) -> Iterator[bytes]:
    """See `Client.follow`."""
    current = attempt or client.trial(name, number)["attempt"]
    while True:
        yield from _attempt(client, name, number, current)
        if attempt is not None or client.trial(name, number)["attempt"] == current:
            return
        current += 1


def _attempt(client: "Client", name: str, number: int, attempt: int) -> Iterator[bytes]:
    """All output of one attempt, until it ends."""
    seen = 0
    while True:
        trial = client.trial(name, number)
        # The state first: output written before the end is then read for certain.
        over = trial["state"] in ENDED or trial["attempt"] > attempt
        try:
            for chunk in client.logs(name, number, attempt, seen):
                seen += len(chunk)
                yield chunk
        except (NotFound, Retry):
            # Not started yet, or interrupted: the next round continues from `seen`.
            if over:
                raise
        if over:
            return
        time.sleep(_OUTPUT_PAUSE)

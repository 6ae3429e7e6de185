"""Post the event of the sweep's schedule: `python -m functions.hosting.cron URL`.

For the CronJob of the plain overlay. Needs only the standard library.
"""

import sys
import time
import urllib.request
from uuid import uuid4

TIMEOUT = 20.0
PATIENCE = 15.0
"""The seconds in which a refused event is sent again."""

_PAUSE = 0.5


def event() -> dict[str, str]:
    """Return the headers of the message, which has no body."""
    return {
        "ce-specversion": "1.0",
        "ce-id": str(uuid4()),
        "ce-source": "/tunelet/schedule",
        "ce-type": "dev.tunelet.sweep.requested",
    }


def ping(url: str) -> None:
    """Request a sweep. Raises `OSError` if the event is not accepted.

    It repeats for a while: a NetworkPolicy may know a new pod only a moment after its start.
    """
    request = urllib.request.Request(url, data=b"", headers=event(), method="POST")
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


if __name__ == "__main__":
    try:
        ping(sys.argv[1])
    except OSError as fault:
        sys.exit(f"{sys.argv[1]} takes no events: {fault}")

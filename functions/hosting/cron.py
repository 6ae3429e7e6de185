"""Posts the event that a schedule is to send: `python -m functions.hosting.cron URL`.

For a CronJob where there is no PingSource. Needs nothing but the standard library.
"""

import sys
import urllib.request
from uuid import uuid4

TIMEOUT = 20.0


def event() -> dict[str, str]:
    """The headers of the message, which has no body."""
    return {
        "ce-specversion": "1.0",
        "ce-id": str(uuid4()),
        "ce-source": "/tunelet/schedule",
        "ce-type": "dev.tunelet.sweep.requested",
    }


def ping(url: str) -> None:
    """Ask for a sweep. Raises `OSError` if nobody takes the event."""
    request = urllib.request.Request(url, data=b"", headers=event(), method="POST")
    with urllib.request.urlopen(request, timeout=TIMEOUT):
        pass


if __name__ == "__main__":
    try:
        ping(sys.argv[1])
    except OSError as fault:
        sys.exit(f"{sys.argv[1]} takes no events: {fault}")

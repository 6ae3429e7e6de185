"""Sweep once, and end: `python -m functions.hosting.once`, for a CronJob.

The same environment variables configure it as the functions. It exits with 1 if the sweep could not
be made: the next one does its work.
"""

import sys

from functions import wiring
from functions.hosting.ending import ended_by_signals
from functions.settings import Settings, explained
from functions.telemetry.log import LOGGER, configure
from tunelet.errors import Reject, Retry


def main() -> None:
    configure("sweep")
    try:
        settings = Settings.from_env()
        service = wiring.service(settings, wiring.outbox(settings))
    except Reject as refusal:
        sys.exit(explained(refusal))
    with ended_by_signals():
        try:
            live = service.sweep()
        except Retry as fault:
            sys.exit(f"the sweep was broken off, and the next one does its work: {fault}")
    LOGGER.info("swept %d live experiments", live)


if __name__ == "__main__":
    main()

"""The service on Kubernetes without Knative: `python -m functions.hosting.deployment`.

The same environment variables configure it as the functions elsewhere. A CronJob posts
`dev.tunelet.sweep.requested` to the port of events (functions/hosting/cron.py,
infra/knative/overlays/plain). That guarantees progress; the watch on runs only makes it faster. The
process begins with a sweep, which replaces the signals that a process had in memory when it died.
"""

import os
import socket
import sys
from functools import partial

from functions import wiring
from functions.hosting import server
from functions.hosting.all_in_one import whole
from functions.hosting.background import vital
from functions.hosting.cron import event
from functions.hosting.ending import ended_by_signals
from functions.hosting.ingress import Ingress
from functions.settings import Settings, explained
from functions.telemetry.log import configure
from tunelet.errors import Reject


def main() -> None:
    """Serve the API at PORT (8080), and take events at EVENTS_PORT (8081), until SIGTERM.

    Exits with a message if the environment is invalid.
    """
    configure("plain")
    try:
        settings = Settings.from_env()
        store, runs = wiring.store(settings.store), wiring.launcher(settings)
    except Reject as refusal:
        sys.exit(explained(refusal))
    with (
        ended_by_signals() as ending,
        _listening("PORT", 8080) as bound,
        whole(settings, store, runs, wiring.installation(settings)) as served,
    ):
        limit = settings.max_body_bytes
        served.broker.route(event(), b"")
        ending.closes(bound)
        # A sweep makes up for events that come too late.
        taking = (_listening("EVENTS_PORT", 8081), Ingress(served.broker, limit), limit)
        vital("events", partial(server.run, *taking))
        server.run(bound, served.api, limit)


def _listening(variable: str, usual: int) -> socket.socket:
    port, dual = int(os.environ.get(variable, usual)), socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    return socket.create_server(("", port), family=family, dualstack_ipv6=dual)


if __name__ == "__main__":
    main()

"""Run every function, and the broker between them, in this process.

The broker reads the same Trigger and Broker manifests as Knative and calls the same handlers with
the same HTTP messages. Any number of such processes may share a store: events are in the memory of
one process, but the log is shared by all.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from adapters.events.broker import Broker, Delivered, Target
from adapters.events.triggers import load_delivery, load_triggers
from algorithms import load_catalog
from functions.events.outbox import Outbox
from functions.hosting.renewal import renewed
from functions.http import Function
from functions.wiring import FUNCTIONS, function
from tunelet.assembly import assembled
from tunelet.bundle import resource
from tunelet.core.installation import Installation
from tunelet.core.signal import COLLECT, LAUNCH, Signal
from tunelet.ports import Store, WatchableLauncher
from tunelet.service import Service


class Whole(NamedTuple):
    service: Service
    broker: Broker
    api: Function


@contextmanager
def whole(
    store: Store,
    launcher: WatchableLauncher,
    *,
    secret: bytes,
    api_url: str,
    max_body_bytes: int,
    installation: Installation,
    lease_seconds: float,
    dead: Callable[[str], bool] = lambda _: False,
    allows_commands: bool = False,
) -> Iterator[Whole]:
    """Run all background work as long as the context lasts."""
    targets: dict[str, Target] = {}
    manifests = resource("infra/knative/base")
    broker = Broker(load_triggers(manifests), targets, **load_delivery(manifests)._asdict())
    outbox = Outbox(broker)
    service = assembled(
        *(store, launcher, load_catalog(), outbox),
        secret=secret,
        api_url=api_url,
        installation=installation,
        lease_seconds=lease_seconds,
        dead=dead,
        allows_commands=allows_commands,
    )
    made = {name: function(name, service, outbox, max_body_bytes) for name in FUNCTIONS}
    targets.update((name, _target(made[name])) for name in FUNCTIONS)
    stop_watching = launcher.watch(
        lambda *whose: broker.publish(Signal(COLLECT, *whose)),
        lambda namespace, experiment: broker.publish(Signal(LAUNCH, namespace, experiment)),
    )
    try:
        with renewed(service.leases):
            yield Whole(service, broker, made["api"])
    finally:
        stop_watching()
        broker.close()


def _target(handler: Function) -> Target:
    """Make a target that calls the function with an event as an HTTP message."""
    client = Client(Request.application(handler), Response)

    def deliver(headers: dict[str, str], body: bytes) -> Delivered:
        answer = client.post("/", headers=headers, data=body)
        return Delivered(answer.status_code, dict(answer.headers), answer.get_data())

    return deliver

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
from adapters.events.signature import Signature
from adapters.events.triggers import load_delivery, load_triggers
from functions.composition import composed
from functions.events.outbox import Outbox, Watched
from functions.hosting.renewal import renewed
from functions.http import Function
from functions.settings import Settings
from functions.wiring import FUNCTIONS, function, gate, schedule, tenants
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
    settings: Settings,
    store: Store,
    launcher: WatchableLauncher,
    installation: Installation,
    dead: Callable[[str], bool] = lambda _: False,
) -> Iterator[Whole]:
    """Run all background work as long as the context lasts.

    The caller has opened the store and the launcher: the settings' own, or some in memory. `dead`
    shows which installations are certainly gone.
    """
    known = gate(settings)
    targets: dict[str, Target] = {}
    manifests = resource("infra/knative/base")
    signature = Signature(settings.secret)
    delivery = load_delivery(manifests)._asdict()
    broker = Broker(load_triggers(manifests), targets, **delivery, signature=signature)
    outbox = Outbox(Watched(broker), signature)
    paused = schedule(settings)
    service = composed(
        *(settings, store, launcher, outbox, installation, dead),
        schedule=paused,
        tenants=tenants(settings),
    )
    limit = settings.max_body_bytes
    made = {name: function(name, service, outbox, limit, known) for name in FUNCTIONS}
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

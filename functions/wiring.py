"""Composition: the adapters and the parts that the settings ask for."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from adapters.events.signature import Signature
from functions import problem
from functions.composition import composed
from functions.events.outbox import Nowhere, Outbox
from functions.http import Function
from functions.identity.gate import UNGUARDED, Gate
from functions.lazy import LazyLauncher
from functions.own_store import OwnStore, seen_files
from functions.settings import Settings
from functions.stores import TenantStore
from tunelet.errors import FieldError, Reject
from tunelet.ports import Publisher, Schedule, Store, WatchableLauncher

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from tunelet.core.installation import Installation
    from tunelet.service import Service

SWEEPS_ABREAST = 8
"""How many experiments a sweep looks at at a time, in a process that does nothing else."""
FUNCTIONS = ("api", "suggest", "launch", "complete", "sweep", "deadletter")


def outbox(settings: Settings) -> Outbox:
    """The publisher of a function's events."""
    signature = Signature(settings.secret)
    if settings.sink is None:
        return Outbox(Nowhere(), signature)
    from adapters.events.cloudevents import BrokerPublisher

    return Outbox(BrokerPublisher(settings.sink, signature), signature)


def store(url: str) -> Store:
    """The store at `url`, its requests counted; raises `Reject` for one that cannot be opened."""
    from adapters.storage import open_store
    from functions.telemetry.metrics import MeteredStore

    return MeteredStore(open_store(url))


def tenants(settings: Settings) -> Mapping[str, Store]:
    """The stores of the namespaces that have their own. Each is opened at its first use."""
    return {name: _own(name, each) for name, each in settings.stores.items()}


def _own(namespace: str, its: TenantStore) -> OwnStore:
    setting = f"TUNELET_STORES.{namespace}"
    return OwnStore(setting, partial(_tenant, namespace, its), partial(seen_files, its.credentials))


def _tenant(namespace: str, its: TenantStore) -> Store:
    from adapters.storage import open_store
    from adapters.storage.access import of_tenant
    from functions.telemetry.metrics import MeteredStore

    try:
        access = of_tenant(its.credentials, its.identity)
    except (OSError, UnicodeDecodeError) as fault:
        field, why = f"TUNELET_STORES.{namespace}.credentials", "cannot be read"
        error = FieldError(field, its.credentials, why, "mount the tenant's Secret there")
        text = f"the credentials of {namespace}'s store cannot be read ({type(fault).__name__})"
        raise Reject(text, [error]) from None
    return MeteredStore(open_store(its.url, access))


def service(settings: Settings, publisher: Publisher) -> "Service":
    """The service over the adapters that the settings name; raises `Reject` for unknown ones."""
    lazy = LazyLauncher(lambda: launcher(settings))
    opened = store(settings.store)
    own = installation(settings)
    given = schedule(settings)
    return composed(
        *(settings, opened, lazy, publisher, own),
        schedule=given,
        tenants=tenants(settings),
        sweeps_abreast=SWEEPS_ABREAST,
    )


def schedule(settings: Settings) -> Schedule | None:
    """The schedule of sweeps that these settings name. Raises `Reject` for an unknown scheme."""
    if settings.schedule is None:
        return None
    from adapters.schedules import open_schedule

    return open_schedule(settings.schedule)


def installation(settings: Settings) -> "Installation":
    """The identity of these settings' launcher among those that use the same store."""
    from adapters.launchers.installation import installation

    return installation(
        settings.launcher,
        settings.secret,
        settings.aliases,
        settings.max_processes,
        settings.allow_commands,
    )


def launcher(settings: Settings) -> WatchableLauncher:
    """The launcher of these settings. Raises `Reject` for an unknown scheme."""
    from adapters.launchers import open_launcher

    return open_launcher(settings.launcher, aliases=settings.aliases, limit=settings.max_processes)


def gate(settings: Settings) -> Gate:
    """The API's gate. Raises `Reject` for an invalid configuration of identities."""
    if not settings.identity:
        return UNGUARDED
    from functions.identity import configured

    return configured.gate(settings.identity)


def function(
    name: str, served: "Service", sent: Outbox, max_body_bytes: int, gate: Gate = UNGUARDED
) -> Function:
    """One of FUNCTIONS, with only the imports that it needs. `sent` is the service's publisher.

    `gate` is the API's: the other functions take what a broker sends, and believe none of it.
    """
    from functions.telemetry.observed import observed
    from functions.telemetry.spans import spans

    made = _function(name, served, sent, max_body_bytes, gate)

    def refused(request: "Request") -> "Response | None":
        try:
            gate.admit_to_metrics(request)
        except Exception as error:  # noqa: BLE001 (every fault gets an answer)
            return problem.answer(error, request)
        return None

    return observed(name, made, spans(), refused)


def _function(
    name: str, served: "Service", sent: Outbox, max_body_bytes: int, gate: Gate
) -> Function:
    if name == "api":
        from functions.api.handler import Api

        return Api(served, sent, max_body_bytes, gate)
    if name == "deadletter":
        from functions.events.dead_letter import DeadLetterFunction

        return DeadLetterFunction(served, sent.signature, max_body_bytes)
    from functions.events.handlers import EventFunction

    return EventFunction(name, served, sent, max_body_bytes)

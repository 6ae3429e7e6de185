"""The service that settings describe, over a store and a launcher that the caller has opened."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from functions.settings import Settings
from tunelet.ports import Launcher, Publisher, Schedule, Store

if TYPE_CHECKING:
    from tunelet.core.installation import Installation
    from tunelet.service import Service


def composed(
    settings: Settings,
    store: Store,
    launcher: Launcher,
    publisher: Publisher,
    installation: "Installation",
    dead: Callable[[str], bool] = lambda _: False,
    schedule: Schedule | None = None,
    sweeps_abreast: int = 1,
    tenants: Mapping[str, Store] | None = None,
) -> "Service":
    """Return the service. `dead` shows which installations are certainly gone; `tenants` are the
    stores of the namespaces that have their own."""
    from adapters.storage import turns_of
    from algorithms import load_catalog
    from tunelet.assembly import assembled
    from tunelet.log.tenant_stores import TenantStores

    routed = TenantStores(store, tenants) if tenants else store
    return assembled(
        *(routed, launcher, load_catalog(), publisher),
        secret=settings.secret,
        api_url=settings.api_url,
        installation=installation,
        lease_seconds=settings.lease_seconds,
        dead=dead,
        allows_commands=settings.allow_commands,
        aliases=settings.aliases,
        policies=settings.policies,
        output_bytes=settings.output_bytes,
        schedule=schedule,
        turns=turns_of(store.url),
        quotas=settings.quotas,
        sweeps_abreast=sweeps_abreast,
    )

"""`tunelet up`: every function, the broker and the clock in one process on this machine.

The broker reads the same Trigger manifests as Knative and calls the same handlers with the same
HTTP messages. Only the adapters differ: files are the store, processes the launcher. If it
is killed at any moment and started again over the same folder, it continues where it was:
the log has all events, and the shims have recorded how the runs ended.
"""

import shlex
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from functions import wiring
from functions.given import json_text
from functions.hosting import server
from functions.hosting.all_in_one import whole
from functions.hosting.data_folder import local, only_one, runs_in, secret
from functions.hosting.ending import ended_by_signals
from functions.hosting.host_check import EVERYWHERE, guarded
from functions.hosting.sweeping import LEASE_SECONDS, swept
from functions.page import NOT_BUILT, is_built
from functions.settings import Settings
from functions.stores import TenantStore
from functions.telemetry.log import configure
from tunelet.core.quotas import UNLIMITED, Quotas
from tunelet.request.policy import Policies, read
from tunelet.store_probe import probe
from tunelet.text.limits import OUTPUT_BYTES


def serve(
    host: str,
    port: int,
    data: Path,
    store_url: str | None,
    aliases: Mapping[str, str],
    max_processes: int | None,
    allowed_hosts: Sequence[str],
    max_body_bytes: int,
    lease_seconds: float = LEASE_SECONDS,
    allows_commands: bool = False,
    output_bytes: int = OUTPUT_BYTES,
    policy: str = "",
    quotas: Quotas = UNLIMITED,
    identity: str = "",
    stores: Mapping[str, TenantStore] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. Port 0 takes a free one; the first line printed names it.

    Experiments are logged in the store at `store_url`, or in a folder of `data` if it is None.
    Besides its own names (see `host_check`) the service answers to `allowed_hosts`.

    Trials that run go on without the service, and are found again by the next one.
    Raises `OSError` if the port is taken, or the folder is in use or cannot be written, and
    `TuneletError` if the store cannot be used.
    """
    configure("up")
    policies = read(json_text(policy, "--policy"), "--policy") if policy else Policies()
    with ExitStack() as stack:
        ending = stack.enter_context(ended_by_signals())
        stack.enter_context(only_one(data))
        store = wiring.store(store_url or (data / "store").as_uri())
        if store_url:
            probe(store)
        # Bound before any trial begins, because trials get the address.
        bound = stack.enter_context(socket.create_server((host, port), family=_family(host)))
        ending.closes(bound)
        url = f"http://{_shown(host)}:{bound.getsockname()[1]}"
        settings = Settings(
            store=store.url,
            secret=secret(data / "secret"),
            launcher=runs_in(data),
            api_url=url,
            aliases={image: shlex.split(command) for image, command in aliases.items()},
            max_processes=max_processes,
            max_body_bytes=max_body_bytes,
            lease_seconds=lease_seconds,
            allow_commands=allows_commands,
            output_bytes=output_bytes,
            policies=policies,
            quotas=quotas,
            identity=identity,
            stores=stores or {},
        )
        launcher = local(settings)
        served = stack.enter_context(
            whole(settings, store, launcher, wiring.installation(settings))
        )
        stack.enter_context(swept(served.service, lease_seconds))
        print(f"Tunelet serves {url} and keeps its data in {data}", flush=True)
        if store_url:
            print(f"Experiments are logged in {store.url}", flush=True)
        print(f"API documentation: {url}/api/docs", flush=True)
        if not is_built():
            print(f"Warning: {NOT_BUILT}", flush=True)
        if host in EVERYWHERE:
            names = " or ".join(["an address of this machine", *allowed_hosts])
            print(f"Other machines call port {bound.getsockname()[1]} at {names}", flush=True)
        server.run(bound, guarded(served.api, host, allowed_hosts), max_body_bytes)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _shown(host: str) -> str:
    """Return an address that a process on this machine can call."""
    if host in EVERYWHERE:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host

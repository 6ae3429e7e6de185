"""`tunelet up`: every function, the broker and the clock in one process on this machine.

The broker reads the same Trigger manifests as Knative and calls the same handlers with the same
HTTP messages. Only the adapters differ: files are the store, processes the launcher. If it
is killed at any moment and started again over the same folder, it continues where it was:
the log has all events, and the shims have recorded how the runs ended.
"""

import fcntl
import os
import secrets
import shlex
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from adapters.launchers.local.launcher import ProcessLauncher
from adapters.launchers.local.launcher import open_url as open_launcher
from adapters.storage.atomic_file import make_folders, sync_name, write
from functions import wiring
from functions.hosting import server
from functions.hosting.all_in_one import whole
from functions.hosting.background import in_background
from functions.hosting.ending import ended_by_signals
from functions.hosting.host_check import guarded
from functions.settings import Settings
from functions.telemetry.log import LOGGER, configure
from tunelet.errors import Retry
from tunelet.ports import Store
from tunelet.service import Service
from tunelet.store_probe import probe
from tunelet.text.limits import OUTPUT_BYTES

SWEEP_SECONDS = 5.0

LEASE_SECONDS = 60.0
"""Seconds after which others at the same store take over the runs of one that stopped renewing."""


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
) -> None:
    """Serve until SIGINT or SIGTERM. Port 0 takes a free one; the first line printed names it.

    Experiments are logged in the store at `store_url`, or in a folder of `data` if it is None.
    Besides its own names (see `host_check`) the service answers to `allowed_hosts`.

    Trials that run go on without the service, and are found again by the next one.
    Raises `OSError` if the port is taken, or the folder is in use or cannot be written, and
    `TuneletError` if the store cannot be used.
    """
    configure("up")
    with ExitStack() as stack:
        ending = stack.enter_context(ended_by_signals())
        stack.enter_context(only_one(data))
        store = probed(store_url, data / "store")
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
        server.run(bound, guarded(served.api, host, allowed_hosts), max_body_bytes)


def runs_in(data: Path) -> str:
    """Return the URL of the local launcher that keeps its runs in a folder of `data`."""
    return (data / "runs").as_uri().replace("file:", "process:", 1)


def local(settings: Settings, workdir: Path | None = None) -> ProcessLauncher:
    """Return the launcher of processes on this machine; aliases' commands start in `workdir`."""
    return open_launcher(
        settings.launcher,
        aliases=settings.aliases,
        limit=settings.max_processes,
        workdir=workdir,
        commands=settings.allow_commands,
    )


def probed(url: str | None, folder: Path) -> Store:
    """The store at `url`, which is tried first, or the one in `folder`."""
    store = wiring.store(url or folder.as_uri())
    if url:
        probe(store)
    return store


@contextmanager
def swept(service: Service, lease_seconds: float) -> Iterator[None]:
    """Sweep regularly from a thread, beginning at once with an earlier process's experiments.

    Several times in the time of a lease: whether another installation still lives, only steady
    looks show.
    """
    seconds = min(SWEEP_SECONDS, lease_seconds / 4)
    with in_background("sweep", lambda ended: _sweep(service, ended, seconds)):
        yield


def _sweep(service: Service, ended: threading.Event, seconds: float) -> None:
    while True:
        try:
            service.sweep(ended.is_set)
        except Retry as fault:
            LOGGER.warning("the sweep was broken off, and is tried again: %s", fault)
        except Exception:  # noqa: BLE001 (a thread that ends would end the guarantee)
            LOGGER.exception("the sweep failed; it is tried again")
        if ended.wait(seconds):
            return


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Lock the folder for this process, and make it readable only by this user."""
    make_folders(str(data.absolute()), mode=0o700)
    with (data / "lock").open("wb") as file:
        _lock(file, data)
        yield


def _lock(file: BinaryIO, data: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        raise OSError(taken.errno, f"another tunelet serves from {data}") from taken


def secret(path: Path) -> bytes:
    """Return the secret that signs the trials' tokens. It is written once and atomically."""
    if not path.exists():
        new = path.with_suffix(".new")
        descriptor = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            write(descriptor, secrets.token_hex(32).encode())
        finally:
            os.close(descriptor)
        new.rename(path)
        sync_name(str(path))
    return path.read_bytes()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _shown(host: str) -> str:
    """Return an address that a process on this machine can call."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host

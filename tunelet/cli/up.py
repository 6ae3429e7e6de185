"""up: the whole service in one process on this machine."""

import errno
import importlib
import shlex
import shutil
import socket
from pathlib import Path

import click

from tunelet.cli.bucket import naming_store
from tunelet.cli.data import data_option
from tunelet.cli.program import near
from tunelet.text.limits import BODY_BYTES, OUTPUT_BYTES

_ENGINES = ("podman", "docker")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _aliases(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    aliases = {}
    for each in given:
        image, sign, command = each.partition("=")
        if not sign or not image or not command.strip():
            raise click.BadParameter(f"{each!r} is not IMAGE=COMMAND", ctx, param)
        try:
            shlex.split(command)
        except ValueError as fault:
            raise click.BadParameter(
                f"{command!r} is not a command: {fault}", ctx, param
            ) from fault
        aliases[image] = command
    return aliases


@click.command("up")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@data_option
@click.option(
    "--store",
    metavar="URL",
    envvar="TUNELET_STORE",
    show_envvar=True,
    help="The bucket or folder where experiments are logged: s3://bucket/prefix, say. "
    "Services of several machines may share one.  [default: a folder in --data]",
)
@click.option(
    "--alias",
    "aliases",
    multiple=True,
    callback=_aliases,
    metavar="IMAGE=COMMAND",
    help="Run COMMAND here for trials of IMAGE. Repeatable.",
)
@click.option(
    "--max-processes", type=click.IntRange(1), metavar="N", help="Trials that run at a time."
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Also accept requests for this host name. Repeatable.",
)
@click.option(
    "--max-body-bytes",
    type=click.IntRange(1),
    default=BODY_BYTES,
    envvar="TUNELET_MAX_BODY_BYTES",
    show_default=True,
    show_envvar=True,
    help="The largest body of a request.",
)
@click.option(
    "--lease-seconds",
    type=click.FloatRange(1),
    default=60,
    envvar="TUNELET_LEASE_SECONDS",
    show_default=True,
    show_envvar=True,
    help="After this silence of a process, others over the same store take over its trials.",
)
@click.option(
    "--output-bytes",
    type=click.IntRange(0),
    default=OUTPUT_BYTES,
    envvar="TUNELET_OUTPUT_BYTES",
    show_default=True,
    show_envvar=True,
    help="The most that is stored of each attempt's output, compressed; 0: nothing.",
)
@click.option(
    "--policy",
    default="",
    envvar="TUNELET_POLICY",
    show_envvar=True,
    metavar="JSON|FILE",
    help="Which images and pods trials may have, as on a cluster (see 'tunelet docs "
    "guides/kubernetes').",
)
@click.option(
    "--quotas",
    metavar="JSON|FILE",
    envvar="TUNELET_QUOTAS",
    show_envvar=True,
    help='What each namespace may use: {"default": {"live_trials": 8}}, say; see '
    "'tunelet docs operations/tenants'.",
)
@click.option(
    "--stores",
    metavar="JSON|FILE",
    envvar="TUNELET_STORES",
    show_envvar=True,
    help='Stores of single namespaces: {"vision": {"url": "s3://vision"}}, say; see '
    "'tunelet docs operations/tenants'.",
)
@click.option(
    "--identity",
    type=click.Path(exists=True, dir_okay=False),
    envvar="TUNELET_IDENTITY",
    show_envvar=True,
    help="The file that says who may call the API (see 'tunelet docs operations/identity'). "
    "Required if --host is not loopback.",
)
@click.option(
    "--allow-commands",
    is_flag=True,
    help="Accept requests that name a command without an image, although --host is not loopback.",
)
def up_command(
    port: int,
    host: str,
    data: Path,
    store: str | None,
    aliases: dict[str, str],
    max_processes: int | None,
    allowed_hosts: tuple[str, ...],
    max_body_bytes: int,
    lease_seconds: float,
    output_bytes: int,
    policy: str,
    quotas: str | None,
    stores: str | None,
    identity: str | None,
    allow_commands: bool,
) -> int:
    """Start the service on this machine.

    One process serves the API and all functions, keeps files and runs trials as processes.

    Ctrl-C ends it, and the next `tunelet up` with the same --data continues where it was.

    \b
    Examples:
      tunelet up
      tunelet up --alias 'docker_image_url=python train.py'
      tunelet up --store s3://bucket/prefix
      tunelet up --port 9000 --data /var/lib/tunelet --max-processes 8
    """
    if host not in _LOOPBACK and not identity:
        raise click.UsageError(
            f"--host {host} lets the network call the service: say who may, with --identity FILE "
            "(tunelet token new makes a token), or keep --host 127.0.0.1"
        )
    if host not in _LOOPBACK and allow_commands:
        click.echo("warning: every editor of a namespace can run commands here", err=True)
    for image, command in aliases.items():
        program = shlex.split(command)[0]
        if shutil.which(program) is None:
            # A warning only: the program may exist by the time of the first trial.
            like = f"; {meant}" if (meant := near(program)) else ""
            click.echo(
                f"warning: alias {image}: program {program!r} not found here{like}", err=True
            )
    if not aliases and not any(map(shutil.which, _ENGINES)):
        click.echo(
            "warning: neither podman nor docker is installed here: trials wait for one, unless "
            "their image has an --alias",
            err=True,
        )
    from tunelet.bundle import activate

    activate()
    try:
        embedded = importlib.import_module("functions.hosting.up")
        read = importlib.import_module("functions.quotas").quotas
        read_stores = importlib.import_module("functions.stores").tenant_stores
    except ModuleNotFoundError as fault:
        raise click.ClickException(
            f"the service needs more than the client (no {fault.name}): pip install 'tunelet[up]'"
        ) from fault
    limits = {"quotas": read(quotas, "--quotas")} if quotas else {}
    try:
        socket.getaddrinfo(host, port)
        with naming_store():
            embedded.serve(
                *(host, port, data.resolve(), store, aliases, max_processes, allowed_hosts),
                *(max_body_bytes, lease_seconds, allow_commands or host in _LOOPBACK),
                *(output_bytes, policy),
                identity=identity or "",
                stores=read_stores(stores, "--stores") if stores else {},
                **limits,
            )
    except OSError as fault:
        raise click.ClickException(_trouble(fault, host, port, data)) from fault
    return 0


def _trouble(fault: OSError, host: str, port: int, data: Path) -> str:
    if fault.errno == errno.EADDRINUSE:
        return f"{host}:{port} is taken by another program: choose one with --port"
    if fault.errno == errno.EWOULDBLOCK:
        return f"another tunelet serves from {data}: end it, or choose another folder with --data"
    if fault.filename is not None:
        return f"cannot keep data in {fault.filename}: {fault.strerror}"
    return f"cannot serve on {host}:{port}: {fault.strerror or fault}"

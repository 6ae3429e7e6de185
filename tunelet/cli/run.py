"""run: search the hyperparameters of a command, without a service."""

import errno
import importlib
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from tunelet.cli import run_end
from tunelet.cli.bucket import naming_store
from tunelet.cli.collected import Collected
from tunelet.cli.connection import Connection, choose
from tunelet.cli.continued import requested
from tunelet.cli.data import data_option
from tunelet.cli.program import CommandAfterDashes, require
from tunelet.cli.request import put
from tunelet.cli.space_flags import space, space_flags
from tunelet.cli.table import printable
from tunelet.cli.watch import exit_code, follow, left_running
from tunelet.client.report import Json
from tunelet.client.taking_up import Join, begun

if TYPE_CHECKING:
    from tunelet.client import Client

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@click.command("run", cls=CommandAfterDashes, context_settings={"ignore_unknown_options": False})
@space_flags
@click.option("--minimize", metavar="METRIC", help="The metric to minimize.")
@click.option("--maximize", metavar="METRIC", help="The metric to maximize.")
@click.option(
    "-n",
    "--max-trials",
    type=click.IntRange(1),
    metavar="N",
    help="The number of trials.  [default: 20]",
)
@click.option(
    "-j",
    "--parallel",
    type=click.IntRange(1),
    metavar="N",
    help="Trials that run at the same time.  [default: 1]",
)
@click.option("--algorithm", metavar="NAME", help="See: tunelet algorithms.  [default: tpe]")
@click.option("--name", metavar="NAME", help="Continue the experiment of this name, or begin it.")
@click.option("--seed", type=int, metavar="N", help="A seed makes the suggestions repeatable.")
@click.option("--max-seconds", type=float, metavar="S", help="End after this many seconds.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set any field of the request."
)
@data_option
@click.option(
    "--store",
    metavar="URL",
    envvar="TUNELET_STORE",
    show_envvar=True,
    help="The bucket or folder of the log.  [default: a folder in --data]",
)
@click.option("--url", metavar="URL", help="Ask this service instead. [env: TUNELET_URL]")
@click.option("--ui", is_flag=True, help="Show the search in a browser, at an address of its own.")
@click.option("--json", "as_json", is_flag=True, help="Write the service's own JSON.")
@click.argument("command", nargs=-1, metavar="-- COMMAND...")
@click.pass_context
def run_command(
    ctx: click.Context,
    /,
    command: tuple[str, ...],
    data: Path,
    store: str | None,
    url: str | None,
    as_json: bool,
    ui: bool,
    **flags: Any,
) -> int:
    """Search the hyperparameters of a command.

    Runs COMMAND once for each trial, in this folder, with --NAME=VALUE for each hyperparameter (or
    where COMMAND has ${hyperparameters.NAME}), and reads the metric from what it prints. No
    service is needed; `tunelet up` with the same --data shows the experiment afterwards. With --url
    a service on this machine does the work.

    With --ui the page is served on this machine as long as the search runs, and in a terminal until
    Ctrl-C.

    Ctrl-C ends the search. The same command with --name continues it, and so does --name alone.

    \b
    Examples:
      tunelet run --float lr=1e-4:0.1:log --minimize loss -n 20 -- python train.py
      tunelet run --int layers=1:8 --choice opt=sgd,adam --maximize accuracy \\
          -n 40 -j 4 -- ./train.sh
      tunelet run --name exp-0d886bbf6731      continue this search
    """
    connection = choose(ctx, url, None, as_json)
    served = connection.url or os.environ.get("TUNELET_URL")
    if command or served:
        request = _request(command, flags)
    else:
        request = requested(data, store, connection.namespace, flags)
    if served:
        request["model_training_code"] = {"command": list(command), "workdir": str(Path.cwd())}
        client = connection.client()
        return _ran(client, connection, request, None, page=client.url if ui else None)
    local = _local()
    code = request["model_training_code"]
    require(code["command"])
    try:
        with (
            naming_store(),
            local.opened(
                data.resolve(),
                *(store, (code["image"], code["command"]), Path.cwd()),
                *(request["parallel_trials"], connection.namespace),
                with_page=ui,
            ) as (client, join, page),
        ):
            connection = connection._replace(store=_shown_store(data, store))
            if page is not None:
                _warn_without_page()
            code = _ran(client, connection, request, data, join, page)
            if page is not None and code != INTERRUPTED and sys.stdout.isatty():
                _stay(page)
            return code
    except OSError as fault:
        raise click.ClickException(_trouble(fault, data)) from fault


def _shown_store(data: Path, store: str | None) -> str | None:
    """The --store of other commands; None if they find it by themselves.

    Where a service answers they ask that one, which knows nothing of this search.
    """
    from tunelet.cli.over_store import answers
    from tunelet.client.client import DEFAULT_URL

    own = Path(os.environ.get("TUNELET_DATA", "tunelet-data"))
    given = os.environ.get("TUNELET_STORE")
    found = store == given if store is not None else data == own and not given
    return None if found and not answers(DEFAULT_URL) else store or str(data)


def _request(command: tuple[str, ...], flags: dict[str, Any]) -> Json:
    """The request of a new search. Raises `ClickException` with all that is wrong with the call."""
    faults, hyperparameters = Collected(), None
    with faults.noted():
        require(command)
    with faults.noted():
        if bool(flags["minimize"]) is bool(flags["maximize"]):
            raise click.UsageError("name the metric that your command prints: --minimize METRIC")
    with faults.noted():
        hyperparameters = space(flags["floats"], flags["ints"], flags["choices"])
    direction = "minimize" if flags["minimize"] else "maximize"
    request: Json = {
        "model_training_code": {"image": _image(command), "command": list(command)},
        "hyperparameters": hyperparameters,
        "objective": {"metric": flags[direction], "direction": direction},
        "parallel_trials": flags["parallel"] or 1,
    }
    given = {"hpo_algorithm": flags["algorithm"]}
    given |= {field: flags[field] for field in ("max_trials", "name", "seed", "max_seconds")}
    request |= {field: value for field, value in given.items() if value is not None}
    for setting in flags["settings"]:
        with faults.noted():
            put(request, setting)
    with faults.noted():
        _check(request)
    faults.check()
    return request


def _check(request: Json) -> None:
    if (request.get("metrics") or {}).get("source", "stdout") != "stdout":
        raise click.UsageError(
            "metrics come from what the command prints: all trials share this folder, so a file in"
            " it may be another trial's; with `tunelet up` each trial has a folder of its own"
        )
    if request["hyperparameters"] == {}:
        raise click.UsageError("name what to search, such as --float lr=1e-4:0.1:log")


def _image(command: tuple[str, ...]) -> str:
    """The command's name in the log: its program, and the script if there is one."""
    words = [Path(word).name for word in command[:2] if not word.startswith("-")]
    return _NOT_IN_A_NAME.sub("-", "-".join(words)).strip("-._").lower()[:63] or "command"


def _local() -> Any:
    from tunelet.bundle import activate

    activate()
    try:
        return importlib.import_module("functions.hosting.run")
    except ModuleNotFoundError as fault:
        raise click.ClickException(
            f"a search needs more than the client (no {fault.name}): pip install 'tunelet[up]'"
        ) from fault


def _ran(
    client: "Client",
    connection: Connection,
    request: Json,
    data: Path | None,
    join: Join | None = None,
    page: str | None = None,
) -> int:
    """Show the search until it has ended. `page` is the address of its page.

    `data` and `join` are None if a service does it.
    """
    experiment = begun(client, request, join)
    name = str(experiment["name"])
    for warning in experiment.get("warnings", ()):
        click.echo(f"warning: {printable(warning)}", err=True)
    if page is not None:
        click.echo(f"page  {page}/#/{client.namespace}/{name}", err=True)
    try:
        last = follow(connection, client, name)
    except KeyboardInterrupt:
        if data is None:
            left_running(connection, name)
            return INTERRUPTED
        run_end.interrupted(connection, name)
        return INTERRUPTED
    if not connection.json:
        run_end.show(connection, client, last, here=data is not None)
    return exit_code(last)


def _warn_without_page() -> None:
    page = importlib.import_module("functions.page")
    if not page.is_built():
        click.echo(f"warning: {page.NOT_BUILT}", err=True)


def _stay(page: str) -> None:
    """Keep the page until Ctrl-C."""
    click.echo(f"the page stays at {page} until Ctrl-C", err=True)
    with suppress(KeyboardInterrupt):
        Event().wait()


def _trouble(fault: OSError, data: Path) -> str:
    if fault.errno == errno.EWOULDBLOCK:
        return (
            f"another tunelet works in {data}: submit to it, or choose another folder with --data"
        )
    if fault.filename is not None:
        return f"cannot keep data in {fault.filename}: {fault.strerror}; choose another with --data"
    return str(fault)

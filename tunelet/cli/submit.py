"""submit: sends a request from a file, options, or both."""

import shlex
from pathlib import Path
from typing import Any

import click

from tunelet.cli.connection import Connection, connected, write_json
from tunelet.cli.faults import advise
from tunelet.cli.request import put, read
from tunelet.cli.space_flags import space, space_flags
from tunelet.cli.table import colored, printable
from tunelet.cli.watch import exit_code, left_running, show_end, watch

# The flag's parameter, and where in the request its value goes.
_FIELDS = {
    "name": "name",
    "image": "model_training_code",
    "algorithm": "hpo_algorithm",
    "max_trials": "max_trials",
    "parallel_trials": "parallel_trials",
    "max_seconds": "max_seconds",
    "seed": "seed",
}


@click.command("submit")
@click.argument("source", required=False, metavar="[FILE]", type=click.Path(allow_dash=True))
@click.option("--name", metavar="NAME", help="The experiment's name.")
@click.option("--image", metavar="IMAGE", help="The training code: an image or its alias.")
@click.option(
    "--command",
    metavar="COMMAND",
    help="The training code: a command on the machine of the service, without an image.",
)
@click.option(
    "--workdir",
    type=click.Path(path_type=Path),
    help="Where COMMAND starts. [default: a folder of each trial's own]",
)
@click.option("--algorithm", metavar="NAME", help="For example tpe; see: tunelet algorithms.")
@click.option("--max-trials", type=int, metavar="N", help="The number of trials.")
@click.option("--parallel-trials", type=int, metavar="N", help="Trials that run at the same time.")
@click.option("--max-seconds", type=float, metavar="S", help="End after this many seconds.")
@click.option("--minimize", metavar="METRIC", help="The metric to minimize.")
@click.option("--maximize", metavar="METRIC", help="The metric to maximize.")
@click.option("--seed", type=int, metavar="N", help="A seed makes the suggestions repeatable.")
@space_flags
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set any field; a.b sets b in a."
)
@click.option("--idempotency-key", metavar="KEY", help="With the same key, submit only once.")
@click.option("--may-wait", is_flag=True, help="Submit also if no trial can start now.")
@click.option("--wait", is_flag=True, help="Wait until the experiment has ended.")
@click.option("--watch", "look_on", is_flag=True, help="Show its progress until it has ended.")
@connected
def submit_command(
    connection: Connection,
    source: str | None,
    settings: tuple[str, ...],
    idempotency_key: str | None,
    may_wait: bool,
    wait: bool,
    look_on: bool,
    **flags: Any,
) -> int:
    """Submit an experiment.

    FILE is JSON or YAML; - reads standard input. Options replace its fields.

    With --wait or --watch the exit code is 0 if it completed, 1 if it failed or was stopped.

    \b
    Examples:
      tunelet submit request.yaml --watch
      tunelet submit request.json --name digits --max-trials 50
      tunelet submit base.yaml --set hyperparameters.lr.max=0.3 --seed 7
      tunelet submit --image trainer --float lr=1e-4:0.1:log --minimize loss
      cat request.json | tunelet submit - --json | jq -r .name
    """
    request = _request(source, settings, flags)
    client = connection.client()
    experiment = client.submit(request, idempotency_key, may_wait=may_wait)
    for warning in experiment.json.get("warnings", ()):
        click.echo(f"warning: {printable(warning)}", err=True)
    if not look_on and not wait:
        if connection.json:
            write_json(experiment.json)
        else:
            _tell(connection, experiment.name, experiment.state)
        return 0
    if look_on:
        return watch(connection, experiment.name)
    try:
        last = client.wait(experiment.name).json
    except KeyboardInterrupt:
        left_running(connection, experiment.name)
        return 130
    if connection.json:
        write_json(last)
    else:
        show_end(connection, last)
    return exit_code(last)


def _request(
    source: str | None, settings: tuple[str, ...], flags: dict[str, Any]
) -> dict[str, Any]:
    request = read(source)
    for flag, field in _FIELDS.items():
        if flags[flag] is not None:
            request[field] = flags[flag]
    if flags["minimize"] and flags["maximize"]:
        raise click.UsageError(
            "either --minimize or --maximize; a file can name several objectives"
        )
    _put_command(request, flags["command"], flags["workdir"])
    for direction in ("minimize", "maximize"):
        if flags[direction]:
            request["objective"] = {"metric": flags[direction], "direction": direction}
    found = space(flags["floats"], flags["ints"], flags["choices"])
    if found:
        request["hyperparameters"] = {**request.get("hyperparameters", {}), **found}
    for setting in settings:
        put(request, setting)
    if not request:
        raise click.UsageError("nothing to submit: name a FILE, or - for standard input")
    return request


def _put_command(request: dict[str, Any], command: str | None, workdir: Path | None) -> None:
    if command is None and workdir is None:
        return
    code = request.setdefault("model_training_code", {})
    if not isinstance(code, dict):
        raise click.UsageError("either --image or --command; --workdir is for --command")
    if command is not None:
        try:
            code["command"] = shlex.split(command)
        except ValueError as fault:
            raise click.UsageError(f"--command {command!r} is not a command: {fault}") from fault
    if workdir is not None:
        code["workdir"] = str(workdir.absolute())


def _tell(connection: Connection, name: str, state: str) -> None:
    click.echo(f"{name} is {colored(state)}")
    advise(connection.command("watch", name))

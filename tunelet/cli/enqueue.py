"""enqueue, propose: add trials with given hyperparameters."""

from typing import Any

import click

from tunelet.cli.connection import Connection, connected_or_stored, name_argument, write_json
from tunelet.cli.faults import advise
from tunelet.cli.request import Json, content, parse, value

_key_option = click.option(
    "--idempotency-key", metavar="KEY", help="With the same key, add the trials only once."
)
_note_option = click.option("--note", metavar="TEXT", help="Why, to be shown with the trials.")


@click.command("enqueue")
@name_argument
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--file",
    "source",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="Trials as JSON, JSON lines or YAML; - reads standard input.",
)
@_key_option
@_note_option
@connected_or_stored
def enqueue_command(
    connection: Connection,
    name: str,
    settings: tuple[str, ...],
    source: str | None,
    idempotency_key: str | None,
    note: str | None,
) -> None:
    """Add all trials of a file, to run next.

    Also one trial, as KEY=VALUE: that is the same as `tunelet propose`.

    \b
    Examples:
      tunelet enqueue digits --file trials.json
      tunelet enqueue digits learning_rate=0.05 batch_size=64
      tunelet best digits --json | jq -c .best.hyperparameters | tunelet enqueue again --file -
    """
    if bool(settings) == (source is not None):
        raise click.UsageError("give either KEY=VALUE for one trial, or --file")
    wanted = [_assignment(settings)] if source is None else trials(*content(source))
    _add(connection, name, wanted, idempotency_key, note)


@click.command("propose")
@name_argument
@click.argument("settings", nargs=-1, metavar="KEY=VALUE...", required=True)
@_note_option
@_key_option
@connected_or_stored
def propose_command(
    connection: Connection,
    name: str,
    settings: tuple[str, ...],
    note: str | None,
    idempotency_key: str | None,
) -> None:
    """Add one trial that you choose, to run next.

    The algorithm learns from it as from its own trials, and it counts to max_trials. To add all
    trials of a file, use `tunelet enqueue`.

    \b
    Example:
      tunelet propose digits learning_rate=0.1 batch_size=32 --note "small batches, faster rate"
    """
    _add(connection, name, [_assignment(settings)], idempotency_key, note)


def _add(
    connection: Connection, name: str, wanted: list[Any], key: str | None, note: str | None
) -> None:
    made = connection.client().enqueue(name, wanted, key, note)
    if connection.json:
        write_json({"trials": made})
        return
    numbers = ", ".join(str(trial["number"]) for trial in made)
    click.echo(f"{name}: added trial{'s'[: len(made) > 1]} {numbers}")
    advise(connection.command("trials", name))


def trials(text: str, source: str) -> list[Any]:
    """The trials of a file: a list, an object with `trials`, one object, or an object a line."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines):
        return [parse(line, f"{source}, trial {n}") for n, line in enumerate(lines)]
    found = parse(text, source)
    if isinstance(found, dict):
        listed = found.get("trials") if set(found) == {"trials"} else None
        found = listed if isinstance(listed, list) else [found]
    if not isinstance(found, list) or not found:
        raise click.ClickException(f"{source} contains no trials: give a list of objects")
    return found


def _assignment(settings: tuple[str, ...]) -> Json:
    assignment: Json = {}
    for setting in settings:
        key, sign, text = setting.partition("=")
        if not sign or not key:
            raise click.UsageError(f"a hyperparameter is key=value, not {setting!r}")
        if key in assignment:
            raise click.UsageError(f"{key} is given twice")
        assignment[key] = value(text)
    return assignment

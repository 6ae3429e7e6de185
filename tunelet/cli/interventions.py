"""retry, note and label: a single trial run once more; notes and labels changed."""

import click

from tunelet.cli.connection import Connection, connected_or_stored, name_argument, write_json
from tunelet.cli.faults import advise
from tunelet.cli.table import printable


@click.command("retry")
@name_argument
@click.argument("trial", type=click.IntRange(0))
@click.option(
    "--idempotency-key", metavar="KEY", help="With the same key, add the trial only once."
)
@connected_or_stored
def retry_command(
    connection: Connection, name: str, trial: int, idempotency_key: str | None
) -> None:
    """Run a failed or stopped trial once more.

    Adds a trial with the same hyperparameters, to run next, and raises max_trials by one. An
    experiment that has spent its trials continues.

    \b
    Example:
      tunelet retry digits 7
    """
    made = connection.client().retry_trial(name, trial, idempotency_key)
    if connection.json:
        write_json(made)
        return
    click.echo(f"{name}: added trial {made.number}, a retry of trial {trial}")
    advise(connection.command("watch", name))


@click.command("note")
@name_argument
@click.argument("words", nargs=-1, metavar="[TRIAL] [TEXT]")
@click.option(
    "--text", "said", metavar="TEXT", help="The note, also if it looks like a number or an option."
)
@click.option("--remove", is_flag=True, help="Remove the note.")
@connected_or_stored
def note_command(
    connection: Connection, name: str, words: tuple[str, ...], said: str | None, remove: bool
) -> None:
    """Show or change the note on an experiment, or on one of its trials.

    Without TEXT it shows the note.

    \b
    Examples:
      tunelet note digits "the data before the fix"
      tunelet note digits 7 "diverges after step 100"
      tunelet note digits 7
      tunelet note digits --text 7
      tunelet note digits --remove
    """
    trial, text = _place(words)
    if said is not None:
        if text is not None:
            raise click.UsageError("give the text once: either --text TEXT, or TEXT alone")
        text = said
    if remove and text is not None:
        raise click.UsageError("give either a text, or --remove")
    if text == "":
        raise click.UsageError("the text is empty: --remove removes the note")
    client, changed = connection.client(), "" if remove else text
    if trial is None:
        found = client.experiment(name) if changed is None else client.note(name, changed)
        json, note = found.json, found.note
    else:
        seen = client.trial(name, trial)
        if changed is not None:
            seen = client.note_trial(name, trial, changed)
        json, note = seen.json, seen.note
    if connection.json:
        write_json(json)
    elif changed is None and note:
        click.echo("\n".join(map(printable, note.split("\n"))))
    else:
        where = name if trial is None else f"trial {trial} of {name}"
        said = {None: "has no note", "": "has no note any more"}.get(changed, "is noted")
        click.echo(f"{where} {said}", err=changed is None)


def _place(words: tuple[str, ...]) -> tuple[int | None, str | None]:
    """Return the trial, if one is meant, and the text, if there is one."""
    match words:
        case ():
            return None, None
        case (number,) if number.isascii() and number.isdigit():
            return int(number), None
        case (text,):
            return None, text
        case (number, text) if number.isascii() and number.isdigit():
            return int(number), text
        case (number, _):
            raise click.UsageError(f"{number!r} is no trial's number; put the text in quotes")
        case _:
            raise click.UsageError("give one text, in quotes")


@click.command("label")
@name_argument
@click.argument("changes", nargs=-1, required=True, metavar="KEY=VALUE|KEY-...")
@connected_or_stored
def label_command(connection: Connection, name: str, changes: tuple[str, ...]) -> None:
    """Set and remove labels of an experiment.

    KEY=VALUE sets a label, KEY- removes it. All others stay.

    \b
    Examples:
      tunelet label digits team=vision stage=draft
      tunelet label digits stage-
      tunelet list -l team=vision
    """
    labels = dict(map(_label, changes))
    if len(labels) < len(changes):
        raise click.UsageError("a label is given twice")
    found = connection.client().label(name, labels)
    if connection.json:
        write_json(found.json)
        return
    shown = " ".join(printable(f"{key}={value}") for key, value in found.labels.items())
    click.echo(f"{name}: {shown or 'no labels'}")


def _label(change: str) -> tuple[str, str | None]:
    key, sign, value = change.partition("=")
    if sign and key:
        return key, value
    if not sign and len(change) > 1 and change.endswith("-"):
        return change[:-1], None
    raise click.UsageError(f"a change is KEY=VALUE or KEY-, not {change!r}")

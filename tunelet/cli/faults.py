"""Errors as one line with their remedies, and exit codes."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from tunelet.errors import (
    EXTEND_FIRST,
    NO_EXPERIMENT,
    Conflict,
    FieldError,
    Forbidden,
    NotFound,
    OverQuota,
    Reject,
    Retry,
    Unauthorized,
)

_VALUE_WIDTH = 60

_NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""Its message is the whole help. Absent before click 8.2."""

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (click.ClickException, 2),
    (NotFound, 3),
    (Retry, 4),
    (Conflict, 5),
    (Forbidden, 6),
    (Reject, 2),
    (PermissionError, 2),
)

_REMEDIES: tuple[tuple[type[Exception], str, str], ...] = (
    (
        NotFound,
        NO_EXPERIMENT,
        "see those that exist: tunelet list, with the same --namespace, --url or --store",
    ),
    (
        Conflict,
        EXTEND_FIRST,
        "give it a larger budget, then repeat this: tunelet extend NAME --max-trials N",
    ),
)
"""Remedies by the kind of an error and the end of its text."""


class Several(click.UsageError):
    """More than one fault of a command line."""

    def __init__(self, faults: Sequence[click.ClickException]) -> None:
        super().__init__("; ".join(each.format_message() for each in faults))
        self.faults = tuple(faults)


def code(fault: Exception) -> int:
    return next((number for kind, number in _CODES if isinstance(fault, kind)), 7)


def show(fault: Exception) -> None:
    """Write the error and its remedies to standard error."""
    if isinstance(fault, _NO_ARGUMENTS):
        click.echo(str(fault), err=True)
        return
    if isinstance(fault, Forbidden) and not isinstance(fault, OverQuota):
        _refusal(fault)
    elif isinstance(fault, Reject) and fault.errors:
        _rejection(fault)
    elif isinstance(fault, click.NoSuchOption) and (meant := _meant(fault)) is not None:
        _line(f"there is no option {fault.option_name}: did you mean {meant}?")
    elif isinstance(fault, click.ClickException):
        for each in fault.faults if isinstance(fault, Several) else (fault,):
            _line(each.format_message())
    elif isinstance(fault, PermissionError) and fault.filename is not None:
        _line(f"{fault.filename} may not be read or written: {fault.strerror}")
        advise("become the owner of its folder, or name another with --data or --store")
    else:
        _line(str(fault) or type(fault).__name__)
    if isinstance(fault, click.UsageError) and fault.ctx is not None:
        advise(f"see: {fault.ctx.command_path} --help")
    for remedy in _remedies(fault):
        advise(remedy)
    if isinstance(fault, Retry):
        from tunelet.client.transport import Unreachable

        if isinstance(fault, Unreachable):
            advise("start a service with: tunelet up; or name another: --url, TUNELET_URL")


def _remedies(fault: Exception) -> list[str]:
    return [
        remedy
        for kind, end, remedy in _REMEDIES
        if isinstance(fault, kind) and str(fault).endswith(end)
    ]


def _meant(fault: click.NoSuchOption) -> str | None:
    """The option that a word of another library means."""
    from tunelet.client.keywords import option

    known = fault.ctx.command.params if fault.ctx is not None else []
    return option(fault.option_name, [name for each in known for name in each.opts])


def advise(text: str, indent: str = "  ", command: Sequence[str] | None = None) -> None:
    """Write the next step to standard error, so that standard output stays parseable.

    `command` is the command line that does it.
    """
    from tunelet.cli import wrapping

    most, before = wrapping.columns(sys.stderr), len(indent) + len("-> ")
    if command is None:
        shown = wrapping.prose(text, most, before, " " * before)
    else:
        shown = wrapping.introduced(text, command, most, before)
    click.echo(f"{indent}{click.style('->', fg='cyan')} {shown}", err=True)


def _refusal(fault: Forbidden) -> None:
    _line(str(fault))
    if isinstance(fault, Unauthorized) or not fault.errors:
        advise("sign in with: tunelet login; or set TUNELET_TOKEN to a token of this service")
    for error in () if isinstance(fault, Unauthorized) else fault.errors:
        advise(error.remedy)


def _rejection(fault: Reject) -> None:
    """Each field with its remedy on a line; a single field is in the message itself."""
    if len(fault.errors) == 1:
        only = fault.errors[0]
        _line(_field(only))
        if only.remedy:
            advise(only.remedy)
        return
    # The message repeats the first error, for those who see nothing but the message.
    first = f"{fault.errors[0].field or 'the request'}: {fault.errors[0].message}"
    _line(str(fault).removesuffix(f"; {first}"))
    for error in fault.errors:
        click.echo(f"  {_field(error)}", err=True)
        if error.remedy:
            advise(error.remedy, indent="    ")


def _line(text: str) -> None:
    from tunelet.cli.wrapping import columns, prose

    shown = prose(text, columns(sys.stderr), len("error: "))
    click.echo(f"{click.style('error:', fg='red', bold=True)} {shown}", err=True)


def _field(error: FieldError) -> str:
    value = "" if error.value is None else f" = {_brief(error.value)}"
    return f"{click.style(error.field, bold=True)}{value}: {error.message}"


def _brief(value: object) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE_WIDTH else f"{text[: _VALUE_WIDTH - 1]}…"

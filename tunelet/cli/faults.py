"""Errors as one clear line, with what to do about it, and their exit codes."""

import click

from tunelet.errors import Conflict, FieldError, Forbidden, NotFound, Reject, Retry

_VALUE_WIDTH = 60

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (click.ClickException, 2),
    (NotFound, 3),
    (Retry, 4),
    (Conflict, 5),
    (Forbidden, 6),
    (Reject, 2),
)


def code(fault: Exception) -> int:
    return next((number for kind, number in _CODES if isinstance(fault, kind)), 7)


def show(fault: Exception) -> None:
    """Write the error and its remedies to standard error."""
    if isinstance(fault, click.UsageError) and fault.ctx is not None:
        _line(fault.format_message())
        _advice(f"see: {fault.ctx.command_path} --help")
    elif isinstance(fault, click.ClickException):
        _line(fault.format_message())
    else:
        _line(str(fault) or type(fault).__name__)
    if isinstance(fault, Reject):
        for error in fault.errors:
            _field(error)
    if isinstance(fault, Forbidden):
        _advice("set TUNELET_TOKEN to a token of this service")
    if isinstance(fault, Retry):
        from tunelet.transport import Unreachable

        if isinstance(fault, Unreachable):
            _advice("start a service with: tunelet up; or name another: --url, TUNELET_URL")


def _line(text: str) -> None:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {text}", err=True)


def _field(error: FieldError) -> None:
    value = "" if error.value is None else f" = {_brief(error.value)}"
    click.echo(f"  {click.style(error.field, bold=True)}{value}: {error.message}", err=True)
    if error.remedy:
        _advice(error.remedy, indent="    ")


def _advice(text: str, indent: str = "  ") -> None:
    click.echo(f"{indent}{click.style('->', fg='cyan')} {text}", err=True)


def _brief(value: object) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE_WIDTH else f"{text[: _VALUE_WIDTH - 1]}…"

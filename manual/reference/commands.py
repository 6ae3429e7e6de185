"""The page of all commands and their options, from the command line itself."""

import inspect
from collections.abc import Iterator

import click

from manual.reference.markdown import block, code, paragraphs, table
from tunelet.cli import cli

_HEAD = """# Commands

`tunelet COMMAND --help` shows the same. This page is generated from the command line.
"""


def page() -> str:
    """The page as Markdown."""
    context = click.Context(cli, info_name="tunelet", **cli.context_settings)
    return paragraphs(_HEAD, *_described(cli, context))


def _described(command: click.Command, context: click.Context) -> Iterator[str]:
    """The command's section, then those of its subcommands."""
    yield f"## {context.command_path}"
    usage = f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    yield code(usage)
    yield from _help(command.help or command.short_help or "")
    yield table(("Option", "Description"), [row for row in _options(command, context) if row])
    yield command.epilog or ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from _described(below, click.Context(below, context, info_name=name))


def _options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str] | None]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        yield record and (code(record[0]), _escaped(record[1]))


def _help(text: str) -> Iterator[str]:
    """The paragraphs of a help text; those that keep their lines become blocks."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if not paragraph.startswith("\b"):
            yield _escaped(" ".join(paragraph.split()))
            continue
        yield block(paragraph.removeprefix("\b").strip("\n").splitlines())


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_").replace("[", "\\[")

"""The program that a command line names after --."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

_INTERPRETERS = {".py": "python", ".sh": "sh"}
_SCRIPTS = {"python": ".py", "sh": ".sh", "bash": ".sh"}
_PLAIN_FLAGS = {"-u", "-O", "-B", "-e", "-x"}
"""Flags of these interpreters without a value of their own."""
_SPACE_FLAGS = ("--float", "--int", "--choice")
_BEFORE = "tunelet.before"
"""Key of a context's words before -- that are no options."""


class CommandAfterDashes(click.Command):
    """A command of which the last argument is the command line after --."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        rest = super().parse_args(ctx, args)
        if "--" in given:
            command = ctx.params.get("command") or ()
            after = len(given) - given.index("--") - 1
            if len(command) < after:
                raise click.UsageError("name the experiment before --", ctx)
            ctx.meta[_BEFORE] = (list(command[: len(command) - after]), given)
        return rest


def require(command: Sequence[str]) -> None:
    """Raises `click.ClickException` if program or script is absent, or cannot be executed."""
    if not command:
        raise click.UsageError("name the command to run after --: -- python train.py")
    program = command[0]
    if shutil.which(program) is not None:
        _require_script(command)
        return
    context = click.get_current_context(silent=True)
    before, given = context.meta.get(_BEFORE, ([], [])) if context is not None else ([], [])
    if before:
        raise click.UsageError(_misplaced(before, given))
    if Path(program).is_file():
        what = "is not on the PATH" if os.access(program, os.X_OK) else "is not executable"
        raise click.ClickException(f"{program!r} {what}: {_remedy(program)}")
    raise click.ClickException(
        f"there is no program {program!r}: {near(program) or 'name one after --'}"
    )


def _require_script(command: Sequence[str]) -> None:
    """Raises `click.ClickException` if the interpreter that is the program has no such script."""
    suffix = _SCRIPTS.get(os.path.basename(command[0]).rstrip("0123456789."))
    script = next((word for word in command[1:] if word not in _PLAIN_FLAGS), "")
    if suffix is None or not script.endswith(suffix) or script.startswith("-") or "$" in script:
        return
    if not os.path.exists(script):
        meant = _similar(script, _files([os.path.dirname(script) or "."]))
        remedy = meant or "name one, with its path from this folder"
        raise click.ClickException(f"there is no file {script!r}: {remedy}")


def near(program: str) -> str | None:
    """Return the question whether a program with a similar name is meant; None if none has."""
    inside = os.path.dirname(program)
    return _similar(program, _files([inside] if inside else os.get_exec_path()))


def _similar(path: str, names: Iterable[str]) -> str | None:
    import difflib

    like = difflib.get_close_matches(os.path.basename(path), set(names), 1, 0.75)
    return f"did you mean {os.path.join(os.path.dirname(path), like[0])!r}?" if like else None


def _files(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        try:
            yield from (each.name for each in os.scandir(folder) if each.is_file())
        except OSError:
            continue  # PATH may name folders that do not exist


def _misplaced(words: list[str], given: list[str]) -> str:
    """What to write in place of words before -- that belong to no option."""
    said = f"{' '.join(words)!r} is before --, and belongs to no option"
    at = given.index(words[0])
    if at > 1 and given[at - 2] in _SPACE_FLAGS and "=" not in given[at - 1]:
        flag, name = given[at - 2 : at]
        joined = ("," if flag == "--choice" else ":").join(words)
        return f"{said}: write {flag} {name}={joined}"
    return f"{said}: write only options there, and the whole command after --"


def _remedy(program: str) -> str:
    if os.access(program, os.X_OK):
        return f"write -- ./{program}"
    if interpreter := _INTERPRETERS.get(Path(program).suffix):
        return f"write -- {interpreter} {program}"
    return f"make it so with chmod +x {program}, or name its interpreter after --"

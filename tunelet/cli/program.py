"""The program that a command line names after --."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import click

_INTERPRETERS = {".py": "python", ".sh": "sh"}


def require(command: Sequence[str]) -> None:
    """Raises `click.ClickException` if there is no such program, or if it cannot be executed."""
    if not command:
        raise click.UsageError("name the command to run after --: -- python train.py")
    program = command[0]
    if shutil.which(program) is not None:
        return
    if Path(program).is_file():
        raise click.ClickException(f"{program!r} is not executable: {_remedy(program)}")
    raise click.ClickException(f"there is no program {program!r}: name one after --")


def _remedy(program: str) -> str:
    if interpreter := _INTERPRETERS.get(Path(program).suffix):
        return f"write -- {interpreter} {program}"
    return f"make it so with chmod +x {program}, or name its interpreter after --"

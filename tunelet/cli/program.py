"""The program that a command line names after --."""

import shutil
from pathlib import Path

import click


def require(program: str) -> None:
    """Raises `click.ClickException` if there is no such program, or if it cannot be executed."""
    if shutil.which(program) is not None:
        return
    if Path(program).is_file():
        interpreter = "python" if program.endswith(".py") else "sh"
        raise click.ClickException(
            f"{program!r} is not executable: write -- {interpreter} {program}"
        )
    raise click.ClickException(f"there is no program {program!r}: name one after --")

"""The file that a command writes its result to."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click


@contextmanager
def opened(output: str) -> Iterator[BinaryIO]:
    """Standard output for `-`, or a file that is renamed into place when it is complete.

    Raises `click.ClickException` if the file cannot be written.
    """
    if output == "-":
        yield sys.stdout.buffer
        return
    target = Path(output)
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as fault:
        raise click.ClickException(f"{output} cannot be written: {fault.strerror}") from fault
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def _umask() -> int:
    present = os.umask(0)
    os.umask(present)
    return present

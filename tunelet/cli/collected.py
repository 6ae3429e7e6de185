"""Collects the faults of a command line, so that one call shows them all."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from tunelet.cli.faults import Several


class Collected:
    """The faults that were found so far."""

    def __init__(self) -> None:
        self._faults: list[click.ClickException] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the fault that ends the block, and continue after it."""
        try:
            yield
        except Several as several:
            self._faults += several.faults
        except click.ClickException as fault:
            self._faults.append(fault)

    def check(self) -> None:
        """Raise the fault that was noted, or `Several` if there are more."""
        if len(self._faults) == 1:
            raise self._faults[0]
        if self._faults:
            raise Several(self._faults)

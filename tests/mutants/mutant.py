"""A fault to put into the code, and the tests that must notice it."""

from pathlib import Path
from typing import NamedTuple


class Stale(Exception):
    """The list has a text that is not in the file, or is there more than once."""


class Mutant(NamedTuple):
    fault: str
    """What is wrong with the code then."""
    old: str
    new: str
    tests: tuple[str, ...] = ()
    """Paths or node ids for pytest; none: those of the source."""
    hangs: bool = False
    """A test never ends with it, instead of failing."""


class Source(NamedTuple):
    """A file with its mutants. Only this has its path, so that a move changes one line."""

    path: str
    tests: tuple[str, ...]
    mutants: tuple[Mutant, ...]

    def tests_of(self, mutant: Mutant) -> tuple[str, ...]:
        return mutant.tests or self.tests

    def mutated(self, mutant: Mutant, root: Path) -> str:
        """The text of the file with the fault in it. Raises `Stale`."""
        file = root / self.path
        text = file.read_text() if file.exists() else ""
        if (found := text.count(mutant.old)) != 1:
            raise Stale(f"{self.path} has {found} times, and not once: {mutant.old!r}")
        return text.replace(mutant.old, mutant.new)

    def stale(self, root: Path) -> list[str]:
        """Return the faults of the list that must be repaired before it can run."""
        wrong = []
        for mutant in self.mutants:
            try:
                self.mutated(mutant, root)
            except Stale as stale:
                wrong.append(str(stale))
            paths = [root / test.partition("::")[0] for test in self.tests_of(mutant)]
            wrong += [f"{self.path}: there is no {path}" for path in paths if not path.exists()]
        return wrong

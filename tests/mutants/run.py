"""Puts one fault after the other into a copy of the tree and runs the tests that must fail."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tests.mutants.mutant import Mutant, Source

TIMEOUT_SECONDS = 300.0
_PASSED, _FAILED = 0, 1
_FIRST = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
_mtimes = count(1_000_000_000)


class Broken(Exception):
    """The tests could not be run, so that they say nothing about the mutant."""


class Hanging(Broken):
    """They did not end: the mutant makes one hang, or the machine has too much to do."""


class Result(NamedTuple):
    source: Source
    mutant: Mutant
    killed_by: str | None
    """The first test that failed; None if none did."""


class Copy:
    """A copy of the files that git tracks, or would track, in which tests are run."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            check=True,
        )
        for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
            if (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(root / name, folder / name)

    def results(self, sources: Sequence[Source]) -> Iterator[Result]:
        """One for each mutant, in order. Raises `Broken`."""
        for source in sources:
            for mutant in source.mutants:
                yield Result(source, mutant, self._killed_by(source, mutant))

    def failing(self, tests: Sequence[str], timeout: float | None = None) -> str | None:
        """The first of the tests that fails; None if all pass. Raises `Broken`."""
        # What an editable install finds of the packages comes after this.
        env = os.environ | {"PYTHONPATH": str(self.folder)}
        words = [sys.executable, "-m", "pytest", "-q", "-x", "-rfE", "--tb=line", *tests]
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said = process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Hanging(f"no test failed within {timeout:g} s") from None
        if process.returncode not in (_PASSED, _FAILED):
            raise Broken(f"pytest ended with {process.returncode}:\n{said[-4000:]}")
        if process.returncode == _PASSED:
            return None
        found = _FIRST.search(said)
        return found[1] if found else "a test"

    def _killed_by(self, source: Source, mutant: Mutant) -> str | None:
        path = self.folder / source.path
        before = path.read_text()
        self._write(path, source.mutated(mutant, self.folder))
        try:
            return self.failing(source.tests_of(mutant), TIMEOUT_SECONDS)
        except Broken as broken:
            if mutant.hangs and isinstance(broken, Hanging):
                return "a test does not end"
            raise Broken(f"{source.path}, {mutant.fault}: {broken}") from broken
        finally:
            self._write(path, before)

    def _write(self, path: Path, text: str) -> None:
        """With a time stamp of its own, by which Python knows that its compiled file is old."""
        path.write_text(text)
        stamp = next(_mtimes)
        os.utime(path, (stamp, stamp))

"""`python -m tests.mutants`: run the mutants with one of the words in file or fault, or all.

With `--write FILE` the table goes there; rows of mutants that were not run stay as they are.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.mutants.access import ACCESS
from tests.mutants.decisions import DECISIONS
from tests.mutants.durability import DURABILITY
from tests.mutants.interventions import INTERVENTIONS
from tests.mutants.launching import LAUNCHING
from tests.mutants.mutant import Source
from tests.mutants.protocol import PROTOCOL
from tests.mutants.run import Broken, Copy, Result
from tests.mutants.studies import STUDIES
from tests.mutants.sweeps import SWEEPS
from tests.mutants.table import table
from tests.mutants.tenants import TENANTS

ROOT = Path(__file__).resolve().parents[2]
ALL = (
    *(*PROTOCOL, *DECISIONS, *LAUNCHING, *DURABILITY, *STUDIES, *INTERVENTIONS, *TENANTS),
    *(*SWEEPS, *ACCESS),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    if wrong := [each for source in ALL for each in source.stale(ROOT)]:
        print("The list is out of date:", *wrong, sep="\n  ", file=sys.stderr)
        return 2
    sources = [chosen for source in ALL if (chosen := _chosen(source, given.words)).mutants]
    if not sources:
        print("no mutant has one of these words", file=sys.stderr)
        return 2
    os.nice(19)
    try:
        results = _run(sources)
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 2
    if given.write is not None:
        before = given.write.read_text() if given.write.exists() else ""
        given.write.write_text(table(results, ALL, before))
    survivors = [each for each in results if each.killed_by is None]
    print(f"{len(results)} mutants, {len(survivors)} survive")
    return 1 if survivors else 0


def _chosen(source: Source, words: list[str]) -> Source:
    wanted = [
        each
        for each in source.mutants
        if not words or any(word in f"{source.path} {each.fault}" for word in words)
    ]
    return source._replace(mutants=tuple(wanted))


def _run(sources: list[Source]) -> list[Result]:
    results = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(ROOT, Path(folder))
        named = {test for each in sources for m in each.mutants for test in each.tests_of(m)}
        if (failing := copy.failing(sorted(named))) is not None:
            raise Broken(f"without a mutant, this fails already: {failing}")
        for result in copy.results(sources):
            results.append(result)
            said = f"killed by {result.killed_by}" if result.killed_by else "SURVIVES"
            print(f"{result.source.path}: {result.mutant.fault}: {said}", flush=True)
    return results


if __name__ == "__main__":
    sys.exit(main())

"""The table of mutants in the documents."""

from collections.abc import Iterable

from tests.mutants.run import Result

_HEAD = """\
# Faults that the tests notice

`make mutants` puts each of these faults into a copy of the code and runs the tests that must
notice it. A mutant is killed if a test fails, and survives if none does: then a test is missing.
The command takes a while and is no part of CI. It writes this page, and fails if a mutant survives.

The lists are in `tests/mutants/`: a file, an exact text in it, what takes its place, and which tests
to run. The command refuses to start if a text is no longer in its file. A change of a rule brings
the mutant that breaks the rule.

The list is our own because mutmut cannot run these tests (it runs pytest several times in one
process, and its code in place of ours is not found by the shim, which imports nothing of a package),
and because a hand-chosen fault says in words what it would mean to a user.

"""


def table(results: Iterable[Result]) -> str:
    rows = list(results)
    survivors = sum(each.killed_by is None for each in rows)
    said = f"{len(rows)} mutants, {survivors} survive.\n"
    lines = [_HEAD, said]
    last = None
    for source, mutant, killed_by in rows:
        if source.path != last:
            lines += [f"\n## {source.path}\n\n", "| The fault | The test that fails |\n|---|---|\n"]
            last = source.path
        test = f"`{_shown(killed_by)}`" if killed_by else "**none: it survives**"
        lines.append(f"| {mutant.fault} | {test} |\n")
    return "".join(lines)


def _shown(test: str) -> str:
    return test.replace("|", "\\|").removeprefix("tests/")

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
    files: dict[str, list[Result]] = {}
    for result in results:
        files.setdefault(result.source.path, []).append(result)
    rows = [each for found in files.values() for each in found]
    survivors = sum(each.killed_by is None for each in rows)
    lines = [_HEAD, f"{len(rows)} mutants, {survivors} survive.\n"]
    for path, found in files.items():
        lines.append(f"\n## {path}\n\n| The fault | The test that fails |\n|---|---|\n")
        lines += [f"| {mutant.fault} | {_shown(test)} |\n" for _, mutant, test in found]
    return "".join(lines)


def _shown(test: str | None) -> str:
    if test is None:
        return "**none: it survives**"
    shown = test.removeprefix("tests/").replace("|", "\\|")
    return f"`{shown}`"

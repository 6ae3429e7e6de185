"""The table of mutants in the documents."""

import re
from collections.abc import Iterable

from tests.mutants.mutant import Source
from tests.mutants.run import Result

_ROW = re.compile(r"\| (.+?) \| (.+) \|")

_HEAD = """\
# Faults that the tests notice

`make mutants` puts each of these faults into a copy of the code and runs the tests that must
notice it. A mutant is killed if a test fails, and survives if none does: then a test is missing.
The command takes a while and is no part of CI. It writes this page, and fails if a mutant survives.
`make mutants WORDS=sweep` runs those with a word in their file or fault, and writes only their rows.

The lists are in `tests/mutants/`: a file, an exact text in it, what takes its place, and which tests
to run. The command refuses to start if a text is no longer in its file. A change of a rule brings
the mutant that breaks the rule.

The list is our own because mutmut cannot run these tests (it runs pytest several times in one
process, and its code in place of ours is not found by the shim, which imports nothing of a package),
and because a hand-chosen fault says in words what it would mean to a user.

"""


_NOT_RUN = "not run yet"
_SURVIVES = "**none: it survives**"


def table(results: Iterable[Result], sources: Iterable[Source], before: str = "") -> str:
    """Return the page of all mutants; of those without a result, as the page was `before`."""
    shown = rows(before)
    shown |= {(each.source.path, each.mutant.fault): _shown(each.killed_by) for each in results}
    files: dict[str, dict[str, str]] = {}
    for source in sources:
        found = files.setdefault(source.path, {})
        for mutant in source.mutants:
            found[mutant.fault] = shown.get((source.path, mutant.fault), _NOT_RUN)
    tests = [test for found in files.values() for test in found.values()]
    counts = f"{len(tests)} mutants, {tests.count(_SURVIVES)} survive"
    missing = tests.count(_NOT_RUN)
    lines = [_HEAD, f"{counts}, {missing} are not run yet.\n" if missing else f"{counts}.\n"]
    for path, found in files.items():
        lines.append(f"\n## {path}\n\n| The fault | The test that fails |\n|---|---|\n")
        lines += [f"| {fault} | {test} |\n" for fault, test in found.items()]
    return "".join(lines)


def rows(page: str) -> dict[tuple[str, str], str]:
    """Return what a page shows of each fault, by its file and its words."""
    found, path = {}, ""
    for line in page.splitlines():
        if line.startswith("## "):
            path = line.removeprefix("## ")
        elif path and (row := _ROW.fullmatch(line)) and row[1] != "The fault":
            found[path, row[1]] = row[2]
    return found


def _shown(test: str | None) -> str:
    if test is None:
        return _SURVIVES
    shown = test.removeprefix("tests/").replace("|", "\\|")
    return f"`{shown}`"

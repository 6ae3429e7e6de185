"""Where the time of a long run goes: the files of the slowest tests, after pytest's own list."""

from collections import defaultdict

import pytest
from _pytest.terminal import TerminalReporter

MOST = 15


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """With `--durations`, show the files that take longest, and their share of all."""
    if terminalreporter.config.option.durations is None:
        return
    seconds: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for each in reports:
            if isinstance(each, pytest.TestReport):
                seconds[each.location[0]] += each.duration
    if not (whole := sum(seconds.values())):
        return
    terminalreporter.section(f"slowest files, of {whole:.0f} s in all workers")
    for name, spent in sorted(seconds.items(), key=lambda item: -item[1])[:MOST]:
        terminalreporter.write_line(f"{spent:6.1f} s {spent / whole:5.1%}  {name}")

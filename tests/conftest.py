"""Settings of all tests."""

import gc
import logging
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from tests.durations import pytest_terminal_summary
from tests.session import pytest_configure

__all__ = ["pytest_configure", "pytest_terminal_summary"]

# No test asserts wall-clock time, and Hypothesis's deadline would.
settings.register_profile("tunelet", deadline=None)
settings.load_profile("tunelet")


@pytest.fixture(autouse=True)
def log_of_each_test() -> Iterator[None]:
    """Restore the log after each test: commands and servers in this process configure it."""
    log = logging.getLogger("tunelet")
    handlers, level, propagate = log.handlers, log.level, log.propagate
    yield
    log.handlers, log.propagate = handlers, propagate
    log.setLevel(level)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay to the end: to search them for garbage took a tenth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With TUNELET_TEST_SKIPS=fail a skipped test fails the run, because CI has all servers."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    skipped = reporter is not None and reporter.stats.get("skipped")
    if skipped and os.environ.get("TUNELET_TEST_SKIPS") == "fail":
        reporter.write_line(f"{len(skipped)} skipped, which this run does not allow", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

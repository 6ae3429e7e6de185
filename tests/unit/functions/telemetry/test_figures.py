"""The page of metrics is what prometheus_client makes of the same observations."""

import re
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from functions.telemetry.figures import Durations
from functions.telemetry.metrics import family

BOUNDS = (0.005, 0.25, 1, 2.5, 300)
LABELS = st.tuples(st.sampled_from(["api", 'a"b\\c']), st.sampled_from(["200", "503"]))
SECONDS = st.one_of(st.sampled_from(BOUNDS), st.floats(0, 400))


class _Only:
    def __init__(self, durations: Durations) -> None:
        self.durations = durations

    def collect(self) -> list[object]:
        return [family(self.durations)]


@given(st.lists(st.tuples(LABELS, SECONDS), max_size=20))
def test_the_page_is_the_librarys(observed: list[tuple[tuple[str, str], float]]) -> None:
    ours = Durations("seconds", "How long", ("function", "code"), BOUNDS)
    registry = CollectorRegistry(auto_describe=True)
    theirs = Histogram(
        "seconds", "How long", ("function", "code"), buckets=BOUNDS, registry=registry
    )
    for labels, seconds in observed:
        ours.observe(labels, seconds)
        theirs.labels(*labels).observe(seconds)
    assert _untimed(generate_latest(_Only(ours))) == _untimed(generate_latest(registry))


def _untimed(page: bytes) -> list[str]:
    """The lines, without the times at which series began."""
    lines = page.decode().splitlines()
    return sorted(re.sub(r" \d\.\d+e\+09$", " NOW", line) for line in lines)


def test_nothing_of_the_library_is_imported_before_the_page_is_asked_for() -> None:
    code = """
import sys
from functions.telemetry import metrics
metrics.answered('api', 200, 0.1)
assert 'prometheus_client' not in sys.modules
assert 'tunelet_live_experiments 0.0' in metrics.page().get_data(as_text=True)
"""
    subprocess.run([sys.executable, "-c", code], check=True)

"""What a worker passes on of its trainings: to the real API, over HTTP."""

import json
import tracemalloc
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any, NamedTuple

import pytest

from adapters.launchers.memory import MemoryLauncher
from functions.hosting.worker_trial import WorkerTrial, ends, shortened
from tests.unit.tunelet.client.test_running import Place, asked, place  # noqa: F401
from tunelet.core.lease import MOST_OUTPUT
from tunelet.core.run import Observation, Phase, Run
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.errors import Retry
from tunelet.text.limits import BODY_BYTES, STEPS

DONE = Outcome(Verdict.COMPLETE, {"objective": 0.5})


def worked(place: Place, *observed: Observation) -> Any:  # noqa: F811
    """The trial as the service shows it after its worker has looked so often at its run."""
    trial = asked(place.submit())
    run = Run("default", "e", "", trial.number, trial.attempt)
    launcher: Any = MemoryLauncher()
    mine = WorkerTrial(trial, run, launcher)
    mine.begin(Launched(run))
    for seen in observed:
        launcher.observed[run] = seen
        outcome = mine.look()
        assert not trial.should_prune()
    assert outcome is not None
    return mine.tell(outcome, counted=True)


class Launched(NamedTuple):
    """As much of a `Launch` as the launcher in memory needs."""

    run: Run
    digest: str = ""


def reports(*steps: int) -> tuple[Report, ...]:
    return tuple(Report(step, {"objective": 1.0}) for step in steps)


def test_reports_are_passed_on_once_and_late_metrics_of_a_step_as_well(place: Place) -> None:  # noqa: F811
    more = (Report(0, {"objective": 1.0, "size": 3.0}), *reports(1))
    told = worked(
        place,
        Observation(Phase.ACTIVE, reports(0)),
        Observation(Phase.ACTIVE, more),
        Observation(Phase.ENDED, more, DONE),
    )
    assert [(r.step, r.values) for r in told.reports] == [
        (0, {"objective": 1.0, "size": 3.0}),
        (1, {"objective": 1.0}),
    ]
    assert (told.state, told.values["objective"]) == ("COMPLETE", 0.5)


def test_reports_beyond_the_limit_do_not_end_the_training(place: Place) -> None:  # noqa: F811
    many = reports(*range(STEPS + 1000))
    told = worked(place, Observation(Phase.ACTIVE, many), Observation(Phase.ENDED, many, DONE))
    assert (told.state, len(told.reports)) == ("COMPLETE", STEPS)


class Unreadable(MemoryLauncher):
    def logs(self, run: Run) -> Iterator[bytes]:
        raise OSError(5, "Input/output error")


def test_output_that_the_disk_does_not_give_is_a_fault_that_the_worker_shows(place: Place) -> None:  # noqa: F811
    """As an OSError it would end the worker, and with it the other trainings."""
    trial = asked(place.submit())
    run = Run("default", "e", "", trial.number, trial.attempt)
    launcher: Any = Unreadable()
    mine = WorkerTrial(trial, run, launcher)
    mine.begin(Launched(run))
    with pytest.raises(Retry, match="Input/output error"):
        mine.send_output()
    assert mine.tell(DONE, counted=True).state == "COMPLETE"


def test_short_output_is_sent_as_it_is() -> None:
    assert shortened("épochs: 3\n".encode()) == "épochs: 3\n"
    assert shortened(b"\xff") == "\ufffd"


@pytest.mark.parametrize("line", ["step=1 loss=0.5\n", "\x1b[32m✓\x1b[0m", "😀"])
def test_long_output_keeps_its_beginning_and_its_end_and_fits_into_a_body(line: str) -> None:
    sent = shortened(("first\n" + line * 300_000 + "last\n").encode())
    assert sent.startswith("first\n")
    assert sent.endswith("last\n")
    assert "left out" in sent
    assert len(sent) <= MOST_OUTPUT
    assert len(json.dumps({"output": sent})) < BODY_BYTES


def test_output_of_any_length_takes_bounded_memory() -> None:
    lines = b"epoch=1 loss=0.5\n" * (1 << 16)
    chunks = chain([b"first\n"], repeat(lines, 100), [b"last\n"])
    tracemalloc.start()
    try:
        sent = shortened(ends(chunks))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 50 * len(lines)
    assert sent.startswith("first\n")
    assert sent.endswith("last\n")
    assert "left out" in sent


def test_output_of_several_chunks_is_sent_whole() -> None:
    assert ends([b"one\n", b"", b"two\n"]) == b"one\ntwo\n"
    whole = bytes(range(256)) * (1 << 13)
    assert ends(whole[at : at + 1000] for at in range(0, len(whole), 1000)) == whole

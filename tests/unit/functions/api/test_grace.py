"""How long a training may continue after the end of its trial."""

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Nowhere, Outbox
from tests.faults.training import ScriptedLauncher
from tests.unit.functions.conftest import SMALLEST
from tunelet.assembly import assembled
from tunelet.core.run import Run
from tunelet.core.trial import Outcome, Verdict


@pytest.mark.parametrize(("seconds", "runs"), [(0.0, True), (29.0, True), (31.0, False)])
def test_one_that_has_reported_its_own_outcome_has_half_a_minute(
    seconds: float, runs: bool
) -> None:
    now, launcher = [1_000_000.0], ScriptedLauncher()
    service = assembled(
        MemoryStore(),
        launcher,
        load_catalog(),
        Outbox(Nowhere()),
        secret=b"0123456789abcdef",
        api_url="http://127.0.0.1:8080",
        clock=lambda: now[0],
    )
    space = {"x": {"type": "float", "min": 0, "max": 1}}
    request = {**SMALLEST, "name": "digits", "hyperparameters": space, "parallel_trials": 1}
    begun = service.submit(request)
    service.suggest("default", "digits")
    service.launch("default", "digits")
    run = Run("default", "digits", begun.uid, 0, 1)
    service.attempts.finish(run, Outcome(Verdict.COMPLETE, {"objective": 1.0}))

    now[0] += seconds
    service.sweep()

    assert (run in launcher.running()) == runs

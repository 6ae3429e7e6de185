"""The rules that bear Ray's names are Ray's, report for report, on random histories."""

import math
from importlib import import_module
from random import Random
from typing import Any

import pytest

from algorithms import load_catalog
from tunelet.core.curves import Curves
from tunelet.core.problem import Objective
from tunelet.core.trial import Report, Trial, TrialState, plain

pytestmark = pytest.mark.libraries
CASES = [
    ("ray.ASHAScheduler", {}),
    ("ray.ASHAScheduler", {"max_t": 12, "grace_period": 2, "reduction_factor": 2}),
    ("ray.AsyncHyperBandScheduler", {"max_t": 8, "reduction_factor": 2.0}),
    ("ray.ASHAScheduler", {"max_t": 9, "reduction_factor": 3, "stop_last_trials": False}),
    ("ray.ASHAScheduler", {"max_t": 16, "reduction_factor": 2, "brackets": 3}),
    ("ray.MedianStoppingRule", {"grace_period": 0.0}),
    ("ray.MedianStoppingRule", {"grace_period": 3.0, "min_samples_required": 1}),
]


class Theirs:
    """A trial of Ray's, as far as its schedulers look at one."""

    def __init__(self, number: int) -> None:
        self.trial_id = str(number)


class Controller:
    def get_live_trials(self) -> list[Theirs]:
        return []


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_each_verdict_is_rays(name: str, settings: dict[str, Any], mode: str) -> None:
    stopped = sum(history(Random(seed), name, settings, mode) for seed in range(300))
    assert stopped > 20


def history(rng: Random, name: str, settings: dict[str, Any], mode: str) -> int:
    """Up to ten trials, three at once; the number of those stopped."""
    schedulers = import_module("ray.tune.schedulers")
    theirs = getattr(schedulers, name.removeprefix("ray."))(
        time_attr="step", metric="loss", mode=mode, **settings
    )
    ours = load_catalog().rule(name, settings)
    curves = Curves(Objective("loss", f"{mode}imize"))
    alive: dict[int, tuple[Theirs, list[Report]]] = {}
    begun = stopped = 0
    longest = settings.get("max_t", 20) - 1
    while alive or begun < 10:
        if begun < 10 and len(alive) < 3:
            alive[begun] = (Theirs(begun), [])
            theirs.on_trial_add(Controller(), alive[begun][0])
            if "brackets" in settings:
                # Ray draws the bracket again in each process; ours follows from the number.
                bracket = theirs._brackets[ours._bracket(begun)]
                theirs._trial_info[str(begun)] = bracket
            begun += 1
        number = rng.choice(sorted(alive))
        trial, told = alive[number]
        step = (told[-1].step if told else 0) + rng.choice([1, 1, 1, 2])
        value = (
            math.nan
            if name != "ray.MedianStoppingRule" and rng.random() < 0.05
            else (round(rng.gauss(0, 1) * 8) / 8)
        )
        result = {"step": step, "loss": value}
        told.append(Report(step, {"loss": plain(value)}))
        if rng.random() < 0.1 or step > longest:
            theirs.on_trial_complete(Controller(), trial, result)
            curves.take(Trial(number, {}, 0.0, TrialState.COMPLETE, reports=tuple(told)))
            del alive[number]
            continue
        curves.take(Trial(number, {}, 0.0, TrialState.RUNNING, reports=tuple(told)))
        expected = theirs.on_trial_result(Controller(), trial, result) == "STOP"
        assert (ours.stops(curves, number) is not None) == expected
        if expected:
            stopped += 1
            curves.take(Trial(number, {}, 0.0, TrialState.PRUNED, reports=tuple(told)))
            del alive[number]
    return stopped

"""Our stopping rules are Optuna's, report for report, on random histories."""

import importlib
import math
import warnings
from random import Random
from typing import Any

import optuna
import pytest
from optuna import pruners

from algorithms import load_catalog
from algorithms.catalog.entry import Entry
from algorithms.catalog.plugins import settings
from algorithms.catalog.table import RULES
from tunelet.core.curves import Curves
from tunelet.core.problem import Demands, Objective
from tunelet.core.trial import Report, Trial, TrialState, plain
from tunelet.errors import Reject
from tunelet.ports import StoppingRule

HISTORIES = 300
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # PatientPruner
RULES_AND_PRUNERS = [
    ("median", {}, pruners.MedianPruner()),
    (
        "median",
        {"n_startup_trials": 2, "n_warmup_steps": 2, "interval_steps": 3, "n_min_trials": 3},
        pruners.MedianPruner(2, 2, 3, n_min_trials=3),
    ),
    (
        "percentile",
        {"percentile": 25.0, "n_startup_trials": 0},
        pruners.PercentilePruner(25.0, 0),
    ),
    ("percentile", {"percentile": 80.0}, pruners.PercentilePruner(80.0)),
    ("threshold", {"upper": 1.0}, pruners.ThresholdPruner(upper=1.0)),
    (
        "threshold",
        {"lower": -1.0, "upper": 1.5, "n_warmup_steps": 1, "interval_steps": 2},
        pruners.ThresholdPruner(-1.0, 1.5, 1, 2),
    ),
    (
        "asha",
        {"min_resource": 1, "reduction_factor": 2},
        pruners.SuccessiveHalvingPruner(1, 2),
    ),
    (
        "optuna.SuccessiveHalvingPruner",
        {"min_resource": 2, "reduction_factor": 3, "min_early_stopping_rate": 1},
        pruners.SuccessiveHalvingPruner(2, 3, 1),
    ),
    (
        "successive_halving",
        {"min_resource": 1, "reduction_factor": 2, "bootstrap_count": 2},
        pruners.SuccessiveHalvingPruner(1, 2, 0, 2),
    ),
    (
        "hyperband",
        {"min_resource": 1, "max_resource": 12, "reduction_factor": 2},
        pruners.HyperbandPruner(1, 12, 2),
    ),
    (
        "optuna.HyperbandPruner",
        {"min_resource": 2, "max_resource": 18, "reduction_factor": 3, "bootstrap_count": 1},
        pruners.HyperbandPruner(2, 18, 3, bootstrap_count=1),
    ),
    ("wilcoxon", {"p_threshold": 0.4}, pruners.WilcoxonPruner(p_threshold=0.4)),
    (
        "optuna.PatientPruner",
        {"patience": 1, "wrapped_pruner": {"name": "optuna.MedianPruner"}},
        pruners.PatientPruner(pruners.MedianPruner(), 1),
    ),
    ("patience", {"patience": 2}, pruners.PatientPruner(None, 2)),
    ("patience", {"patience": 0, "min_delta": 0.5}, pruners.PatientPruner(None, 0, 0.5)),
]


def rule(name: str, asked: dict[str, Any]) -> StoppingRule:
    return load_catalog().rule(name, asked)


class Both:
    """One history, given report by report to our rule and to Optuna's pruner."""

    def __init__(self, ours: StoppingRule, pruner: pruners.BasePruner, direction: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._rule, self._pruner = ours, pruner
        self._study = optuna.create_study(direction=direction, pruner=pruner, study_name="tunelet")
        self._curves = Curves(Objective("loss", direction))
        self.stopped = 0
        self._stops_now = False
        # Optuna's halving counts on being obeyed: it would judge at the same rung again.
        halving = (pruners.SuccessiveHalvingPruner, pruners.HyperbandPruner)
        self._obedience = 1.0 if isinstance(pruner, halving) else 0.5

    def run(self, rng: Random) -> None:
        """Up to eight trials, three of them at once."""
        alive: dict[int, tuple[optuna.Trial, list[Report]]] = {}
        begun = 0
        while alive or begun < 8:
            if begun < 8 and len(alive) < 3:
                alive[begun] = (self._study.ask(), [])
                begun += 1
            number = rng.choice(sorted(alive))
            self._report(alive[number][0], number, alive[number][1], rng)
            if rng.random() < 0.2 or self._stops_now:
                self._end(alive.pop(number), rng)

    def _report(self, trial: optuna.Trial, number: int, told: list[Report], rng: Random) -> None:
        step = (told[-1].step if told else -1) + rng.choice([1, 1, 1, 2, 4])
        value = math.nan if rng.random() < 0.1 else round(rng.gauss(0, 1), 1)
        trial.report(value, step)
        told.append(Report(step, {"loss": plain(value)}))
        self._curves.take(Trial(number, {}, 0.0, TrialState.RUNNING, reports=tuple(told)))
        expected = trial.should_prune()
        assert (self._rule.stops(self._curves, number) is not None) == expected
        self.stopped += expected
        # Some go on nevertheless, as training that does not look at the answer.
        self._stops_now = expected and rng.random() < self._obedience

    def _end(self, ended: tuple[optuna.Trial, list[Report]], rng: Random) -> None:
        trial, told = ended
        final = round(rng.gauss(0, 1), 1)
        values = {"loss": plain(final)}
        state = TrialState.PRUNED if self._stops_now else TrialState.COMPLETE
        if state is TrialState.PRUNED:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(trial, final)
        reports = tuple(told)
        self._curves.take(Trial(trial.number, {}, 0.0, state, reports=reports, values=values))
        self._stops_now = False


@pytest.mark.filterwarnings("ignore")  # of values that are NaN
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize(("name", "asked", "pruner"), RULES_AND_PRUNERS)
def test_each_verdict_is_optunas(
    name: str, asked: dict[str, Any], pruner: pruners.BasePruner, direction: str
) -> None:
    stopped = 0
    for seed in range(HISTORIES // 2):
        both = Both(rule(name, asked), pruner, direction)
        both.run(Random(seed))
        stopped += both.stopped
    assert stopped > 20


@pytest.mark.parametrize(
    ("name", "told"),
    [("asha", {"min_resource": 3}), ("hyperband", {"max_resource": 301})],
)
def test_auto_follows_the_first_complete_trial(name: str, told: dict[str, Any]) -> None:
    """Optuna's "auto" changes when its process restarts; ours follows from the log."""
    curves = Curves(Objective("loss", "minimize"))
    rng, stopped = Random(1), 0
    for number in range(60):
        reports: tuple[Report, ...] = ()
        for step in (1, 4, 30, 120, 300):
            reports = (*reports, Report(step, {"loss": plain(rng.gauss(0, 1))}))
            curves.take(Trial(number, {}, 0.0, TrialState.RUNNING, reports=reports))
            verdicts = [rule(name, asked).stops(curves, number) for asked in ({}, told)]
            assert number == 0 or verdicts[0] == verdicts[1]
            stopped += verdicts[0] is not None
        values = reports[-1].values
        curves.take(Trial(number, {}, 0.0, TrialState.COMPLETE, reports=reports, values=values))
    assert stopped > 20


@pytest.mark.parametrize("row", RULES.values(), ids=lambda row: row.name)
def test_the_table_repeats_the_signature_of_the_class(row: Entry) -> None:
    module, _, name = row.target.partition(":")
    signature = settings(getattr(importlib.import_module(module), name))
    assert [(s.name, s.type, s.default, s.nullable) for s in row.settings] == [
        (s.name, s.type, s.default, s.nullable) for s in signature
    ]


def ended(*finals: float | None, direction: str = "minimize") -> Curves:
    curves = Curves(Objective("loss", direction))
    for number, final in enumerate(finals):
        state = TrialState.FAIL if final is None else TrialState.COMPLETE
        values = {} if final is None else {"loss": plain(final)}
        curves.take(Trial(number, {}, 0.0, state, values=values))
    return curves


def test_a_plateau_is_patience_ended_trials_without_a_better_one() -> None:
    plateau = rule("plateau", {"patience": 2, "min_delta": 0.1})
    assert plateau.ends(ended(3.0, 2.0, 1.95)) is None
    assert plateau.ends(ended(3.0, 2.0, 1.95, 1.0)) is None
    found = plateau.ends(ended(3.0, 2.0, 1.95, None))
    assert found == "2 trials in a row brought nothing better than 2"
    assert plateau.ends(ended(None, None, None)) is None
    assert plateau.ends(ended(1.0, 2.0, 1.0, 2.0, direction="maximize")) is not None


def test_a_rule_is_refused_with_field_and_remedy() -> None:
    field = "early_stopping[0]"
    several = load_catalog().rule_problems("median", {}, Demands(None, 2), field)
    assert [error.field for error in several] == ["objectives"]
    (missing,) = load_catalog().rule_problems("patience", {}, Demands(), field)
    assert (missing.field, missing.message) == (f"{field}.settings.patience", "is missing")
    with pytest.raises(Reject, match="lower or upper"):
        rule("threshold", {})

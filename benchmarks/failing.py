"""How often trials fail while an algorithm searches a space in which a part always fails.

Each algorithm searches each space (`SPACES`) with one trial at a time, for some seeds. Failures are
counted among all trials, and among those of the second half, when there was evidence to learn from.
"""

import json
import math
import sys
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from algorithms import load_catalog
from benchmarks.harness.figures import Figures
from benchmarks.harness.table import show
from tunelet.core.problem import Objective, Problem
from tunelet.core.trial import Assignment, Trial, TrialState
from tunelet.space import Space

LOSS = Objective("objective", "minimize")
Form = dict[str, Any]


class Failing(NamedTuple):
    """A space, the loss of an assignment (None: the training fails), and the share that fails."""

    hyperparameters: dict[str, Form]
    loss: Callable[[Assignment], float | None]
    share: float
    """The share of failures among draws from the prior."""

    @property
    def space(self) -> Space:
        return Space.of(self.hyperparameters)


def _float(low: float, high: float, **more: Any) -> Form:
    return {"type": "float", "min": low, "max": high, **more}


def _choice(*choices: Any, **more: Any) -> Form:
    return {"type": "categorical", "choices": list(choices), **more}


def _at(assignment: Assignment, name: str) -> float:
    return float(str(assignment[name]))


def _combination(one: Assignment) -> float | None:
    """One of four combinations is not supported, as in scikit-learn's LinearSVC."""
    base = {("l1", "sq"): 0.1, ("l2", "hinge"): 0.12, ("l2", "sq"): 0.3}
    known = base.get((str(one["penalty"]), str(one["loss"])))
    return None if known is None else known + 0.05 * abs(math.log(_at(one, "C") / 2))


def _region(one: Assignment) -> float | None:
    x, y = _at(one, "x"), _at(one, "y")
    return None if x > 0.7 else (x - 0.3) ** 2 + (y - 0.6) ** 2


def _branch(one: Assignment) -> float | None:
    """A deep tree fails; a line never fails."""
    if one["model"] == "line":
        return 0.3 + (_at(one, "slope") - 0.5) ** 2
    depth = _at(one, "depth")
    return None if depth > 8 else 0.2 + (depth - 5) ** 2 / 100 + _at(one, "leaf") / 10


def _half(one: Assignment) -> float | None:
    """Two of four optimizers are not installed."""
    loss = {"sgd": 0.2, "adam": 0.1}.get(str(one["optimizer"]))
    return None if loss is None else loss + (math.log10(_at(one, "lr")) + 3) ** 2 / 10


def _memory(one: Assignment) -> float | None:
    """Large batches with wide layers need too much memory."""
    batch, width = _at(one, "batch"), _at(one, "width")
    if batch * width > 16384:
        return None
    return (math.log2(batch) - 5) ** 2 / 50 + (math.log2(width) - 6) ** 2 / 50


SPACES: Mapping[str, Failing] = {
    "combination": Failing(
        {
            "penalty": _choice("l1", "l2"),
            "loss": _choice("hinge", "sq"),
            "C": _float(0.3, 10, scale="log"),
        },
        _combination,
        0.25,
    ),
    "region": Failing({"x": _float(0, 1), "y": _float(0, 1)}, _region, 0.3),
    "branch": Failing(
        {
            "model": _choice("line", "tree"),
            "slope": _float(0, 1, when={"model": ["line"]}),
            "depth": {"type": "int", "min": 1, "max": 32, "when": {"model": ["tree"]}},
            "leaf": _float(0, 1, when={"model": ["tree"]}),
        },
        _branch,
        0.375,
    ),
    "half": Failing(
        {
            "optimizer": _choice("sgd", "adam", "lamb", "lion"),
            "lr": _float(1e-5, 1e-1, scale="log"),
        },
        _half,
        0.5,
    ),
    "memory": Failing(
        {
            "batch": {"type": "int", "min": 8, "max": 512, "scale": "log"},
            "width": {"type": "int", "min": 16, "max": 1024, "scale": "log"},
        },
        _memory,
        0.34,
    ),
}

SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "hyperopt.mix": {"p_suggest": [[0.2, "rand"], [0.8, "tpe"]]},
        "ray.NevergradSearch": {"optimizer": "OnePlusOne"},
        "optuna.PartialFixedSampler": {"fixed_params": {}, "base_sampler": "TPESampler"},
    }
)
"""The required settings of algorithms."""


class Search(NamedTuple):
    algorithm: str
    space: str
    seed: int


def failures(
    asked: Search, trials: int, settings: Mapping[str, Any] | None = None
) -> tuple[int, int]:
    """Return how many of all trials fail, and how many in the second half."""
    ended = searched(asked, trials, settings)
    failed = [one.state is TrialState.FAIL for one in ended]
    return sum(failed), sum(failed[trials // 2 :])


def searched(asked: Search, count: int, settings: Mapping[str, Any] | None = None) -> list[Trial]:
    """Return the trials of a search, with everything that the log would keep of each."""
    failing = SPACES[asked.space]
    given = SETTINGS.get(asked.algorithm, {}) if settings is None else settings
    algorithm = load_catalog().load(asked.algorithm, given)
    problem = Problem(failing.space, (LOSS,), asked.seed, 0, budget=count)
    trials: list[Trial] = []
    while len(trials) < count:
        answer = algorithm.suggest(problem._replace(first=len(trials)), trials, 1)
        memory, notes = json.loads(json.dumps([answer.memory, answer.notes]))
        problem = problem._replace(memory=memory)
        if not answer.assignments:
            break
        (assignment,) = answer.assignments
        waiting = Trial(
            len(trials),
            assignment,
            0.0,
            note=notes[0] if notes else None,
            parent=answer.parents[0] if answer.parents else None,
        )
        trials.append(_ended(waiting, failing.loss(assignment)))
    return trials


def _ended(trial: Trial, loss: float | None) -> Trial:
    if loss is None:
        return msgspec.structs.replace(trial, state=TrialState.FAIL, exit_code=1)
    values: dict[str, float | str] = {LOSS.metric: loss}
    return msgspec.structs.replace(trial, state=TrialState.COMPLETE, values=values)


def able(algorithm: Mapping[str, Any], space: str) -> bool:
    return bool(algorithm["supports"]["conditions"]) or not SPACES[space].space.conditional


def run(quick: bool, only: Collection[str] = ()) -> Figures:
    seeds, trials = (2, 20) if quick else (5, 40)
    known = [one for one in load_catalog().describe() if one["installed"]]
    asked = [
        Search(str(one["name"]), space, seed)
        for one in known
        for space in SPACES
        for seed in range(seeds)
        if able(one, space) and _wanted(str(one["name"]), only)
    ]
    found: dict[Search, tuple[int, int]] = {}
    with ProcessPoolExecutor(2) as pool:
        for search, counts in zip(
            asked, pool.map(partial(failures, trials=trials), asked), strict=True
        ):
            found[search] = counts
            print(f"{len(found)} of {len(asked)}: {search}", file=sys.stderr)
    names = list(dict.fromkeys(search.algorithm for search in asked))

    def total(name: str, space: str, half: int) -> int | None:
        each = [counts[half] for s, counts in found.items() if s[:2] == (name, space)]
        return sum(each) if each else None

    def cell(name: str, space: str) -> str:
        every, late = total(name, space, 0), total(name, space, 1)
        return "" if every is None else f"{every} ({late})"

    show(
        f"Failures among {seeds} x {trials} trials (and in the second half)",
        ["", *SPACES],
        [[name, *(cell(name, space) for space in SPACES)] for name in names],
    )
    return {
        f"{name}/{space}": {"failures": float(every), "late": float(total(name, space, 1) or 0)}
        for name in names
        for space in SPACES
        if (every := total(name, space, 0)) is not None
    }


def _wanted(name: str, only: Collection[str]) -> bool:
    """Whether to search with this name: of several names for one algorithm, the short one."""
    return name in only if only else name not in _SAME


_SAME = frozenset(
    {
        *(
            "optuna.CmaEsSampler",
            "optuna.GPSampler",
            "optuna.NSGAIISampler",
            "optuna.NSGAIIISampler",
        ),
        *("optuna.GridSampler", "optuna.BruteForceSampler", "optuna.RandomSampler"),
        *("hyperopt.anneal", "hyperopt.atpe", "ray.PB2", "ray.PopulationBasedTraining"),
        *("ray.BasicVariantGenerator", "ray.HyperOptSearch", "ray.OptunaSearch", "sobol"),
    }
)

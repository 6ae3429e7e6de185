"""Search quality: Tunelet's algorithms compared with the libraries themselves, in as many trials.

Each algorithm searches each problem (harness/problems.py) with one and with eight trials at a time:
as the service calls it, and as the library's users do, with the same settings and numbers of seeds
(harness/racing.py). A one-sided Mann-Whitney test of the scores after the last trial asks whether
ours are worse. With Holm's correction for the number of comparisons, the verdict is "worse" below
0.05. The table also has the probability that our run is the better of two. Ties count half, so 0.5
is no difference.

Median and quartiles of the scores over the trials go to quality-1.svg and quality-8.svg in the
folder that TUNELET_PLOTS names, or in TMPDIR.
"""

import os
import sys
import tempfile
from collections.abc import Collection, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from algorithms import load_catalog
from benchmarks.harness.figures import Figures
from benchmarks.harness.libraries import Library, Optuna
from benchmarks.harness.nested_spaces import Hyperopt
from benchmarks.harness.panels import Panel, draw
from benchmarks.harness.problems import PROBLEMS
from benchmarks.harness.racing import LibrarySearch, Logged, Searcher, search
from benchmarks.harness.table import show

WORSE = 0.05
PARALLEL = (1, 8)


class Contestant(NamedTuple):
    library: str
    settings: Mapping[str, Any] = MappingProxyType({})
    objectives: int = 2


CONTESTANTS = {
    "tpe": Contestant("optuna.TPESampler"),
    "cma_es": Contestant("optuna.CmaEsSampler", objectives=1),
    "nsga2": Contestant("optuna.NSGAIISampler", {"population_size": 10}),
    "gp": Contestant("optuna.GPSampler"),
    "optuna.QMCSampler": Contestant("optuna.QMCSampler", {"scramble": True}),
    "optuna.RandomSampler": Contestant("optuna.RandomSampler"),
    "hyperopt.tpe": Contestant("hyperopt.tpe", objectives=1),
    "anneal": Contestant("hyperopt.anneal", objectives=1),
    "hyperopt.rand": Contestant("hyperopt.rand", objectives=1),
    "adaptive_tpe": Contestant("hyperopt.atpe", objectives=1),
    "random_search": Contestant("optuna.RandomSampler"),
}


class Race(NamedTuple):
    """One comparison."""

    algorithm: str
    problem: str
    parallel: int

    def __str__(self) -> str:
        return f"{self.algorithm}/{self.problem}/{self.parallel}"


class Scores(NamedTuple):
    """The scores of each seed, after each trial."""

    ours: list[list[float]]
    theirs: list[list[float]]


def run(quick: bool, only: Collection[str] = tuple(CONTESTANTS)) -> Figures:
    seeds, budget = (2, 12) if quick else (20, 40)
    races = [race for race in _races() if race.algorithm in only]
    found: dict[Race, Scores] = {}
    with ProcessPoolExecutor(2) as pool:
        each = pool.map(partial(raced, seeds=seeds, budget=budget), races)
        for race, scores in zip(races, each, strict=True):
            found[race] = scores
            print(f"{len(found)} of {len(races)}: {race}", file=sys.stderr)
    folder = Path(os.environ.get("TUNELET_PLOTS") or tempfile.gettempdir())
    for parallel in PARALLEL:
        plot = folder / f"quality-{parallel}.svg"
        plot.write_text(draw(_panels(found, parallel)))
        print(plot, file=sys.stderr)
    p = holm({race: worse(scores) for race, scores in found.items()})
    better = {race: _better(scores) for race, scores in found.items()}
    for parallel in PARALLEL:
        _show(found, p, better, parallel, seeds, budget)
    return {
        str(race): {
            "worse": float(p[race] < WORSE),
            "p": p[race],
            "better": better[race],
            "ours": median(run[-1] for run in found[race].ours),
            "theirs": median(run[-1] for run in found[race].theirs),
        }
        for race in found
    }


def _races() -> list[Race]:
    installed = {str(one["name"]) for one in load_catalog().describe() if one["installed"]}
    if absent := sorted(set(CONTESTANTS) - installed):
        print(f"not installed, and left out: {', '.join(absent)}", file=sys.stderr)
    return [
        Race(name, problem, parallel)
        for problem in PROBLEMS
        for name, one in CONTESTANTS.items()
        for parallel in PARALLEL
        if name in installed and PROBLEMS[problem].objectives <= one.objectives
    ]


def raced(race: Race, seeds: int, budget: int) -> Scores:
    problem, contestant = PROBLEMS[race.problem], CONTESTANTS[race.algorithm]
    settings = dict(contestant.settings)

    def ours(seed: int) -> Searcher:
        return Logged(problem, race.algorithm, settings, seed, race.parallel, budget)

    def theirs(seed: int) -> Searcher:
        return LibrarySearch(_library(race, seed))

    return Scores(
        *(
            [
                search(problem, partial(new, seed), seed, race.parallel, budget)
                for seed in range(seeds)
            ]
            for new in (ours, theirs)
        )
    )


def _library(race: Race, seed: int) -> Library:
    problem, contestant = PROBLEMS[race.problem], CONTESTANTS[race.algorithm]
    library, _, part = contestant.library.partition(".")
    if library == "hyperopt":
        return Hyperopt(problem.space, part, seed, **contestant.settings)
    settings = dict(contestant.settings)
    if race.algorithm == "tpe":
        # As Tunelet's `tpe` by default, and as Optuna's documentation advises for conditions.
        settings["group"] = problem.space.conditional and problem.objectives == 1
    return Optuna(problem.space, part, seed, problem.objectives, **settings)


def worse(scores: Scores) -> float:
    """The probability of ranks as bad as ours if there were no difference."""
    from scipy.stats import mannwhitneyu

    last = [[run[-1] for run in runs] for runs in scores]
    return float(mannwhitneyu(*last, alternative="greater").pvalue)


def holm(p: Mapping[Race, float]) -> dict[Race, float]:
    """The probabilities with Holm's correction (1979) for their number."""
    corrected: dict[Race, float] = {}
    least = 0.0
    for place, race in enumerate(sorted(p, key=lambda race: p[race])):
        least = max(least, min((len(p) - place) * p[race], 1.0))
        corrected[race] = least
    return corrected


def _better(scores: Scores) -> float:
    pairs = [(ours[-1], theirs[-1]) for ours in scores.ours for theirs in scores.theirs]
    return sum(1.0 if a < b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


def _show(
    found: Mapping[Race, Scores],
    p: Mapping[Race, float],
    better: Mapping[Race, float],
    parallel: int,
    seeds: int,
    budget: int,
) -> None:
    names = [name for name in CONTESTANTS if any(race.algorithm == name for race in found)]

    def cell(race: Race) -> str:
        if race not in found:
            return ""
        return f"{better[race]:.2f}{' worse' if p[race] < WORSE else ''}"

    show(
        f"How often ours is the better of two, {parallel} at a time ({seeds} x {budget} trials)",
        ["", *PROBLEMS],
        [[name, *(cell(Race(name, problem, parallel)) for problem in PROBLEMS)] for name in names],
    )


def _panels(found: Mapping[Race, Scores], parallel: int) -> list[list[Panel | None]]:
    names = [name for name in CONTESTANTS if any(race.algorithm == name for race in found)]
    problems = [name for name in PROBLEMS if any(race.problem == name for race in found)]
    return [
        [
            Panel(name, problem, *found[race]) if race in found else None
            for problem in problems
            for race in [Race(name, problem, parallel)]
        ]
        for name in names
    ]

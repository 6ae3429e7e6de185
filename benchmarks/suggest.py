"""The time of one suggestion after many trials, compared with the library as its users call it.

The library has a study in memory (Optuna) or a Trials object (Hyperopt) with all trials; if it
keeps state, the newest are its own suggestions. A suggestion is one `ask` with all values, or one
`suggest`. It is measured again right after the study was made from its trials, as a fresh process
must do: by `add_trials`, or by unpickling, without reading a file.

Tunelet is measured three times: `Algorithm.suggest` with the trials in memory; the whole step
`suggest` of a service that has run before, which reads new entries of the log, asks, and commits;
and the same of a service that has just begun, without imports.

Between two suggestions all get one more trial. Times are processor time.
"""

import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from random import Random
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from algorithms.memo import forget
from benchmarks.harness.figures import Figures
from benchmarks.harness.inline import Inline
from benchmarks.harness.libraries import Library, Optuna
from benchmarks.harness.nested_spaces import Hyperopt
from benchmarks.harness.table import show
from tunelet.core.commands import AddTrials, Command, Extend, Finish, Start, Submit
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Outcome, Verdict
from tunelet.log.journal import Journal
from tunelet.log.journal_cache import Journals
from tunelet.ports import Store
from tunelet.request.spec import parse
from tunelet.space import Space

T = TypeVar("T")

NAMESPACE, NAME = "default", "suggest"
TOGETHER = 64
HYPERPARAMETERS: dict[str, Any] = {
    "learning_rate": {"type": "float", "min": 1e-5, "max": 1.0, "scale": "log"},
    "momentum": {"type": "float", "min": 0.0, "max": 1.0},
    "layers": {"type": "int", "min": 1, "max": 16},
    "optimizer": {"type": "categorical", "choices": ["sgd", "adam", "lion"]},
}
_RESOURCE = {"resource": "layers", "min_resource": 1, "max_resource": 16}


class Contestant(NamedTuple):
    algorithm: str
    library: str | None
    """The library's counterpart; None: there is none to compare with."""
    settings: Mapping[str, Any] = MappingProxyType({})
    own: int = 0
    """The number of newest trials that the library itself suggests; the others are random."""
    most: int = 10_000
    """The most trials; a library takes too long with more."""


CONTESTANTS = (
    Contestant("tpe", "optuna.TPESampler"),
    Contestant("cma_es", "optuna.CmaEsSampler", own=200),
    Contestant("nsga2", "optuna.NSGAIISampler", own=200),
    Contestant("gp", "optuna.GPSampler", most=100),
    Contestant("optuna.QMCSampler", "optuna.QMCSampler", own=200),
    Contestant("optuna.RandomSampler", "optuna.RandomSampler"),
    Contestant("hyperopt.tpe", "hyperopt.tpe"),
    Contestant("hyperopt.rand", "hyperopt.rand"),
    Contestant("hyperopt.anneal", "hyperopt.anneal"),
    Contestant("adaptive_tpe", "hyperopt.atpe", most=1_000),
    Contestant("random_search", "optuna.RandomSampler"),
    Contestant("bohb", "optuna.TPESampler", _RESOURCE),
    Contestant("asha", None, _RESOURCE),
    Contestant("pbt", None),
    Contestant("grid_search", None, {"points": 25}),
)
EVERY = tuple(one.algorithm for one in CONTESTANTS)
COLUMNS = (
    "",
    "library, ms",
    "at hand",
    "service",
    "library, new process, ms",
    "service, new process",
)


class Times(NamedTuple):
    """The milliseconds of a suggestion; 0 without a library."""

    library: float
    at_hand: float
    service: float
    library_anew: float
    service_anew: float


def run(quick: bool, only: Collection[str] = EVERY) -> Figures:
    sizes, rounds = ([100], 1) if quick else ([100, 1_000, 10_000], 5)
    found: dict[str, dict[str, Any]] = {}
    for size in sizes:
        times = {one.algorithm: measure(one, size, rounds) for one in _installed(size, only)}
        show(
            f"A suggestion after {size} trials (median of {rounds})",
            COLUMNS,
            [_row(name, each) for name, each in times.items()],
        )
        found[str(size)] = {name: each._asdict() for name, each in times.items()}
    return found


def _installed(size: int, only: Collection[str]) -> list[Contestant]:
    known = {str(one["name"]) for one in load_catalog().describe() if one["installed"]}
    wanted = known.intersection(only)
    return [one for one in CONTESTANTS if one.algorithm in wanted and size <= one.most]


def _row(name: str, times: Times) -> list[str]:
    def shown(value: float, of: float) -> str:
        return f"{value / of:.2f} x" if of else f"{value:.2f} ms"

    def alone(value: float) -> str:
        return f"{value:.2f}" if value else ""

    return [
        name,
        alone(times.library),
        shown(times.at_hand, times.library),
        shown(times.service, times.library),
        alone(times.library_anew),
        shown(times.service_anew, times.library_anew),
    ]


def loss(assignment: Assignment) -> float:
    rate, layers = float(str(assignment["learning_rate"])), float(str(assignment["layers"]))
    kind = {"sgd": 0.0, "adam": 1.0, "lion": 0.5}[str(assignment["optimizer"])]
    return (rate - 0.1) ** 2 + (float(str(assignment["momentum"])) - 0.3) ** 2 + layers / 9 + kind


def measure(contestant: Contestant, trials: int, rounds: int) -> Times:
    library = filled(contestant, trials)
    store = MemoryStore()
    write(store, contestant, library)
    serve, here = _serving(store), AtHand(store, contestant)
    found: list[tuple[float, ...]] = []
    for _ in range(rounds + 1):
        (assignment, asked), *took = _timed(library.ask)
        found.append((*took, _timed(here.suggest)[1], _timed(serve)[1]))
        library.tell(asked, [loss(assignment)])
        here.finish()
    rebuilt = library.rebuilt()
    _, library_anew = _timed(lambda: rebuilt().ask())
    forget()
    _, service_anew = _timed(_serving(store))
    # The first round creates the caches.
    known, at_hand, service = map(median, zip(*found[1:], strict=True))
    if contestant.library is None:
        known = library_anew = 0.0
    return Times(known, at_hand, service, library_anew, service_anew)


def filled(contestant: Contestant, trials: int) -> Library:
    """The library's study with `trials` ended trials; the last ones are its own suggestions."""
    library, _, part = (contestant.library or "optuna.RandomSampler").partition(".")
    space = Space.of(HYPERPARAMETERS)
    made: Library = (Optuna if library == "optuna" else Hyperopt)(space, part, 1)
    rng = Random(1)
    own = min(contestant.own, trials // 2)
    for assignment in (space.sample(rng) for _ in range(trials - own)):
        made.add(assignment, [loss(assignment)])
    for _ in range(own):
        assignment, asked = made.ask()
        made.tell(asked, [loss(assignment)])
    return made


def write(store: Store, contestant: Contestant, library: Library) -> None:
    """The log of an experiment with the library's trials."""
    assignments, (notes, memory) = library.assignments(), library.notes()
    asked = {
        "name": NAME,
        "model_training_code": "docker_image_url",
        "hyperparameters": HYPERPARAMETERS,
        "hpo_algorithm": {"name": contestant.algorithm, "settings": dict(contestant.settings)},
        "max_trials": len(assignments) + 1_000,
        "parallel_trials": TOGETHER,
        "seed": 1,
    }
    journal = Journal(store, NAMESPACE, NAME)
    journal.commit(Submit("0" * 16, parse(asked, load_catalog(), NAMESPACE)))
    for first in range(0, len(assignments), TOGETHER):
        numbers = range(first, min(first + TOGETHER, len(assignments)))
        kept = {n: notes[n] for n in numbers if notes[n] is not None}
        added = AddTrials(first, tuple(assignments[n] for n in numbers), memory=memory, notes=kept)
        journal.commit(added, *(each for n in numbers for each in _ended(n, assignments[n])))
    journal.commit(Extend({"parallel_trials": 1}))


def _ended(number: int, assignment: Assignment) -> tuple[Command, Command]:
    end = Outcome(Verdict.COMPLETE, {"objective": loss(assignment)})
    return Start(number, 1), Finish(number, 1, end)


class AtHand:
    """The algorithm, and all trials of the log in memory."""

    def __init__(self, store: Store, contestant: Contestant) -> None:
        self._algorithm = load_catalog().load(contestant.algorithm, contestant.settings)
        self._journals = Journals(store)
        experiment = self._journals.read(NAMESPACE, NAME)
        self._trials = list(self._journals.trials(NAMESPACE, NAME))
        self._problem = Problem(
            Space.of(HYPERPARAMETERS),
            experiment.terms.objectives,
            seed=2,  # another seed than the service's, so that they do not share caches
            first=len(self._trials),
            memory=experiment.memory,
            budget=experiment.terms.max_trials,
        )

    def suggest(self) -> Suggestions:
        return self._algorithm.suggest(self._problem, self._trials, 1)

    def finish(self) -> None:
        """End the trial that the service suggested, and add it to the trials in memory."""
        experiment = self._journals.read(NAMESPACE, NAME)
        journal = self._journals.of(NAMESPACE, NAME)
        for one in experiment.live:
            experiment = journal.commit(*_ended(one.number, one.hyperparameters))
            self._trials.append(experiment.trials[one.number])
        self._problem = self._problem._replace(first=len(self._trials), memory=experiment.memory)


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    """Return the result, and the processor milliseconds that it took."""
    began = time.process_time()
    found = call()
    return found, (time.process_time() - began) * 1e3


def _serving(store: Store) -> Callable[[], None]:
    service = Inline(store, lambda _: 0.0).service
    return partial(service.suggest, NAMESPACE, NAME)

"""Searches of one problem: by an algorithm as the service calls it, and by a library as users do.

A search asks for as many trials as have room. Then one of the running trials ends, drawn at random
from the seed.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol

import msgspec

from algorithms import load_catalog
from benchmarks.harness.libraries import Library
from benchmarks.harness.problems import Problem
from tunelet.core.problem import Objective
from tunelet.core.problem import Problem as Asked
from tunelet.core.trial import Assignment, Trial, TrialState, plain
from tunelet.space import Space

_trials = msgspec.json.Decoder(list[Trial])


class Searcher(Protocol):
    def ask(self, count: int) -> Sequence[tuple[Assignment, Any]]:
        """Return new trials, each with a handle for `tell`; fewer if the space is exhausted."""

    def tell(self, asked: Any, values: list[float]) -> None:
        """End the trial."""


class LibrarySearch:
    """A search by a library, with `ask` and `tell` in one process."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.tell = library.tell

    def ask(self, count: int) -> Sequence[tuple[Assignment, Any]]:
        return [self._library.ask() for _ in range(count)]


class Logged:
    """A search by one of Tunelet's algorithms, made for each call from the log's JSON."""

    def __init__(
        self,
        problem: Problem,
        name: str,
        settings: dict[str, Any],
        seed: int,
        parallel: int,
        budget: int,
    ) -> None:
        self._name, self._settings = name, settings
        self._metrics = [f"objective{place}" for place in range(problem.objectives)]
        self._asked = Asked(
            Space.of(problem.hyperparameters),
            tuple(Objective(metric, "minimize") for metric in self._metrics),
            seed,
            first=0,
            parallel=parallel,
            budget=budget,
        )
        self._trials: list[Trial] = []

    def ask(self, count: int) -> Sequence[tuple[Assignment, int]]:
        trials = _trials.decode(msgspec.json.encode(self._trials))
        first = len(trials)
        algorithm = load_catalog().load(self._name, self._settings)
        answer = algorithm.suggest(self._asked._replace(first=first), trials, count)
        memory, notes = json.loads(json.dumps([answer.memory, answer.notes]))
        for place, assignment in enumerate(answer.assignments):
            note = notes[place] if notes else None
            self._trials.append(
                Trial(first + place, assignment, 0.0, TrialState.RUNNING, note=note)
            )
        self._asked = self._asked._replace(memory=memory)
        return [(each, first + place) for place, each in enumerate(answer.assignments)]

    def tell(self, asked: int, values: list[float]) -> None:
        stored = dict(zip(self._metrics, map(plain, values), strict=True))
        self._trials[asked] = msgspec.structs.replace(
            self._trials[asked], state=TrialState.COMPLETE, values=stored
        )


def search(
    problem: Problem, new: Callable[[], Searcher], seed: int, parallel: int, budget: int
) -> list[float]:
    """Return the scores after each trial that ended."""
    searcher, rng = new(), Random(seed)
    running: list[tuple[Assignment, Any]] = []
    ended: list[Assignment] = []
    found: list[list[float]] = []
    exhausted = False
    while running or not exhausted:
        room = min(parallel - len(running), budget - len(running) - len(ended))
        asked = searcher.ask(room) if room and not exhausted else ()
        running += asked
        exhausted = len(running) + len(ended) == budget or len(asked) < room
        assignment, token = running.pop(rng.randrange(len(running)))
        values = problem.evaluate(assignment, rng)
        searcher.tell(token, values)
        ended.append(assignment)
        found.append(values)
    return problem.scores(ended, found)

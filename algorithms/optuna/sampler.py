"""Any sampler of Optuna, by the name of its class and with its own arguments.

The study is rebuilt on every call, as for `tpe`, with the state that samplers keep between calls:

- System attributes of a trial (the generation of a genetic algorithm, the pickled state of CMA-ES
  after each generation) are the trial's note in the log.
- System attributes of the study (the parents of a generation, the place in a Sobol sequence) are
  the algorithm's memory. Only the parents of the newest generations are kept.

The random generator of a trial depends on the seed and the trial's number, so the same call gives
the same answer. A quasi-random sequence has one seed for the whole experiment, and so has the
order of a grid. If a sampler repeats an assignment, it is asked again; after `_TRIES` answers the
assignment is drawn from the prior, or for a grid from the rest of the grid.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from algorithms.enumeration import Enumeration
from algorithms.novelty import Unseen, generator
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Trial
from tunelet.ports import Algorithm

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from algorithms.optuna.study import PastStudy, View

_TRIES = 4
"""How often the sampler is asked for a new assignment before one is drawn from the prior."""

_GENERATIONS = 2
"""Generations whose parents stay in the memory."""

_PARTIAL = ("CmaEsSampler", "GPSampler", "QMCSampler")
"""Samplers that may leave some hyperparameters to another sampler."""

_OF_FAILURES = {"CmaEsSampler": "worst", "GPSampler": "worst", "TPESampler": "infeasible"}
"""How each sampler gets failed trials (`study.Failures`); the others do not get them."""

_PARENTS = ":parent:"
_PASSING = ("fixed_params", ":relative_params:")
"""Parts of attributes that matter only while Optuna itself runs the trial."""


class Sampler:
    """A sampler of Optuna: the name of a class in optuna.samplers, and its arguments."""

    def __init__(self, *, sampler: str, **settings: Any) -> None:
        self._sampler = sampler
        self._settings = settings

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        from algorithms.optuna.study import STUDIES, Failures, PastStudy

        untried = Unseen(problem, trials, drawn=self._sampler != "GridSampler")
        memory = problem.memory if isinstance(problem.memory, dict) else {}
        # Independent draws need no trials.
        past = () if self._sampler == "RandomSampler" else trials
        kind = self._sampler, repr(self._settings)
        new = partial(PastStudy, problem, Failures(_failures(self._sampler, self._settings)))
        with STUDIES.of(problem, past, new, *kind) as study:
            study.set_attributes(memory.get("optuna", {}))
            return self._answer(problem, study, untried, count)

    def _answer(
        self, problem: Problem, study: "PastStudy", untried: Unseen, count: int
    ) -> Suggestions:
        found: list[Assignment] = []
        notes: list[Any] = []
        exhausted = False
        for place in range(problem.first, problem.first + count):
            suggested, note = self._ask(problem, study, place, untried)
            if suggested is None:
                suggested = self._drawn(problem, study, untried, generator(problem.seed, place))
            if suggested is None:
                exhausted = True
                break
            untried.take(suggested)
            found.append(suggested)
            notes.append(note)
        return Suggestions(found, exhausted, _memory(study.attributes()), notes)

    def _drawn(
        self, problem: Problem, study: "PastStudy", untried: Unseen, rng: Random
    ) -> Assignment | None:
        """A new assignment from the prior, or for a grid from the combinations of its values."""
        if self._sampler != "GridSampler":
            return untried.draw(rng)
        views, space = study.views(), problem.space
        listed = _search_space(self._settings.get("search_space") or {}, views)
        values = {
            # Ascending order; choices are numbers here.
            name: [space[name].canonical(views[name].decode(each)) for each in sorted(set(values))]
            for name, values in _grid(problem, views, listed).items()
        }
        return untried.one_of(Enumeration(space, values), rng)

    def _ask(
        self, problem: Problem, study: "PastStudy", place: int, untried: Unseen
    ) -> tuple[Assignment | None, Any]:
        """The sampler's suggestion for the trial and its note; None if it suggests nothing new."""
        for attempt in range(_TRIES):
            seed = generator(problem.seed, place, f"optuna {attempt}").getrandbits(31)
            made = _made(self._sampler, self._settings, problem, study, seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trial, suggested = study.ask(made)
            if suggested in untried:
                return suggested, _note(study.noted(trial))
            study.withdraw()
        return None, None


def _note(noted: Mapping[str, Any]) -> Any:
    kept = {
        key: value
        for key, value in noted.items()
        if not any(each in key for each in _PASSING) and not key.startswith("constraints")
    }
    return {"optuna": kept} if kept else None


def _memory(attributes: Mapping[str, Any]) -> Any:
    parents = sorted(
        (key for key in attributes if _PARENTS in key),
        key=lambda key: int(key.rpartition(":")[2]),
    )
    old = set(parents[:-_GENERATIONS])
    kept = {key: value for key, value in attributes.items() if key not in old}
    return {"optuna": kept} if kept else None


def _failures(name: str, settings: Mapping[str, Any]) -> str:
    """How the sampler gets failed trials: a value of `study.Failures`."""
    if name == "PartialFixedSampler":
        return _failures(*_asked(settings["base_sampler"]))
    return _OF_FAILURES.get(name, "left out")


def _made(
    name: str, settings: Mapping[str, Any], problem: Problem, study: "PastStudy", seed: int
) -> "BaseSampler":
    """The sampler; settings that JSON cannot hold are converted to Optuna's objects."""
    views = study.views()
    given = {key: value for key, value in settings.items() if value is not None}
    good = study.good_at_most() if name == "TPESampler" else None
    if good is not None:
        from algorithms.optuna.tpe import good_ones

        given["gamma"] = good_ones(good, len(problem.objectives))
    if name in ("GridSampler", "QMCSampler"):
        # All trials share one sequence, or one order of the grid.
        seed = generator(problem.seed, 0, "qmc").getrandbits(31)
    if name == "QMCSampler":
        given["warn_asynchronous_seeding"] = False
    if name in _PARTIAL:
        # The catalog lists what it cannot model; a warning for each trial would add nothing.
        given["warn_independent_sampling"] = False
    with warnings.catch_warnings():
        # Optuna warns of its experimental features at each call.
        warnings.simplefilter("ignore")
        arguments = {
            key: _TRANSLATED[key](value, problem, study, seed) if key in _TRANSLATED else value
            for key, value in given.items()
        }
        if name == "GridSampler":
            arguments["search_space"] = _grid(problem, views, arguments.get("search_space", {}))
        if name != "PartialFixedSampler":
            arguments["seed"] = seed
        made: BaseSampler = _sampler(name)(**arguments)
    return made


def _sampler(name: str) -> "type[BaseSampler]":
    """The class of this name, or our subclass of it."""
    from optuna import samplers

    if name == "CmaEsSampler":
        from algorithms.optuna.cma import CmaEs

        return CmaEs
    found: type[BaseSampler] = getattr(samplers, name)
    return found


def _grid(
    problem: Problem, views: "Mapping[str, View]", given: Mapping[str, list[Any]]
) -> dict[str, list[Any]]:
    """The given values, and all values of the other hyperparameters.

    Raises `ValueError` if one of them has infinitely many.
    """
    found = dict(given)
    for one in problem.space:
        if one.name in given:
            continue
        values = problem.space.grid_values(one)
        if values is None:
            raise ValueError(f"search_space lacks {one.name}, which has no finite grid")
        found[one.name] = [views[one.name].encode(value) for value in values]
    return found


def _by_name(value: Any, views: "Mapping[str, View]") -> dict[str, Any]:
    unknown = sorted(set(value) - set(views))
    if unknown:
        raise ValueError(f"{unknown[0]} is not a hyperparameter of this experiment")
    return {key: views[key].encode(each) for key, each in value.items()}


def _search_space(
    value: Mapping[str, Sequence[Any]], views: "Mapping[str, View]"
) -> dict[str, list[Any]]:
    return {
        name: [_by_name({name: each}, views)[name] for each in values]
        for name, values in value.items()
    }


def _base(value: Any, problem: Problem, study: "PastStudy", seed: int) -> "BaseSampler":
    return _made(*_asked(value), problem, study, seed)


def _asked(value: Any) -> tuple[str, dict[str, Any]]:
    """The name and the settings of a sampler inside another one. Raises `ValueError`."""
    from optuna import samplers

    form: dict[str, Any] = {"name": value} if isinstance(value, str) else dict(value)
    name = str(form.get("name", "")).removeprefix("optuna.")
    if not name.endswith("Sampler") or not hasattr(samplers, name):
        raise ValueError(f"{value!r} is not a sampler of Optuna")
    return name, form.get("settings", {})


def _class(module: str) -> Callable[..., Any]:
    def make(value: Any, *_context: Any) -> Any:
        from importlib import import_module

        return getattr(import_module(module), value)()

    return make


def _array(value: Any, *_context: Any) -> Any:
    import numpy

    return numpy.array(value, dtype=float)


_TRANSLATED: dict[str, Callable[..., Any]] = {
    "base_sampler": _base,
    "crossover": _class("optuna.samplers.nsgaii"),
    "fixed_params": lambda value, _problem, study, _seed: _by_name(value, study.views()),
    "independent_sampler": _base,
    "mutation": _class("optuna.samplers.nsgaii"),
    "reference_points": _array,
    "search_space": lambda value, _problem, study, _seed: _search_space(value, study.views()),
    "x0": lambda value, _problem, study, _seed: _by_name(value, study.views()),
}


if TYPE_CHECKING:
    _: type[Algorithm] = Sampler

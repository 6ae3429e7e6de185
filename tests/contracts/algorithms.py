"""The contract of every algorithm: a test inherits `AlgorithmContract` and names its algorithm."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, ClassVar

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms import load_catalog
from algorithms.memo import forget
from tunelet.core.problem import Objective, Problem, Suggestions
from tunelet.core.trial import Assignment, Number, Trial, TrialState
from tunelet.ports import Algorithm
from tunelet.space import Space

LOSS = Objective("objective", "minimize")
SPEED = Objective("speed", "maximize")


def trial(
    number: int,
    hyperparameters: Assignment,
    state: TrialState = TrialState.COMPLETE,
    **values: Number,
) -> Trial:
    return Trial(
        number=number,
        hyperparameters=hyperparameters,
        created_at=0.0,
        state=state,
        values=values,
    )


def key(assignment: Assignment) -> str:
    return json.dumps(assignment, sort_keys=True)


def suggested(answer: Suggestions, first: int) -> list[Trial]:
    """The trials of an answer, running, with all that the log keeps of it."""
    notes = json.loads(json.dumps(answer.notes))
    return [
        msgspec.structs.replace(
            trial(first + place, assignment, TrialState.RUNNING),
            note=notes[place] if notes else None,
            parent=answer.parents[place] if answer.parents else None,
        )
        for place, assignment in enumerate(answer.assignments)
    ]


def encoded(suggestions: Suggestions) -> bytes:
    """The answer as the log would keep it, memory included."""
    return msgspec.json.encode(suggestions)


# Made once: Hypothesis analyses each new strategy, which takes longer than drawing from it.
KINDS = st.sampled_from(["linear", "log", "reverse_log", "step", "quantized"])
SCALES, QUANTA = st.sampled_from(["linear", "log"]), st.sampled_from([0.5, 2.0])
LOWS = st.floats(0.001, 10).map(lambda x: round(x, 3))
NORMALS = st.sampled_from(["normal", "lognormal"])
ROUNDINGS = st.sampled_from([{}, {"step": 0.5}, {"integer": True}])


@st.composite
def bounded(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(KINDS)
    if kind == "reverse_log":
        return {"type": "float", "min": 0.1, "max": draw(st.floats(0.2, 0.99)), "scale": kind}
    low, width = draw(LOWS), draw(st.integers(1, 50))
    if kind == "quantized":
        scale, step = draw(SCALES), draw(QUANTA)
        return {"type": kind, "min": low, "max": low + width, "scale": scale, "step": step}
    form = {"type": "float", "min": low, "max": low + width}
    return form | ({"step": 0.1} if kind == "step" else {"scale": kind})


@st.composite
def integers(draw: st.DrawFn) -> dict[str, Any]:
    low, width = draw(st.integers(1, 40)), draw(st.integers(1, 60))
    scale = draw(st.sampled_from([{}, {"scale": "log"}, {"step": draw(st.integers(1, width))}]))
    return {"type": "int", "min": low, "max": low + width} | scale


@st.composite
def priors(draw: st.DrawFn) -> dict[str, Any]:
    kind, step = draw(NORMALS), draw(ROUNDINGS)
    return {"type": kind, "mean": draw(st.floats(-1, 3)), "std": draw(st.floats(0.1, 2))} | step


def choices() -> st.SearchStrategy[dict[str, Any]]:
    plain = st.permutations([1, True, 2.5, "a", None, False]).map(lambda every: every[:4])
    weighted = st.just([{"value": "x", "weight": 5}, {"value": "y", "weight": 1}])
    return st.one_of(plain, weighted).map(lambda them: {"type": "categorical", "choices": them})


FORMS = st.one_of(bounded(), integers(), priors(), choices())


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Up to five parameters; each may depend on one before it."""
    forms: dict[str, dict[str, Any]] = {}
    for name in "abcde"[: draw(st.integers(1, 5))]:
        form = draw(FORMS)
        if forms and draw(st.booleans()):
            parent = draw(st.sampled_from(sorted(forms)))
            form = form | {"when": {parent: condition(draw, forms[parent])}}
        forms[name] = form
    return Space.of(forms)


def condition(draw: st.DrawFn, parent: dict[str, Any]) -> Any:
    if parent["type"] == "categorical":
        values = [one["value"] if isinstance(one, dict) else one for one in parent["choices"]]
        return [draw(st.sampled_from(values))]
    if "min" in parent:
        return {"min": (parent["min"] + parent["max"]) / 2}
    return {"max": parent["mean"]}


@st.composite
def histories(draw: st.DrawFn, space: Space) -> list[Trial]:
    """Trials in every state, with values that are finite, infinite, NaN or missing.

    Hypothesis draws how many, and the seed of the rest: value by value it would take longer than
    the algorithms do.
    """
    count, rng = draw(st.integers(0, 25)), Random(draw(st.integers(0, 2**31)))
    return [
        trial(
            number,
            space.sample(rng),
            rng.choice(list(TrialState)),
            **{name: _measured(rng) for name in ("objective", "speed") if rng.random() < 0.7},
        )
        for number in range(count)
    ]


def _measured(rng: Random) -> Number:
    """Half are small whole numbers, and several are equal."""
    if rng.random() < 0.15:
        return rng.choice(["NaN", "Infinity", "-Infinity"])
    return rng.choice([float(rng.randint(-3, 3)), round(rng.uniform(-1e3, 1e3), 6)])


Check = Callable[["AlgorithmContract", st.DataObject], None]


def for_examples(check: Check) -> Callable[["AlgorithmContract"], None]:
    """A test that holds for as many examples as the class of the algorithm says."""

    def test(self: "AlgorithmContract") -> None:
        @settings(max_examples=self.examples)
        @given(st.data())
        def holds(data: st.DataObject) -> None:
            check(self, data)

        holds()

    return test


class AlgorithmContract:
    """Subclasses say which algorithm: its name in the catalog, and its settings.

    class TestTpe(AlgorithmContract, name="tpe", n_startup_trials=0): ...
    """

    tested: ClassVar[set[str]] = set()
    """The names of all algorithms that have such a subclass."""
    name: ClassVar[str]
    settings: ClassVar[dict[str, Any]]
    examples = 25
    """Fewer for what is slow."""
    steps = 10
    """Of an experiment in one process and in many; fewer for what is slow."""
    objectives: tuple[tuple[Objective, ...], ...] = ((LOSS,), (LOSS, SPEED))
    waits = False
    """It may suggest less than is asked for until more trials have ended."""

    def __init_subclass__(cls, name: str | None = None, **settings: Any) -> None:
        if name is not None:
            cls.name, cls.settings = name, settings
            AlgorithmContract.tested.add(name)

    def algorithm(self) -> Algorithm:
        return load_catalog().load(self.name, self.settings)

    def spaces(self) -> st.SearchStrategy[Space]:
        return spaces()

    def line(self) -> Space:
        """A space with more values of x than any test asks for."""
        return Space.of({"x": {"type": "float", "min": 0.0, "max": 1.0}})

    def nine(self) -> Space:
        """A space of nine assignments."""
        return Space.of(
            {
                "a": {"type": "int", "min": 1, "max": 6},
                "b": {"type": "categorical", "choices": ["x", "y"], "when": {"a": {"min": 4}}},
            }
        )

    @for_examples
    def test_every_suggestion_is_an_assignment_of_the_space(self, data: st.DataObject) -> None:
        problem, history = self._case(data)
        count = data.draw(st.integers(1, 4))
        answer = self.algorithm().suggest(problem, history, count)
        for assignment in answer.assignments:
            assert not problem.space.problems(assignment)
            assert problem.space.canonical(assignment) == assignment
            assert json.loads(json.dumps(assignment)) == assignment
            assert list(assignment) == list(problem.space.active(assignment))

    @for_examples
    def test_the_same_question_gets_the_same_answer(self, data: st.DataObject) -> None:
        problem, history = self._case(data)
        answers = [self.algorithm().suggest(problem, history, 3) for _ in range(2)]
        assert encoded(answers[0]) == encoded(answers[1])

    @for_examples
    def test_as_many_as_asked_for_unless_exhausted(self, data: st.DataObject) -> None:
        problem, history = self._case(data)
        count = data.draw(st.integers(1, 6))
        answer = self.algorithm().suggest(problem, history, count)
        assert len(answer.assignments) <= count
        assert len(answer.assignments) == count or answer.exhausted or self.waits

    def test_one_call_for_three_suggests_the_same_as_three_calls_for_one(self) -> None:
        problem = Problem(self.line(), (LOSS,), seed=7, first=0)
        together = self._answers(problem, [], 3)
        one_by_one: list[Trial] = []
        memory = None
        for number in range(3):
            asked = problem._replace(first=number, memory=memory)
            answer = self.algorithm().suggest(asked, one_by_one, 1)
            memory, notes = json.loads(json.dumps([answer.memory, answer.notes]))
            waiting = trial(number, answer.assignments[0], TrialState.WAITING)
            one_by_one.append(msgspec.structs.replace(waiting, note=notes[0] if notes else None))
        assert [one.hyperparameters for one in one_by_one] == together

    def test_trials_that_still_run_are_not_suggested_again(self) -> None:
        space = self.nine()
        trials = self.all_of(space)
        assert len({key(one.hyperparameters) for one in trials}) == len(trials) == space.size() == 9

    def test_values_without_end_do_not_come_again(self) -> None:
        problem = Problem(self.line(), (LOSS,), seed=3, first=0)
        trials: list[Trial] = []
        for number in range(7):
            asked = problem._replace(first=number)
            answer = self.algorithm().suggest(asked, trials, 1)
            problem = problem._replace(memory=answer.memory)
            (made,) = suggested(answer, number)
            values = {"objective": abs(float(str(made.hyperparameters["x"])) - 0.3)}
            trials.append(msgspec.structs.replace(made, state=TrialState.COMPLETE, values=values))
        assert len({self.once(one) for one in trials}) == 7

    def once(self, one: Trial) -> Any:
        """The part of a trial that may not repeat."""
        return key(one.hyperparameters)

    def all_of(self, space: Space) -> list[Trial]:
        """The trials until nothing is left to suggest; every third one still runs."""
        problem = Problem(space, (LOSS,), seed=3, first=0)
        trials: list[Trial] = []
        while True:
            answer = self.algorithm().suggest(problem._replace(first=len(trials)), trials, 2)
            for assignment in answer.assignments:
                state = TrialState.RUNNING if len(trials) % 3 == 0 else TrialState.COMPLETE
                trials.append(trial(len(trials), assignment, state, objective=float(len(trials))))
            if answer.exhausted:
                return trials

    @for_examples
    def test_the_cache_of_a_process_changes_no_answer(self, data: st.DataObject) -> None:
        """It is asked of another history, of this one as it was, and of this one as it is."""
        problem, history = self._case(data)
        other, begun = data.draw(histories(problem.space)), data.draw(st.integers(0, len(history)))
        running = {one.number for one in history if data.draw(st.booleans())}
        before = [self._running(one) if one.number in running else one for one in history[:begun]]
        asked = [problem._replace(first=len(each)) for each in (other, before, history)]
        told = list(zip(asked, (other, before, history), strict=True))
        kept = [encoded(self.algorithm().suggest(*each, 2)) for each in told]
        for each, answer in zip(told, kept, strict=True):
            forget()
            assert encoded(self.algorithm().suggest(*each, 2)) == answer

    def test_an_experiment_goes_the_same_way_in_one_process_and_in_many(self) -> None:
        def way(before: Callable[[], None]) -> list[Assignment]:
            problem = Problem(self.nine(), (LOSS,), seed=5, first=0)
            trials: list[Trial] = []
            for _ in range(self.steps):
                before()
                answer = self.algorithm().suggest(problem, trials, 1)
                trials += suggested(answer, len(trials))
                ended = trials[:-2] if answer.assignments else trials
                trials[: len(ended)] = [self._ended(one) for one in ended]
                memory = json.loads(json.dumps(answer.memory))
                problem = problem._replace(first=len(trials), memory=memory)
            return [one.hyperparameters for one in trials]

        assert way(lambda: None) == way(forget)

    def _running(self, one: Trial) -> Trial:
        return msgspec.structs.replace(one, state=TrialState.RUNNING, values={})

    def _ended(self, one: Trial) -> Trial:
        values: dict[str, Number] = {"objective": float(one.number % 4)}
        return msgspec.structs.replace(one, state=TrialState.COMPLETE, values=values)

    def test_its_memory_and_its_suggestions_stand_in_the_log_as_json(self) -> None:
        problem = Problem(self.nine(), (LOSS,), 1, 0)
        answer = self.algorithm().suggest(problem, [], 2)
        memory = json.loads(json.dumps(answer.memory))
        again = self.algorithm().suggest(problem._replace(memory=memory, first=2), [], 1)
        assert len(again.assignments) == 1

    def _answers(self, problem: Problem, trials: list[Trial], count: int) -> list[Assignment]:
        return list(self.algorithm().suggest(problem, trials, count).assignments)

    def _case(self, data: st.DataObject) -> tuple[Problem, list[Trial]]:
        space = data.draw(self.spaces())
        history = data.draw(histories(space))
        objectives = data.draw(st.sampled_from(self.objectives))
        seed = data.draw(st.integers(0, 2**31))
        return Problem(space, objectives, seed, len(history)), history

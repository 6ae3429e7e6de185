"""The catalog checks demands on an algorithm without importing it."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import optuna
import pytest
from msgspec.structs import replace

from algorithms import load_catalog
from algorithms.catalog.entry import Entry
from algorithms.catalog.plugin_process import Isolated
from algorithms.catalog.plugins import settings
from algorithms.catalog.registry import Registry
from algorithms.catalog.table import TABLE
from tests.contracts.algorithms import LOSS
from tunelet.core.curves import Curves
from tunelet.core.problem import Demands, Objective, Problem
from tunelet.core.trial import Assignment, Trial, TrialState
from tunelet.errors import FieldError, Reject
from tunelet.space import Space
from tunelet.text.messages import MOST

PLUGIN = '''
"""A library that brings its own search."""
from tunelet.ports import Suggestions


class Edges:
    """Tries the ends of every range.

    And says so at length.
    """

    objectives = 1
    conditions = False

    def __init__(self, *, side: str = "low", margin: float | None = None) -> None:
        if side not in ("low", "high"):
            raise ValueError("side must be low or high")
        self._side = side

    def suggest(self, problem, trials, count):
        print("plugins may print")
        return Suggestions([{one.name: one.from_unit(0.0) for one in problem.space}] * count)


class Wild(Edges):
    def __init__(self, *, side: str) -> None:
        self._side = side

    def suggest(self, problem, trials, count):
        while self._side == "endless":
            pass
        if self._side == "exit":
            import os
            os._exit(3)
        return 1 // 0 if self._side == "raise" else 1
'''
POINTS = """\
[tunelet.algorithms]
edges = edges_search:Edges
wild = edges_search:Wild
tpe = edges_search:Edges
broken = no_such_module:Search
"""
SPACE = Space.of(
    {
        "a": {"type": "int", "min": 1, "max": 9},
        "b": {"type": "float", "min": 0.0, "max": 1.0, "when": {"a": {"min": 5}}},
    }
)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that is installed as any other: a module and its metadata."""
    (tmp_path / "edges_search.py").write_text(PLUGIN)
    metadata = tmp_path / "edges_search-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: edges-search\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))


def messages(name: str, asked: dict[str, object], objectives: int = 1) -> dict[str, str]:
    found = load_catalog().problems(name, asked, Demands(SPACE, objectives))
    return {error.field: f"{error.message}; {error.remedy}" for error in found}


EXAMPLES = {
    "fixed_params": {"a": 5},
    "base_sampler": "RandomSampler",
    "p_suggest": [[1.0, "tpe"]],
    "optimizer": "OnePlusOne",
}
OURS = [row for row in TABLE.values() if not row.bind]
OPTUNAS = [row for row in TABLE.values() if row.target.startswith("algorithms.optuna.sampler:")]
LEFT_OUT = {
    "seed",  # the experiment's
    # Not JSON.
    *("constraints_func", "gamma", "weights", "source_trials", "child_generation_strategy"),
    *("elite_population_selection_strategy", "after_trial_strategy"),
    # Deprecated or without effect.
    *("consider_prior", "prior_weight", "consider_magic_clip", "consider_endpoints"),
    *("restart_strategy", "inc_popsize"),
    # Warnings in a process without a user.
    *("warn_independent_sampling", "warn_asynchronous_seeding"),
}


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.name)
def test_the_table_repeats_the_signature_of_the_class(row: Entry) -> None:
    module, _, name = row.target.partition(":")
    signature = settings(getattr(importlib.import_module(module), name))
    assert [(s.name, s.type, s.default, s.nullable) for s in row.settings] == [
        (s.name, s.type, s.default, s.nullable) for s in signature
    ]


@pytest.mark.parametrize("row", OPTUNAS, ids=lambda row: row.name)
def test_samplers_have_optunas_arguments_and_defaults(row: Entry) -> None:
    """A new argument is either offered or left out on purpose."""
    sampler = getattr(optuna.samplers, dict(row.bind)["sampler"])
    theirs = inspect.signature(sampler).parameters
    ours = {one.name: one for one in row.settings}
    assert theirs.keys() - LEFT_OUT - dict(row.bind).keys() == ours.keys()
    for name, setting in ours.items():
        default = theirs[name].default
        assert setting.default == (None if default is inspect.Parameter.empty else default)


def test_every_public_sampler_of_optuna_has_its_name() -> None:
    public = {name for name in optuna.samplers.__all__ if name.endswith("Sampler")}
    abstract = {"BaseSampler", "BaseGASampler"}
    assert {f"optuna.{name}" for name in public - abstract} <= TABLE.keys()


def test_checking_a_request_imports_neither_library_nor_metadata() -> None:
    code = (
        "import sys; from algorithms import load_catalog; from tunelet.core.problem import Demands;"
        "assert not load_catalog().problems('tpe', {'group': True}, Demands(None, 2));"
        "assert not {'optuna', 'numpy', 'importlib.metadata', 'algorithms.optuna.tpe'}"
        " & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
def test_defaults_are_valid(row: Entry) -> None:
    defaults = {one.name: one.default for one in row.settings if not one.required}
    defaults |= {one.name: EXAMPLES[one.name] for one in row.settings if one.required}
    found = messages(row.name, defaults, row.objectives or 2)
    unmet = {field: text for field, text in found.items() if "infinitely many" not in text}
    assert not unmet or "not installed" in str(unmet)


def test_an_unknown_name_is_answered_with_the_nearest_and_all_there_are() -> None:
    (message,) = messages("random-search", {}).values()
    assert 'did you mean "random_search"?' in message
    assert all(f'"{name}"' in message for name in TABLE)
    assert '"anneal"' in messages("x" * 500, {})["hpo_algorithm.name"]


def test_without_a_similar_name_all_names_are_listed() -> None:
    (message,) = messages("bayesian", {}).values()
    assert all(f'"{name}"' in message for name in TABLE)


def test_every_wrong_setting_is_named_with_its_remedy() -> None:
    found = messages("tpe", {"n_ei_candidates": 0, "gruop": True, "constant_liar": "yes"})
    assert found == {
        "hpo_algorithm.settings.n_ei_candidates": (
            "must be at least 1; use a larger one, or leave it out"
        ),
        "hpo_algorithm.settings.gruop": 'is not a setting of tpe; did you mean "group"?',
        "hpo_algorithm.settings.constant_liar": (
            "must be a boolean; use a boolean, or leave it out"
        ),
    }


def test_no_more_wrong_settings_are_looked_at_than_an_answer_lists() -> None:
    """To find the nearest name for each of the 40,000 in a request took seconds."""
    assert len(messages("tpe", {f"s{each}": each for each in range(1000)})) == MOST + 1


NUMBERS = Space.of({name: {"type": "float", "min": -5.0, "max": 5.0} for name in "xy"})
FIXED = {"fixed_params": {"x": 1.0}}


@pytest.mark.parametrize(
    ("name", "asked", "field", "message"),
    [
        ("ray.OptunaSearch", {"sampler": "TPE"}, "sampler", "not a sampler"),
        ("ray.OptunaSearch", {"sampler": 5}, "sampler", "must be"),
        ("ray.OptunaSearch", {"sampler": {"settings": {}}}, "sampler", "must be"),
        ("ray.OptunaSearch", {"sampler": "BaseSampler"}, "sampler", "not a sampler"),
        (
            "ray.OptunaSearch",
            {"sampler": {"name": "TPESampler", "settings": {"gruop": True}}},
            "sampler.settings.gruop",
            "not a setting",
        ),
        (
            "ray.OptunaSearch",
            {"sampler": "GridSampler"},
            "sampler.settings.search_space",
            "infinitely many values",
        ),
        (
            "optuna.PartialFixedSampler",
            FIXED | {"base_sampler": "Nothing"},
            "base_sampler",
            "not a sampler",
        ),
        (
            "optuna.PartialFixedSampler",
            {"fixed_params": {"z": 1}, "base_sampler": "RandomSampler"},
            "fixed_params.z",
            "not a hyperparameter",
        ),
        (
            "optuna.PartialFixedSampler",
            {"fixed_params": {"x": 99}, "base_sampler": "RandomSampler"},
            "fixed_params.x",
            "out of bounds",
        ),
        ("cma_es", {"independent_sampler": "Nothing"}, "independent_sampler", "not a sampler"),
        ("sobol", {"independent_sampler": "Nothing"}, "independent_sampler", "not a sampler"),
        ("cma_es", {"x0": {"x": 1.0}}, "x0", 'lacks "y"'),
        ("cma_es", {"x0": {"x": 1.0, "y": "one"}}, "x0.y", "number"),
        ("optuna.GridSampler", {"search_space": {"x": [1.0]}}, "search_space", "lacks y"),
        ("optuna.GridSampler", {"search_space": {"x": 1, "y": [1]}}, "search_space.x", "array"),
        (
            "optuna.GridSampler",
            {"search_space": {"x": [1, 99], "y": [1]}},
            "search_space.x[1]",
            "out of bounds",
        ),
        (
            "nsga2",
            {"crossover": "UNDXCrossover", "population_size": 2},
            "population_size",
            "that UNDXCrossover mixes",
        ),
        ("nsga2", {"crossover_prob": 2.0}, "crossover_prob", "at most 1"),
        ("nsga3", {"reference_points": [[1, 2]]}, "reference_points[0]", "row"),
        ("hyperopt.mix", {"p_suggest": [[1, "atpe"]]}, "p_suggest[0]", "not a probability"),
        ("hyperopt.mix", {"p_suggest": [[0.5, "tpe"]]}, "p_suggest", "add up to 1"),
        ("ray.BayesOptSearch", {"utility_kwargs": {"kapa": 1}}, "utility_kwargs.kapa", "argument"),
        ("ray.BayesOptSearch", {"utility_kwargs": {"kind": "lcb"}}, "utility_kwargs.kind", "util"),
        ("pbt", {"quantile_fraction": 0.9}, "quantile_fraction", "at most 0.5"),
        ("pbt", {"perturbation_factors": "x"}, "perturbation_factors", "array of numbers"),
        ("asha", {"min_resource": 5, "max_resource": 2}, "min_resource", "more than max_resource"),
    ],
)
def test_settings_that_a_library_would_refuse_are_refused_at_submit(
    name: str, asked: dict[str, object], field: str, message: str
) -> None:
    found = every_problem(name, asked, Demands(NUMBERS))
    assert message in found[f"hpo_algorithm.settings.{field}"]


@pytest.mark.parametrize(
    ("demands", "message"),
    [(Demands(NUMBERS, 2), "of the 2 objectives"), (Demands(NUMBERS, 1, 1), "constraints")],
)
@pytest.mark.parametrize(
    ("name", "asked", "setting"),
    [
        ("ray.OptunaSearch", {"sampler": "CmaEsSampler"}, "sampler"),
        ("optuna.PartialFixedSampler", FIXED | {"base_sampler": "CmaEsSampler"}, "base_sampler"),
    ],
)
def test_a_sampler_in_a_setting_must_meet_the_demands(
    name: str, asked: dict[str, object], setting: str, demands: Demands, message: str
) -> None:
    (found,) = every_problem(name, asked, demands).values()
    assert message in found
    assert '"TPESampler"' in found
    assert not every_problem(name, asked | {setting: "TPESampler"}, demands)


def every_problem(name: str, asked: dict[str, object], demands: Demands) -> dict[str, str]:
    """All names, as if every library were installed."""
    row = replace(TABLE[name], libraries=())
    known = Registry({name: row}, "algorithm", "no.such.group")
    found = known.problems(name, asked, demands, "hpo_algorithm")
    return {error.field: f"{error.message}; {error.remedy}" for error in found}


@pytest.mark.parametrize("row", [row for row in TABLE.values() if "crossover" in str(row.settings)])
def test_each_crossover_has_the_parents_that_it_mixes(row: Entry) -> None:
    (setting,) = (one for one in row.settings if one.name == "crossover")
    for crossover in setting.choices:
        needed = getattr(optuna.samplers.nsgaii, crossover)().n_parents
        for size in (2, 3):
            asked: dict[str, object] = {"crossover": crossover, "population_size": size}
            assert bool(every_problem(row.name, asked, Demands())) == (size < needed)


def test_settings_that_contradict_each_other_are_refused() -> None:
    found = messages("tpe", {"group": True, "multivariate": False})
    assert list(found) == ["hpo_algorithm.settings.group"]


@pytest.mark.parametrize("value", [True, 1.5, "10", None, [1]])
def test_a_number_of_points_is_an_integer(value: object) -> None:
    assert "must be an integer" in str(messages("grid_search", {"points": value}))


def test_an_algorithm_with_wrong_settings_cannot_be_loaded() -> None:
    for name, asked in (("tpee", {}), ("tpe", {"n": 1}), ("grid_search", {"points": 0})):
        with pytest.raises(Reject) as refusal:
            load_catalog().load(name, asked)
        assert refusal.value.errors


def test_every_algorithm_is_described_in_json_terms() -> None:
    described = {one["name"]: one for one in load_catalog().describe()}
    assert described["tpe"]["installed"]
    assert described["tpe"]["supports"] == {
        "conditions": True,
        "branches": True,
        "choices": "yes",
        "integers": True,
        "objectives": None,
        "constraints": True,
        "fidelity": False,
        "parallel": None,
        "warm_start": True,
    }
    assert described["grid_search"]["settings"] == [
        {
            "name": "points",
            "type": "integer",
            "default": 10,
            "required": False,
            "nullable": False,
            "minimum": 1,
            "maximum": None,
            "choices": None,
            "summary": "the number of values of each continuous hyperparameter",
        }
    ]


@pytest.mark.usefixtures("plugin")
def test_a_plugin_is_used_like_any_other() -> None:
    assert "edges" in load_catalog().names()
    algorithm = load_catalog().load("edges", {"side": "high"})
    problem = Problem(Space.of({"a": {"type": "int", "min": 1, "max": 9}}), (), 1, 0)
    assert algorithm.suggest(problem, [], 1).assignments == [{"a": 1}]
    (described,) = (one for one in load_catalog().describe() if one["name"] == "edges")
    assert described["summary"] == "Tries the ends of every range."
    assert [(s["name"], s["type"], s["nullable"]) for s in described["settings"]] == [
        ("side", "string", False),
        ("margin", "number", True),
    ]


@pytest.mark.usefixtures("plugin")
def test_a_plugins_limits_and_settings_are_checked_too() -> None:
    assert messages("edges", {"side": 3}, objectives=2).keys() == {
        "hpo_algorithm.settings.side",
        "objectives",
        "hyperparameters.b.when",
    }
    problem = Problem(Space.of({"a": {"type": "int", "min": 1, "max": 9}}), (), 1, 0)
    with pytest.raises(RuntimeError, match="low or high"):
        load_catalog().load("edges", {"side": "middle"}).suggest(problem, [], 1)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("side", "limit", "reason"),
    [
        ("endless", 3, "not answer within 3 seconds"),
        ("exit", 60, "ended with code 3"),
        ("raise", 60, "ZeroDivisionError"),
        ("nonsense", 60, "answered with int"),
    ],
)
def test_any_fault_of_a_plugin_is_named_and_ends(side: str, limit: float, reason: str) -> None:
    problem = Problem(Space.of({"a": {"type": "int", "min": 1, "max": 9}}), (), 1, 0)
    with pytest.raises((RuntimeError, TypeError), match=reason):
        Isolated("wild", {"side": side}, limit).suggest(problem, [], 1)


@pytest.mark.usefixtures("plugin")
def test_a_plugin_does_not_replace_a_built_in_algorithm() -> None:
    assert type(load_catalog().load("tpe", {})).__name__ == "TreeParzen"


@pytest.mark.usefixtures("plugin")
def test_a_broken_plugin_is_shown_as_such_and_harms_no_other() -> None:
    described = {one["name"]: one for one in load_catalog().describe()}
    assert not described["broken"]["installed"]
    assert "no_such_module" in described["broken"]["summary"]
    assert "cannot be loaded" in messages("broken", {})["hpo_algorithm.name"]


HYPEROPTS = [row for row in TABLE.values() if row.target.startswith("algorithms.hyperopt.")]


@pytest.mark.parametrize("row", HYPEROPTS, ids=lambda row: row.name)
def test_hyperopts_algorithms_have_its_arguments_and_defaults(row: Entry) -> None:
    module = importlib.import_module(f"hyperopt.{dict(row.bind)['module']}")
    function = module.AnnealingAlgo if row.name.endswith("anneal") else module.suggest
    theirs = inspect.signature(function).parameters
    context = {"new_ids", "domain", "trials", "seed", "verbose"}
    ours = {one.name: one.default for one in row.settings}
    assert {
        name: None if one.default is inspect.Parameter.empty else one.default
        for name, one in theirs.items()
        if name not in context
    } == ours


def test_an_absent_library_is_named_with_its_extra() -> None:
    absent = Entry("a", "", "no:where", libraries=("no_such_library",), extra="some")
    known = Registry({"a": absent}, "algorithm", "no.such.group")
    (error,) = known.problems("a", {}, Demands(), "hpo_algorithm")
    assert "no_such_library" in error.message
    assert "tunelet[some]" in error.remedy


def test_nothing_of_tpe_changes_unseen() -> None:
    ours = {one.name for one in TABLE["tpe"].settings}
    assert ours == inspect.signature(optuna.samplers.TPESampler).parameters.keys() - LEFT_OUT


def test_objectives_need_no_goal_to_be_searched() -> None:
    problem = Problem(SPACE, (Objective("loss", "minimize"),), 1, 0)
    for name in ("random_search", "grid_search", "tpe"):
        assert load_catalog().load(name, {}).suggest(problem, [], 1).assignments


LIGHT = [row for row in TABLE.values() if not row.target.startswith("algorithms.ray.search:")]


@pytest.mark.parametrize("row", LIGHT, ids=lambda row: row.name)
def test_the_algorithms_marked_in_the_table_learn_from_a_warm_start(row: Entry) -> None:
    """Trials of another experiment with good and bad swapped must change the suggestions."""
    if isinstance(Registry(TABLE, "algorithm", "no.such.group").row(row.name, ""), FieldError):
        pytest.skip(f"{row.name} is not installed")
    forms = {name: {"type": "int", "min": 1, "max": 40} for name in "ab"}
    space, rng = Space.of(forms), Random(5)
    drawn = [space.sample(rng) for _ in range(60)]
    examples = EXAMPLES | {"fixed_params": {"b": 5}, "base_sampler": "TPESampler"}
    asked = {one.name: examples[one.name] for one in row.settings if one.required}

    def first(sign: int) -> list[Assignment]:
        past = [
            Trial(
                place, one, 0.0, TrialState.COMPLETE, values={"loss": sign * float(str(one["a"]))}
            )
            for place, one in enumerate(drawn)
        ]
        problem = Problem(space, (Objective("loss", "minimize"),), 1, 0, prior=past)
        return list(load_catalog().load(row.name, asked).suggest(problem, [], 3).assignments)

    assert (first(1) != first(-1)) == row.warm_start


def test_rays_searchers_are_shown_quantiles() -> None:
    rays = [row for row in TABLE.values() if row.target.startswith("algorithms.ray.search:")]
    for row in rays:
        module = importlib.import_module(f"algorithms.ray.{dict(row.bind)['module']}")
        assert not row.integers
        assert row.choices == ("yes" if module.CHOICES else "as numbers")


@pytest.mark.parametrize("name", ["cma_es", "gp", "nsga2", "nsga3", "sobol"])
def test_the_catalog_marks_algorithms_that_draw_branches_at_random(name: str) -> None:
    """Optuna's common space of all trials lacks hyperparameters that some trials lack."""
    row = TABLE[name]
    sampler = getattr(optuna.samplers, dict(row.bind)["sampler"])
    source = inspect.getsource(sampler)
    assert "IntersectionSearchSpace" in source or "first_trial.distributions" in source
    assert (row.branches, TABLE[f"optuna.{sampler.__name__}"].branches) == (False, False)


RAYS = (
    # ray.tune.schedulers and what create_scheduler takes
    *("TrialScheduler", "HyperBandScheduler", "AsyncHyperBandScheduler", "ASHAScheduler"),
    *("MedianStoppingRule", "FIFOScheduler", "PopulationBasedTraining", "HyperBandForBOHB"),
    *("PopulationBasedTrainingReplay", "ResourceChangingScheduler", "PB2"),
    *("fifo", "FIFO", "async_hyperband", "asynchyperband", "median_stopping_rule"),
    *("medianstopping", "hyperband", "hb_bohb", "pbt", "pbt_replay", "pb2", "resource_changing"),
    # ray.tune.search and what create_searcher takes
    *("BasicVariantGenerator", "ConcurrencyLimiter", "Repeater", "SearchAlgorithm"),
    *("SearchGenerator", "Searcher", "AxSearch", "HyperOptSearch", "BayesOptSearch", "TuneBOHB"),
    *("NevergradSearch", "OptunaSearch", "ZOOptSearch", "HEBOSearch"),
    *("variant_generator", "random", "ax", "hyperopt", "bayesopt", "bohb", "nevergrad"),
    *("optuna", "zoopt", "hebo"),
)


CATALOG = load_catalog()


def answered(name: str) -> list[list[FieldError]]:
    """As an algorithm, and as a rule."""
    demands = Demands(NUMBERS)
    return [
        CATALOG.problems(name, {}, demands),
        CATALOG.rule_problems(name, {}, demands, "early_stopping[0]"),
    ]


def names_of_libraries() -> list[str]:
    import hyperopt

    optunas = [*optuna.samplers.__all__, *optuna.pruners.__all__]
    algorithms = ("tpe", "rand", "anneal", "atpe", "mix")
    hyperopts = [one for one in dir(hyperopt) if one in algorithms]
    return [
        *(f"{prefix}{one}" for one in optunas for prefix in ("", "optuna.")),
        *(f"optuna.samplers.{one}" for one in optuna.samplers.__all__),
        *(f"optuna.pruners.{one}" for one in optuna.pruners.__all__),
        *(f"hyperopt.{one}.suggest" for one in hyperopts),
        *RAYS,
        *(f"ray.tune.schedulers.{one}" for one in RAYS if one[0].isupper()),
    ]


@pytest.mark.parametrize("name", names_of_libraries())
def test_each_name_of_a_library_is_accepted_or_refused_with_a_remedy(name: str) -> None:
    for errors in answered(name):
        for error in errors:
            assert "is not an installed" not in error.message
            assert error.remedy
            assert error.field.startswith(
                ("hpo_algorithm.", "early_stopping[0].", "hyperparameters.")
            )


@pytest.mark.parametrize("name", ["optuna.NopPruner", "ray.FIFOScheduler"])
def test_a_rule_that_stops_nothing_is_a_rule(name: str) -> None:
    assert answered(name)[1] == []
    assert load_catalog().rule(name, {}).stops(Curves(LOSS), 0) is None


@pytest.mark.parametrize(
    ("name", "algorithm", "rule"),
    [
        ("FIFO", "ray.FIFOScheduler", "ray.FIFOScheduler"),
        ("NopPruner", "optuna.NopPruner", "optuna.NopPruner"),
        ("ray.HyperBandScheduler", '"hyperband"', '"hyperband"'),
        ("HyperBandForBOHB", '"bohb"', '"bohb"'),
        ("ray.PB2", None, '"hpo_algorithm": "ray.PB2"'),
        ("optuna.samplers.TPESampler", 'write "optuna.TPESampler"', '"optuna.TPESampler"'),
        ("hyperopt.tpe.suggest", 'write "hyperopt.tpe"', '"hyperopt.tpe"'),
        ("median", '"early_stopping": "median"', None),
    ],
)
def test_the_remedy_names_the_equivalent_here(
    name: str, algorithm: str | None, rule: str | None
) -> None:
    for errors, expected in zip(answered(name), (algorithm, rule), strict=True):
        assert [one.field.rpartition(".")[2] for one in errors] == (["name"] if expected else [])
        assert all(expected and expected in one.remedy for one in errors)


@pytest.mark.parametrize(
    ("rule", "settings", "field"),
    [
        ("patience", {"patience": 3, "wrapped_pruner": "mediann"}, "wrapped_pruner.name"),
        ("patience", {"patience": 3, "wrapped_pruner": 7}, "wrapped_pruner"),
        ("patience", {"patience": 3, "wrapped_pruner": {"name": 7}}, "wrapped_pruner.name"),
        (
            "optuna.PatientPruner",
            {
                "patience": 3,
                "wrapped_pruner": {"name": "median", "settings": {"interval_steps": 0}},
            },
            "wrapped_pruner.settings.interval_steps",
        ),
        ("patience", {"patience": -1}, "patience"),
        ("threshold", {}, "lower"),
        ("threshold", {"lower": 2, "upper": 1}, "lower"),
        ("optuna.PercentilePruner", {"percentile": 101}, "percentile"),
        ("wilcoxon", {"p_threshold": 2}, "p_threshold"),
        ("ray.ASHAScheduler", {"grace_period": 20, "max_t": 10}, "grace_period"),
    ],
)
def test_settings_of_a_rule_that_cannot_work_are_refused_at_submit(
    rule: str, settings: dict[str, Any], field: str
) -> None:
    wrong = load_catalog().rule_problems(rule, settings, Demands(), "early_stopping[0]")
    assert [error.field for error in wrong] == [f"early_stopping[0].settings.{field}"]
    assert all(error.message and error.remedy for error in wrong)


def test_a_rule_inside_of_patience_is_accepted() -> None:
    for inner in ("median", {"name": "percentile", "settings": {"percentile": 25.0}}):
        settings = {"patience": 3, "wrapped_pruner": inner}
        assert (
            load_catalog().rule_problems("patience", settings, Demands(), "early_stopping[0]") == []
        )

"""The entries of Ray Tune's searchers, with the arguments of their classes."""

from collections.abc import Mapping
from typing import Any

from algorithms.catalog.entry import Entry, Setting
from algorithms.optuna.checks import sampler_in
from algorithms.optuna.entries import samplers
from tunelet.core.problem import Demands
from tunelet.errors import FieldError
from tunelet.text.messages import one_of, path, shown


def _row(name: str, summary: str, module: str, *settings: Setting, **more: Any) -> Entry:
    return Entry(
        f"ray.{name}",
        summary,
        "algorithms.ray.search:Searcher",
        settings,
        extra=more.pop("extra", "ray"),
        conditions=False,
        integers=False,
        objectives=1,
        bind=(("module", module),),
        **more,
    )


def _wrapped(name: str, summary: str, factory: str, *settings: Setting, **more: Any) -> Entry:
    return Entry(f"ray.{name}", summary, f"algorithms.ray.aliases:{factory}", settings, **more)


_UTILITY = ("kappa", "kind", "xi")
_KINDS = ("ei", "poi", "ucb")


def _utility(settings: Mapping[str, Any], _demands: Demands) -> list[FieldError]:
    given, field = settings.get("utility_kwargs") or {}, "hpo_algorithm.settings.utility_kwargs"
    errors = [
        FieldError(path([name], field), shown(value), "is not an argument", one_of(name, _UTILITY))
        for name, value in given.items()
        if name not in _UTILITY
    ]
    kind = given.get("kind", "ucb")
    if kind not in _KINDS:
        message, remedy = "is not a utility function", one_of(kind, _KINDS)
        errors.append(FieldError(path(["kind"], field), shown(kind), message, remedy))
    return errors


# Not its ensembles of networks: they answer the same call differently each time.
_HEBO_MODELS = ("catboost", "gp", "rf", "svgp", "svidkl")

ROWS = (
    _row(
        "AxSearch",
        "Bayesian optimization with BoTorch (Ax)",
        "ax",
        libraries=("ax", "torch"),
    ),
    _wrapped(
        "BasicVariantGenerator",
        "Independent draws",
        "basic_variant_generator",
        constraints=True,
        warm_start=False,
    ),
    _row(
        "BayesOptSearch",
        "Bayesian optimization with a Gaussian process (bayesian-optimization)",
        "bayesopt",
        Setting("utility_kwargs", "object", None, nullable=True, summary="kind, kappa and xi"),
        Setting(
            "random_search_steps", "integer", 10, minimum=1, summary="trials drawn at random first"
        ),
        libraries=("bayes_opt",),
        check=_utility,
        choices="as numbers",
    ),
    _row(
        "HEBOSearch",
        "Bayesian optimization of a heteroscedastic objective (HEBO)",
        "hebo",
        Setting(
            "model_name", "string", "gp", choices=_HEBO_MODELS, summary="the model of the objective"
        ),
        Setting(
            "rand_sample",
            "integer",
            None,
            nullable=True,
            minimum=2,
            summary="trials before the model is asked; null: one more than hyperparameters",
        ),
        Setting("model_config", "object", None, nullable=True, summary="the model's arguments"),
        libraries=("hebo",),
        extra="hebo",
    ),
    _wrapped(
        "HyperOptSearch",
        "Tree-structured Parzen estimator (Hyperopt)",
        "hyperopt_search",
        Setting(
            "n_initial_points", "integer", 20, minimum=0, summary="trials drawn at random first"
        ),
        Setting(
            "gamma", "number", 0.25, minimum=0, summary="the share of trials that count as good"
        ),
        libraries=("hyperopt",),
        extra="hyperopt",
        objectives=1,
    ),
    _row(
        "NevergradSearch",
        "An optimizer of Nevergrad",
        "nevergrad",
        Setting(
            "optimizer",
            "string",
            None,
            required=True,
            summary="a name of Nevergrad's registry, such as OnePlusOne",
        ),
        Setting(
            "optimizer_kwargs", "object", None, nullable=True, summary="the optimizer's arguments"
        ),
        libraries=("nevergrad",),
    ),
    _wrapped(
        "OptunaSearch",
        "A sampler of Optuna",
        "optuna_search",
        Setting(
            "sampler",
            "any",
            None,
            summary="the class, or its name and settings; null: TPESampler",
        ),
        libraries=("optuna",),
        extra="up",
        constraints=True,
        check=sampler_in("sampler", samplers),
    ),
    _row(
        "TuneBOHB",
        "BOHB's kernel density model (hpbandster)",
        "bohb",
        Setting("bohb_config", "object", None, nullable=True, summary="arguments of BOHB"),
        libraries=("hpbandster", "ConfigSpace"),
    ),
    _row(
        "ZOOptSearch",
        "Sequential randomized coordinate shrinking (ZOOpt)",
        "zoopt",
        Setting(
            "algo",
            "string",
            "asracos",
            choices=("asracos", "sracos"),
            summary="the algorithm's name",
        ),
        libraries=("zoopt",),
    ),
)

"""Names from the libraries that a request may not use, and what to use instead.

Users bring the names of their library: `FIFO`, `optuna.pruners.NopPruner`. The answer gives
Tunelet's name for it, or the reason why Tunelet does not have it. "Unknown" would not help.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Unsupported(NamedTuple):
    why: str
    """Follows the name, so that a refusal reads as a sentence."""
    remedy: str


_PLUGIN = "write a plugin (see 'tunelet docs guides/own_algorithm')"
_ABSTRACT = Unsupported("is abstract", f"name one of its subclasses, or {_PLUGIN}")
_PLUMBING = Unsupported("is a part of Ray's own process", f"name a searcher, or {_PLUGIN}")
_GONE_FROM_RAY = Unsupported(
    "was removed from Ray, and Tunelet does not have it", 'use "tpe", "gp" or "ray.HEBOSearch"'
)
_GONE_FROM_OPTUNA = Unsupported(
    "was removed from Optuna, and Tunelet does not have it", 'use "tpe", "gp" or "cma_es"'
)

UNSUPPORTED: dict[str, Unsupported] = {
    **dict.fromkeys(("optuna.BaseSampler", "optuna.BaseGASampler", "optuna.BasePruner"), _ABSTRACT),
    "optuna.nsgaii": Unsupported(
        "is a module of crossovers", 'use "nsga2" with the setting "crossover"'
    ),
    "optuna.AutoSampler": Unsupported(
        "is not in Optuna but in OptunaHub", 'use "tpe", or "gp" if there are no conditions'
    ),
    **dict.fromkeys(
        ("optuna.BoTorchSampler", "optuna.MOTPESampler", "optuna.PyCmaSampler"), _GONE_FROM_OPTUNA
    ),
    "optuna.SkoptSampler": _GONE_FROM_OPTUNA,
    "hyperopt.MongoTrials": Unsupported(
        "runs trials, and here the service runs them", "set parallel_trials"
    ),
    "hyperopt.SparkTrials": Unsupported(
        "runs trials, and here the service runs them", "set parallel_trials"
    ),
    "hyperopt.no_progress_loss": Unsupported(
        "is a function in the process of fmin", 'write "early_stopping": "plateau"'
    ),
    **dict.fromkeys(("ray.Searcher", "ray.TrialScheduler"), _ABSTRACT),
    **dict.fromkeys(("ray.SearchAlgorithm", "ray.SearchGenerator"), _PLUMBING),
    "ray.ConcurrencyLimiter": Unsupported(
        "limits the trials of one process", "set parallel_trials"
    ),
    "ray.Repeater": Unsupported(
        "runs equal trials to average them, and Tunelet suggests no assignment twice",
        "average over seeds in the training code",
    ),
    "ray.HyperBandScheduler": Unsupported(
        "pauses trials until their bracket is full, and a Job holds its resources while it waits",
        'use "hyperband", in which no trial waits: max_t is its max_resource',
    ),
    "ray.HyperBandForBOHB": Unsupported(
        "pauses trials, in step with TuneBOHB, and a Job holds its resources while it waits",
        'write "hpo_algorithm": "bohb", and no early_stopping',
    ),
    "ray.PopulationBasedTrainingReplay": Unsupported(
        "repeats the schedule of one trial from a file",
        "train along the parents of the best trial",
    ),
    "ray.ResourceChangingScheduler": Unsupported(
        "changes the resources of a running trial, and a Job's are fixed when it starts",
        "set resources in model_training_code",
    ),
    **dict.fromkeys(
        ("ray.BlendSearch", "ray.CFO", "ray.DragonflySearch", "ray.SigOptSearch"), _GONE_FROM_RAY
    ),
    "ray.SkOptSearch": _GONE_FROM_RAY,
}

_SHORT: dict[str, str] = {
    "async_hyperband": "ray.AsyncHyperBandScheduler",
    "asynchyperband": "ray.AsyncHyperBandScheduler",
    "ax": "ray.AxSearch",
    "bayesopt": "ray.BayesOptSearch",
    "fifo": "ray.FIFOScheduler",
    "hb_bohb": "ray.HyperBandForBOHB",
    "hebo": "ray.HEBOSearch",
    "hyperopt": "hyperopt.tpe",
    "median_stopping_rule": "ray.MedianStoppingRule",
    "medianstopping": "ray.MedianStoppingRule",
    "nevergrad": "ray.NevergradSearch",
    "optuna": "optuna.TPESampler",
    "pbt_replay": "ray.PopulationBasedTrainingReplay",
    "random": "random_search",
    "resource_changing": "ray.ResourceChangingScheduler",
    "variant_generator": "ray.BasicVariantGenerator",
    "zoopt": "ray.ZOOptSearch",
}
"""The short names that Ray Tune's `create_searcher` and `create_scheduler` accept."""

_LIBRARIES = ("optuna", "ray", "hyperopt")


def meant(name: str, known: Iterable[str]) -> str | None:
    """Return the name in `known` or `UNSUPPORTED` that a library's name means; None if none does.

    Modules in the name and upper or lower case do not matter.
    """
    here = {one.lower(): one for one in (*known, *UNSUPPORTED)}
    first, *rest = name.lower().split(".")
    # In `hyperopt.tpe.suggest` the module has the algorithm's name.
    last = rest[-2] if len(rest) > 1 and rest[-1] == "suggest" else (rest or [first])[-1]
    libraries = (first,) if first in _LIBRARIES and rest else _LIBRARIES if not rest else ()
    if last in _SHORT and (not rest or first in _LIBRARIES):
        return _SHORT[last]
    return next((here[f"{one}.{last}"] for one in libraries if f"{one}.{last}" in here), None)

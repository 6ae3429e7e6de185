"""The entries of the stopping rules in algorithms/stopping."""

from typing import Any

from msgspec.structs import replace

from algorithms.catalog.entry import Entry, Setting
from algorithms.stopping import checks

_STARTUP = Setting(
    "n_startup_trials",
    "integer",
    5,
    minimum=0,
    summary="trials that must be complete before one is stopped",
)
_WARMUP = Setting(
    "n_warmup_steps", "integer", 0, minimum=0, summary="no trial is stopped before this step"
)
_INTERVAL = Setting(
    "interval_steps", "integer", 1, minimum=1, summary="steps between two looks at a trial"
)
_LEAST = Setting(
    "n_min_trials", "integer", 1, minimum=1, summary="the fewest values at the step to compare with"
)
_DELTA = Setting(
    "min_delta", "number", 0.0, minimum=0, summary="the least change that counts as an improvement"
)


_FACTOR = Setting(
    "reduction_factor",
    "integer",
    4,
    minimum=2,
    summary="one in this many trials continues from each rung",
)
_BOOTSTRAP = Setting(
    "bootstrap_count",
    "integer",
    0,
    minimum=0,
    summary="trials that a rung stops before it lets any pass",
)
_MEDIAN = (_STARTUP, _WARMUP, _INTERVAL, _LEAST)
_PERCENTILE = (
    Setting(
        "percentile",
        "number",
        None,
        minimum=0,
        maximum=100,
        required=True,
        summary="the percentage of trials that continue, 0 to 100",
    ),
    *_MEDIAN,
)
_THRESHOLD = (
    Setting("lower", "number", None, nullable=True, summary="the lowest value that may continue"),
    Setting("upper", "number", None, nullable=True, summary="the highest value that may continue"),
    _WARMUP,
    _INTERVAL,
)
_PATIENCE = (
    Setting(
        "patience",
        "integer",
        None,
        minimum=0,
        required=True,
        summary="reports without improvement after which the next one stops the trial",
    ),
    _DELTA,
    Setting(
        "wrapped_pruner",
        "any",
        None,
        summary="a rule that must agree to a stop: its name, or name and settings",
    ),
)
_HALVING = (
    Setting(
        "min_resource", "any", "auto", summary='the first rung\'s step, or "auto": from trial 1 on'
    ),
    _FACTOR,
    Setting(
        "min_early_stopping_rate", "integer", 0, minimum=0, summary="the number of rungs to skip"
    ),
    _BOOTSTRAP,
)
_HYPERBAND = (
    Setting("min_resource", "integer", 1, minimum=1, summary="the first rung's step"),
    Setting("max_resource", "any", "auto", summary='a whole trial\'s last step, or "auto"'),
    replace(_FACTOR, default=3),
    _BOOTSTRAP,
)
_WILCOXON = (
    Setting(
        "p_threshold",
        "number",
        0.1,
        minimum=0,
        maximum=1,
        summary="the p-value below which to stop",
    ),
    Setting("n_startup_steps", "integer", 2, minimum=0, summary="the fewest steps before a stop"),
)
_ASYNC_HYPERBAND = (
    Setting("max_t", "integer", 100, minimum=1, summary="the last step of any trial"),
    Setting(
        "grace_period", "integer", 1, minimum=1, summary="no trial is stopped before this step"
    ),
    Setting(
        "reduction_factor",
        "number",
        4,
        minimum=1,
        summary="one in this many trials continues from each milestone",
    ),
    Setting(
        "brackets",
        "integer",
        1,
        minimum=1,
        summary="the number of brackets, each beginning a milestone later",
    ),
    Setting("stop_last_trials", "boolean", True, summary="also judge after the last milestone"),
)
_MEANS = (
    Setting(
        "grace_period", "number", 60.0, minimum=0, summary="no trial is stopped before this step"
    ),
    Setting(
        "min_samples_required", "integer", 3, minimum=0, summary="the fewest trials to compare with"
    ),
)


def _row(name: str, summary: str, target: str, settings: tuple[Setting, ...], **more: Any) -> Entry:
    target = f"algorithms.stopping.{target}"
    return Entry(name, summary, target, settings, objectives=1, constraints=True, **more)


_SCIPY: dict[str, Any] = {"libraries": ("scipy",), "extra": "optuna"}

ROWS = (
    _row(
        "asha",
        "Stops trials that are not among the best when they reach a rung",
        "halving:SuccessiveHalving",
        _HALVING,
        fidelity=True,
    ),
    _row(
        "hyperband",
        "Successive halving in brackets that begin at different rungs",
        "halving:Hyperband",
        _HYPERBAND,
        fidelity=True,
    ),
    _row(
        "median",
        "Stops trials that are worse than the median of the others at the same step",
        "rules:Median",
        _MEDIAN,
    ),
    _row(
        "patience",
        "Stops a trial if its last patience + 1 reports brought no gain",
        "rules:Patience",
        _PATIENCE,
        check=checks.wrapped,
    ),
    _row(
        "percentile",
        "Stops trials outside the best percentage at the same step",
        "rules:Percentile",
        _PERCENTILE,
    ),
    _row(
        "plateau",
        "Ends the experiment when trials bring no further improvement",
        "rules:Plateau",
        (
            Setting(
                "patience",
                "integer",
                20,
                minimum=1,
                summary="ended trials without improvement before the end",
            ),
            _DELTA,
        ),
    ),
    _row(
        "successive_halving",
        "Stops trials that are not among the best when they reach a rung",
        "halving:SuccessiveHalving",
        _HALVING,
        fidelity=True,
    ),
    _row(
        "threshold",
        "Stops a trial if its newest value is NaN or beyond a bound",
        "rules:Threshold",
        _THRESHOLD,
        check=checks.bounded,
    ),
    _row(
        "wilcoxon",
        "Stops trials that a signed-rank test finds worse than the best one",
        "wilcoxon:Wilcoxon",
        _WILCOXON,
        **_SCIPY,
    ),
    _row("optuna.HyperbandPruner", "As hyperband", "halving:Hyperband", _HYPERBAND, fidelity=True),
    _row("optuna.MedianPruner", "As median", "rules:Median", _MEDIAN),
    _row("optuna.NopPruner", "Stops nothing", "rules:Never", ()),
    _row("optuna.PatientPruner", "As patience", "rules:Patience", _PATIENCE, check=checks.wrapped),
    _row(
        "optuna.PercentilePruner",
        "As percentile",
        "rules:Percentile",
        _PERCENTILE,
    ),
    _row(
        "optuna.SuccessiveHalvingPruner",
        "As asha",
        "halving:SuccessiveHalving",
        _HALVING,
        fidelity=True,
    ),
    _row(
        "optuna.ThresholdPruner",
        "As threshold",
        "rules:Threshold",
        _THRESHOLD,
        check=checks.bounded,
    ),
    _row("optuna.WilcoxonPruner", "As wilcoxon", "wilcoxon:Wilcoxon", _WILCOXON, **_SCIPY),
    _row(
        "ray.ASHAScheduler",
        "Stops trials below a quantile at milestones",
        "ray:AsyncHyperBand",
        _ASYNC_HYPERBAND,
        check=checks.graced,
        fidelity=True,
    ),
    _row(
        "ray.AsyncHyperBandScheduler",
        "Stops trials below a quantile at milestones",
        "ray:AsyncHyperBand",
        _ASYNC_HYPERBAND,
        check=checks.graced,
        fidelity=True,
    ),
    _row("ray.FIFOScheduler", "Stops nothing", "rules:Never", ()),
    _row(
        "ray.MedianStoppingRule",
        "Stops a trial if its best is worse than the median of the others' means",
        "ray:MedianOfMeans",
        _MEANS,
    ),
)

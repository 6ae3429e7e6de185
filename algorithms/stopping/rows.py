"""The stopping rules of algorithms/stopping."""

from algorithms.row import Row, Setting

_STARTUP = Setting(
    "n_startup_trials",
    "integer",
    5,
    minimum=0,
    summary="so many trials must be complete before one is stopped",
)
_WARMUP = Setting(
    "n_warmup_steps", "integer", 0, minimum=0, summary="no trial is stopped before this step"
)
_INTERVAL = Setting(
    "interval_steps", "integer", 1, minimum=1, summary="looks at a trial once in so many steps"
)
_LEAST = Setting(
    "n_min_trials", "integer", 1, minimum=1, summary="values at the step to compare with, at least"
)
_DELTA = Setting("min_delta", "number", 0.0, minimum=0, summary="less is no improvement")


def _row(name: str, summary: str, factory: str, *settings: Setting) -> Row:
    target = f"algorithms.stopping.rules:{factory}"
    return Row(name, summary, target, settings, objectives=1, constraints=True)


ROWS = (
    _row(
        "median",
        "Stops trials that are worse than the median of the others at the same step",
        "Median",
        *(_STARTUP, _WARMUP, _INTERVAL, _LEAST),
    ),
    _row(
        "patience",
        "Stops trials that no longer improve",
        "Patience",
        Setting("patience", "integer", None, minimum=0, required=True, summary="reports to wait"),
        _DELTA,
    ),
    _row(
        "percentile",
        "Stops trials that are not among the best percent at the same step",
        "Percentile",
        Setting(
            "percentile", "number", None, minimum=0, required=True, summary="from 0 to 100: kept"
        ),
        *(_STARTUP, _WARMUP, _INTERVAL, _LEAST),
    ),
    _row(
        "plateau",
        "Ends the experiment when trial after trial brings nothing better",
        "Plateau",
        Setting("patience", "integer", 20, minimum=1, summary="ended trials to wait"),
        _DELTA,
    ),
    _row(
        "threshold",
        "Stops trials whose newest value is NaN or beyond a bound",
        "Threshold",
        Setting("lower", "number", None, nullable=True, summary="the least that goes on"),
        Setting("upper", "number", None, nullable=True, summary="the most that goes on"),
        *(_WARMUP, _INTERVAL),
    ),
)

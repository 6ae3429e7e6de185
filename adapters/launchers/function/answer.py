"""What a call of an objective means: its answer, or the exception that it raised."""

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.launchers.function.objective_values import reason_of, tail_of, wrong_metrics
from tunelet.core.trial import Outcome, Verdict, plain
from tunelet.errors import TrialPruned

METRIC = "objective"
"""The metric of a function that returns a number."""
_PRUNED = "the function raised TrialPruned"

Objective = Callable[..., Any]


def outcome_of(call: Callable[[], Any], objectives: Sequence[str]) -> Outcome:
    """Return how a call of an objective ended. A call in another process returns its outcome."""
    try:
        answer = call()
        return answer if isinstance(answer, Outcome) else _measured(answer, objectives)
    except BaseException as fault:  # noqa: BLE001 (even SystemExit ends only this trial)
        text = _text(fault)
        if _prunes(fault):
            return Outcome(Verdict.PRUNED, reason=reason_of(text or _PRUNED))
        reason = reason_of(f"the function raised {type(fault).__name__}: {text}")
        return Outcome(Verdict.FAIL, reason=reason, log_tail=tail_of(traceback.format_exc()))


def _text(fault: BaseException) -> str:
    try:
        return str(fault)
    except BaseException:  # noqa: BLE001 (code of the user's, too)
        return "its text cannot be shown"


def _prunes(fault: BaseException) -> bool:
    """Whether it is `tunelet.TrialPruned` or Optuna's; without importing Optuna."""
    kinds = type(fault).__mro__
    optuna = ("optuna.exceptions", "TrialPruned")
    return isinstance(fault, TrialPruned) or optuna in [(k.__module__, k.__name__) for k in kinds]


def _measured(answer: Any, objectives: Sequence[str]) -> Outcome:
    if isinstance(answer, tuple | list):
        values: Mapping[str, Any] = {f"{METRIC}_{i}": each for i, each in enumerate(answer)}
    else:
        values = answer if isinstance(answer, Mapping) else {METRIC: answer}
    wrong = [name for name, value in values.items() if not _is_number(value)]
    if wrong or not values.keys() >= set(objectives):
        reason = f"the function returned {repr(answer)[:100]}, {_remedy(wrong, objectives)}"
        return Outcome(Verdict.FAIL, reason=reason_of(reason))
    if (why := wrong_metrics(values)) is not None:
        return Outcome(Verdict.FAIL, reason=f"the function returned {why}")
    return Outcome(Verdict.COMPLETE, {str(k): plain(float(v)) for k, v in values.items()})


def _remedy(wrong: Sequence[object], objectives: Sequence[str]) -> str:
    if wrong:
        return "which is not a number"
    if list(objectives) == [METRIC]:
        return f"without {METRIC!r}: return a number, or a dict with the key {METRIC!r}"
    return f"but there are {len(objectives)} directions: return as many numbers"


def _is_number(value: Any) -> bool:
    """Whether `float` accepts the value, as it does scalars of NumPy or PyTorch; not text."""
    if isinstance(value, str | bytes | bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def takes_two(objective: Objective) -> bool:
    """Whether the objective takes its trial, too, as a second positional parameter."""
    try:
        parameters = list(inspect.signature(objective).parameters.values())
    except (TypeError, ValueError):
        return False
    positional = [
        each
        for each in parameters
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        and each.default is each.empty
    ]
    return len(positional) > 1

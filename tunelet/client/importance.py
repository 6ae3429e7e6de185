"""How much each hyperparameter matters for an objective's best values.

PED-ANOVA: the variance over one hyperparameter of the density of the best trials, relative to the
density of all (Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter
Importance in Arbitrary Subspaces", IJCAI 2023). Densities are histograms here. It needs no model
and no library, and takes time in proportion to the trials.
"""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from tunelet.client.trial import Trial

Json = dict[str, Any]

BEST_SHARE = 0.1
"""The share of the completed trials that count as the best ones, but at least `_FEWEST`."""
_FEWEST = 3
_BINS = 12
"""Intervals of a number's range, or of its logarithm's."""
_ABSENT = "absent"
"""The bin of trials in which a hyperparameter is not active."""


def importances(trials: Sequence[Trial], forms: Mapping[str, Json], objective: Json) -> Json:
    """Return each hyperparameter's share of the importance, largest first; the sum is 1.

    Empty if fewer than twice `_FEWEST` trials have completed, or if none matters.
    """
    metric = objective["metric"]
    known = [t for t in trials if t.state == "COMPLETE" and _finite(t.values.get(metric))]
    if len(known) < 2 * _FEWEST:
        return {}
    sign = 1 if objective["direction"] == "minimize" else -1
    known.sort(key=lambda trial: sign * trial.values[metric])
    best = known[: max(_FEWEST, round(BEST_SHARE * len(known)))]
    raw = {name: _divergence(best, known, name, form) for name, form in forms.items()}
    total = sum(raw.values())
    if total <= 0:
        return {}
    return {n: v / total for n, v in sorted(raw.items(), key=lambda each: -each[1])}


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _divergence(best: Sequence[Trial], known: Sequence[Trial], name: str, form: Json) -> float:
    """Return Pearson's divergence of the best trials' histogram from that of all.

    What as many trials drawn at random would show on average is subtracted: (bins - 1) / best.
    """
    every = Counter(_bin(trial, name, form) for trial in known)
    good = Counter(_bin(trial, name, form) for trial in best)
    found = sum(
        (good[each] / len(best) / (count / len(known)) - 1) ** 2 * count / len(known)
        for each, count in every.items()
    )
    return max(0.0, found - (len(every) - 1) * (1 / len(best) - 1 / len(known)))


def _bin(trial: Trial, name: str, form: Json) -> Hashable:
    if name not in trial.hyperparameters:
        return _ABSENT
    value = trial.hyperparameters[name]
    if form["type"] == "categorical":
        return type(value).__name__, value
    low, high = bounds(form)
    if logarithmic(form):
        low, high, value = math.log(low), math.log(high), math.log(max(float(value or 0), low))
    share = (float(value or 0) - low) / (high - low) if high > low else 0.0
    return min(_BINS - 1, max(0, int(share * _BINS)))


def bounds(form: Json) -> tuple[float, float]:
    """Return the bounds of a number; of a normal one, three deviations around its mean."""
    if "min" in form:
        return form["min"], form["max"]
    return form["mean"] - 3 * form["std"], form["mean"] + 3 * form["std"]


def logarithmic(form: Json) -> bool:
    """Whether a number's range is to be seen on a logarithmic axis."""
    return (bool(form.get("log")) or form.get("scale") == "log") and bounds(form)[0] > 0

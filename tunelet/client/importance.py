"""How much each hyperparameter matters for an objective's best values.

PED-ANOVA: the variance over one hyperparameter of the density of the best trials, relative to the
density of all (Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter
Importance in Arbitrary Subspaces", IJCAI 2023). It needs no model and no library, and takes time in
proportion to the trials. `page/src/data/importance.ts` computes the same.
"""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from tunelet.client.trial import Trial

Json = dict[str, Any]
Counts = Mapping[Hashable, float]

_ENOUGH = 12
"""If a tenth of all trials is less than this, up to a quarter of them count as the best."""
_FEWEST = 3
"""The fewest trials that count as the best."""
_BINS = 24
"""Intervals of a number's range, or of its logarithm's."""
_ABSENT = "absent"
"""The bin of trials in which a hyperparameter is not active."""


def importances(trials: Sequence[Trial], forms: Mapping[str, Json], objective: Json) -> Json:
    """Return each hyperparameter's share of the importance, largest first; the sum is 1.

    Empty if fewer than twice `_FEWEST` trials have completed, if all have the same value, or if
    none matters.
    """
    metric = objective["metric"]
    known = [t for t in trials if t.state == "COMPLETE" and _finite(t.values.get(metric))]
    if len(known) < 2 * _FEWEST:
        return {}
    sign = 1 if objective["direction"] == "minimize" else -1
    known.sort(key=lambda trial: sign * trial.values[metric])
    if known[0].values[metric] == known[-1].values[metric]:
        return {}
    best = _best(len(known))
    bins = {name: [_bin(trial, name, form) for trial in known] for name, form in forms.items()}
    raw = {name: _divergence(bins[name], best, form) for name, form in forms.items()}
    total = sum(raw.values())
    if total <= 0:
        return {}
    return {n: v / total for n, v in sorted(raw.items(), key=lambda each: -each[1])}


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _best(count: int) -> int:
    """Return how many of the trials count as the best."""
    return max(_FEWEST, min(_ENOUGH, count // 4), count // 10)


def _divergence(bins: Sequence[Hashable], best: int, form: Json) -> float:
    """Return Pearson's divergence of the density of the first `best` bins from that of all.

    `prior` trials are added, evenly over the bins: a bin with few trials proves little.
    """
    every: Counts = Counter(bins)
    good: Counts = Counter(bins[:best])
    prior = float(len(every))
    if form["type"] != "categorical":
        bandwidth = _bandwidth(good)
        every, good, prior = _smooth(every, bandwidth), _smooth(good, bandwidth), 1.0
    added, found = prior / len(every), 0.0
    for each, count in every.items():
        of_all = (count + added) / (len(bins) + prior)
        of_best = (good.get(each, 0) + added) / (best + prior)
        found += (of_best / of_all - 1) ** 2 * of_all
    return found


def _bandwidth(counts: Counts) -> float:
    """Return the bandwidth of Scott's rule for the numbers that are counted, in bins."""
    numbers = {each: count for each, count in counts.items() if isinstance(each, int)}
    total = sum(numbers.values())
    if not total:
        return 0.5
    mean = sum(each * count for each, count in numbers.items()) / total
    variance = sum((each - mean) ** 2 * count for each, count in numbers.items()) / total
    return max(0.5, 1.059 * math.sqrt(variance) * math.pow(total, -0.2))


def _smooth(counts: Counts, bandwidth: float) -> Counts:
    """Spread each count of a number over all bins by a normal distribution around its own."""
    smooth: dict[Hashable, float] = dict.fromkeys(range(_BINS), 0.0)
    for each, count in counts.items():
        if not isinstance(each, int):
            smooth[each] = count
            continue
        near = [math.exp(-(((other - each) / bandwidth) ** 2) / 2) for other in range(_BINS)]
        whole = sum(near)
        for other, part in enumerate(near):
            smooth[other] += count * part / whole
    return smooth


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
    """Return the bounds of a number; of a normal one, three deviations around its mean.

    The mean and the deviation of a lognormal one are those of its logarithm.
    """
    if "min" in form:
        return form["min"], form["max"]
    low, high = form["mean"] - 3 * form["std"], form["mean"] + 3 * form["std"]
    return (math.exp(low), math.exp(high)) if form["type"] == "lognormal" else (low, high)


def logarithmic(form: Json) -> bool:
    """Whether a number's range is to be seen on a logarithmic axis."""
    if form["type"] == "lognormal":
        return "step" not in form and bounds(form)[0] > 0  # a multiple of a step may be 0
    return (bool(form.get("log")) or form.get("scale") == "log") and bounds(form)[0] > 0

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
"""Best trials: a tenth of all, but at least these, though at most a quarter. Few show little."""
_FEWEST = 3
_BINS = 24
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
    best = _best(len(known))
    raw = {
        n: _divergence([_bin(t, n, form) for t in known], best, form) for n, form in forms.items()
    }
    total = sum(raw.values())
    if total <= 0:
        return {}
    return {n: v / total for n, v in sorted(raw.items(), key=lambda each: -each[1])}


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _best(count: int) -> int:
    """How many of the trials are the best ones."""
    return max(_FEWEST, min(_ENOUGH, count // 4), count // 10)


def _divergence(bins: Sequence[Hashable], best: int, form: Json) -> float:
    """Return Pearson's divergence of the density of the first `best` bins from that of all."""
    every: Counts = Counter(bins)
    good: Counts = Counter(bins[:best])
    # As if some more trials were spread evenly: a bin that few have seen proves little.
    more = float(len(every))
    if form["type"] != "categorical":
        width = _width(good)
        every, good, more = _smooth(every, width), _smooth(good, width), 1.0
    each_more, found = more / len(every), 0.0
    for each, count in every.items():
        usual = (count + each_more) / (len(bins) + more)
        found += ((good.get(each, 0) + each_more) / (best + more) / usual - 1) ** 2 * usual
    return found


def _width(counts: Counts) -> float:
    """Return the width of Scott's rule for the numbers that are counted, in bins."""
    numbers = {each: count for each, count in counts.items() if isinstance(each, int)}
    total = sum(numbers.values())
    if not total:
        return 0.5
    mean = sum(each * count for each, count in numbers.items()) / total
    variance = sum((each - mean) ** 2 * count for each, count in numbers.items()) / total
    return max(0.5, 1.059 * math.sqrt(variance) * math.pow(total, -0.2))


def _smooth(counts: Counts, width: float) -> Counts:
    """Spread each count of a number over the bins near it, as a normal distribution does."""
    smooth: dict[Hashable, float] = dict.fromkeys(range(_BINS), 0.0)
    for each, count in counts.items():
        if not isinstance(each, int):
            smooth[each] = count
            continue
        near = [math.exp(-(((other - each) / width) ** 2) / 2) for other in range(_BINS)]
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
    """Return the bounds of a number; of a normal one, three deviations around its mean."""
    if "min" in form:
        return form["min"], form["max"]
    return form["mean"] - 3 * form["std"], form["mean"] + 3 * form["std"]


def logarithmic(form: Json) -> bool:
    """Whether a number's range is to be seen on a logarithmic axis."""
    return (bool(form.get("log")) or form.get("scale") == "log") and bounds(form)[0] > 0

"""The figures of a benchmark, and their form for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Union

Figures = Mapping[str, Union[float, "Figures"]]


def line(figures: Figures) -> str:
    """Return the figures as one JSON object on one line, with four digits after the point."""
    return json.dumps(_rounded(figures))


def _rounded(figures: Figures) -> dict[str, object]:
    return {
        name: _rounded(value) if isinstance(value, Mapping) else round(value, 4)
        for name, value in figures.items()
    }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the percentile of the values by nearest rank, `share` from 0 to 1; 0 if empty."""
    if not values:
        return 0.0
    rank = -int(-share * len(values) // 1)
    return sorted(values)[max(rank, 1) - 1]

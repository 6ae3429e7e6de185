"""What a benchmark found, as it is printed for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Union

Figures = Mapping[str, Union[float, "Figures"]]


def line(figures: Figures) -> str:
    """One JSON object on one line, with four digits behind the point."""
    return json.dumps(_rounded(figures))


def _rounded(figures: Figures) -> dict[str, object]:
    return {
        name: _rounded(value) if isinstance(value, Mapping) else round(value, 4)
        for name, value in figures.items()
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by `share` of them (nearest rank); 0 of none."""
    if not values:
        return 0.0
    rank = -int(-share * len(values) // 1)
    return sorted(values)[max(rank, 1) - 1]

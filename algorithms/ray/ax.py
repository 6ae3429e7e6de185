"""Bayesian optimization with BoTorch: the library Ax."""

import logging
from collections.abc import Sequence
from typing import Any

from algorithms.ray.search import History
from algorithms.ray.unit_cube import Point

CHOICES = True


def propose(known: History, **ax_kwargs: Any) -> Sequence[float] | None:
    """Return the next point; None if Ax knows a trial of each of few points.

    The arguments are AxClient's. Ax itself models pending trials.
    """
    from ax.exceptions.core import SearchSpaceExhausted
    from ax.service.ax_client import AxClient, ObjectiveProperties

    logging.getLogger("ax").setLevel(logging.WARNING)
    client = AxClient(
        random_seed=known.seed,
        verbose_logging=False,
        **{"enforce_sequential_optimization": False} | ax_kwargs,
    )
    client.create_experiment(
        name="tunelet",
        parameters=[_parameter(place, axis.choices) for place, axis in enumerate(known.cube.axes)],
        objectives={"loss": ObjectiveProperties(minimize=True)},
    )
    for point, loss in known.ended:
        _, index = client.attach_trial(_values(known, point))
        client.complete_trial(index, raw_data={"loss": (loss, 0.0)})
    for point in known.pending:
        client.attach_trial(_values(known, point))
    try:
        found, _ = client.get_next_trial()
    except SearchSpaceExhausted:
        return None
    return [float(str(found[f"x{place}"])) for place in range(len(known.cube.axes))]


def _parameter(place: int, choices: int | None) -> dict[str, Any]:
    if choices is None:
        return {"name": f"x{place}", "type": "range", "bounds": [0.0, 1.0], "value_type": "float"}
    if choices == 1:
        return {"name": f"x{place}", "type": "fixed", "value": "0", "value_type": "str"}
    return {
        "name": f"x{place}",
        "type": "choice",
        "values": [str(place) for place in range(choices)],
        "value_type": "str",
        "is_ordered": False,
        "sort_values": False,
    }


def _values(known: History, point: Point) -> dict[str, float | str]:
    return {
        f"x{place}": value if axis.choices is None else str(int(value))
        for place, (axis, value) in enumerate(zip(known.cube.axes, point, strict=True))
    }

"""Nevergrad's optimizers by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from algorithms.ray.search import History

CHOICES = True


def propose(
    known: History, optimizer: str, optimizer_kwargs: Mapping[str, Any] | None = None
) -> Sequence[float]:
    """Return the next point. `optimizer` is a name in Nevergrad's registry.

    Raises `ValueError` for any other name.
    """
    import nevergrad

    if optimizer not in nevergrad.optimizers.registry:
        raise ValueError(f"optimizer is {optimizer!r}, which is not in Nevergrad's registry")
    names = [axis.name for axis in known.cube.axes]
    space = nevergrad.p.Dict(
        **{
            axis.name: nevergrad.p.Scalar(lower=0.0, upper=1.0)
            if axis.choices is None
            else nevergrad.p.Choice(list(range(axis.choices)))
            for axis in known.cube.axes
        }
    )
    space.random_state.seed(known.seed)
    budget = {"budget": known.problem.budget or 100, "num_workers": known.problem.parallel}
    made = nevergrad.optimizers.registry[optimizer](space, **budget | dict(optimizer_kwargs or {}))
    for point, loss in known.with_lies():
        values = dict(zip(names, known.cube.whole(point), strict=True))
        made.tell(space.spawn_child(new_value=values), loss)
    # Optimizers read this count: some suggest the middle of the space first.
    made._num_ask = len(known.ended) + len(known.pending)
    found = made.ask().value
    return [float(found[name]) for name in names]

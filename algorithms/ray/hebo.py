"""Heteroscedastic evolutionary Bayesian optimization (Cowen-Rivers et al., JAIR 2022): HEBO."""

import warnings
from collections.abc import Sequence
from typing import Any

from algorithms.novelty import generator
from algorithms.ray.search import History

CHOICES = True


def propose(known: History, **hebo_config: Any) -> Sequence[float]:
    """Return the next point. The arguments are those of the library's HEBO."""
    import numpy
    import pandas
    import torch
    from hebo.design_space.design_space import DesignSpace
    from hebo.optimizers.hebo import HEBO

    torch.manual_seed(known.seed)
    names = [f"x{place:06}" for place in range(len(known.cube.axes))]
    space = DesignSpace().parse(
        [
            {"name": name, "type": "num", "lb": 0.0, "ub": 1.0}
            if axis.choices is None
            else {"name": name, "type": "cat", "categories": list(range(axis.choices))}
            for name, axis in zip(names, known.cube.axes, strict=True)
        ]
    )
    # The first trials are points of one Sobol sequence.
    sequence = generator(known.problem.seed, 0, "hebo").getrandbits(31)
    optimizer = HEBO(space, scramble_seed=sequence, **hebo_config)
    observed = known.with_lies()
    optimizer.sobol.fast_forward(len(observed))
    points = [dict(zip(names, known.cube.whole(point), strict=True)) for point, _ in observed]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        losses = numpy.array([[loss] for _, loss in observed])
        optimizer.observe(pandas.DataFrame(points), losses)
        (found,) = optimizer.suggest(1).to_dict("records")
    return [float(found[name]) for name in names]

"""Sequential randomized coordinate shrinking (Hu, Qian and Yu, AAAI 2017): the library ZOOpt."""

from collections.abc import Sequence
from typing import Any

from algorithms.ray.search import History

CHOICES = True
_PRECISION = 1e-10


def propose(known: History, algo: str = "asracos", parallel_num: int = 1) -> Sequence[float] | None:
    """Return the next point; None: draw it from the prior.

    `algo` is "asracos" or "sracos", which differ only in how Ray runs them; raises `ValueError`
    for any other.
    """
    import zoopt
    from zoopt.algos.opt_algorithms.racos.sracos import SRacosTune

    if algo.lower() not in ("asracos", "sracos"):
        raise ValueError(f'algo is {algo!r}; use "asracos" or "sracos"')
    kind = zoopt.ValueType
    dimension = zoopt.Dimension2(
        [
            (kind.CONTINUOUS, [0.0, 1.0], _PRECISION)
            if axis.choices is None
            else (kind.GRID, list(range(axis.choices)))
            for axis in known.cube.axes
        ]
    )
    parameter = zoopt.Parameter(budget=max(known.problem.budget or 100, 2), seed=known.seed)
    optimizer: Any = SRacosTune(dimension=dimension, parameter=parameter, parallel_num=parallel_num)
    # The library refuses equal points; the best of them counts.
    observed = dict(sorted(known.with_lies(), key=lambda one: -one[1]))
    if len(observed) < parameter.get_train_size():
        return None  # the library's initial samples are draws from the prior
    for point, loss in observed.items():
        optimizer.live_num += 1
        optimizer.complete(zoopt.Solution(x=known.cube.whole(point)), loss)
    # The initial samples are done, and no sample of the library's own is pending.
    optimizer.init_num, optimizer.live_num = parameter.get_train_size() + 1, 0
    found = optimizer.suggest()
    return None if found is None or found == "FINISHED" else [float(one) for one in found.get_x()]

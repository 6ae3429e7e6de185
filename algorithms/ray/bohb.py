"""BOHB's model, kernel densities of good and bad trials (Falkner et al., ICML 2018): hpbandster."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from algorithms.ray.search import History

CHOICES = True


class _Job(NamedTuple):
    """The attributes of a job that the library reads."""

    kwargs: dict[str, Any]
    result: dict[str, float]
    exception: None = None


def propose(known: History, bohb_config: Mapping[str, Any] | None = None) -> Sequence[float]:
    """Return the next point. `bohb_config` has the arguments of hpbandster's BOHB."""
    import ConfigSpace
    from hpbandster.optimizers.config_generators.bohb import BOHB

    space = ConfigSpace.ConfigurationSpace(seed=known.seed)
    names = [f"x{place:06}" for place in range(len(known.cube.axes))]
    for name, axis in zip(names, known.cube.axes, strict=True):
        space.add(
            ConfigSpace.UniformFloatHyperparameter(name, 0.0, 1.0)
            if axis.choices is None
            else ConfigSpace.CategoricalHyperparameter(name, list(range(axis.choices)))
        )
    model = BOHB(space, **dict(bohb_config or {}))
    jobs = []
    for point, loss in known.with_lies():
        config = dict(zip(names, known.cube.whole(point), strict=True))
        jobs.append(_Job({"budget": 1.0, "config": config}, {"loss": loss}))
    for place, job in enumerate(jobs):
        model.new_result(job, update_model=place + 1 == len(jobs))
    found, _ = model.get_config(1.0)
    return [float(found[name]) for name in names]

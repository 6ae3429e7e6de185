"""When a rule that judges at certain steps only is due."""

from tunelet.curves import Curve


def due(curve: Curve, warmup: int, interval: int) -> bool:
    """Whether the newest report is the first since a multiple of `interval` after `warmup`."""
    if not curve.steps or curve.steps[-1] < warmup:
        return False
    since = (curve.steps[-1] - warmup) // interval * interval + warmup
    return len(curve.steps) < 2 or curve.steps[-2] < since

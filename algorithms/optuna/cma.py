"""Optuna's CmaEsSampler, whose state may stand in a log.

The library cmaes begins its record of values with memory that was never written: what the process
happened to have there, which is nobody's business and never the same.
"""

from typing import Any

from optuna.samplers import CmaEsSampler


class CmaEs(CmaEsSampler):
    """As CmaEsSampler; what it never wrote is zero. It is not read before it is written."""

    def _init_optimizer(self, *args: Any, **options: Any) -> Any:
        optimizer = super()._init_optimizer(*args, **options)
        getattr(optimizer, "_cma", optimizer)._funhist_values[:] = 0.0
        return optimizer

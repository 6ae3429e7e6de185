"""Optuna's CmaEsSampler with a state that is safe to store in a log.

The library cmaes creates its record of values from uninitialized memory. Its content is arbitrary
data of the process: it must not get into a log, and it differs each time.
"""

from typing import Any

from optuna.samplers import CmaEsSampler


class CmaEs(CmaEsSampler):
    """CmaEsSampler with its record of values set to zero, which it writes before it reads."""

    def _init_optimizer(self, *args: Any, **options: Any) -> Any:
        optimizer = super()._init_optimizer(*args, **options)
        getattr(optimizer, "_cma", optimizer)._funhist_values[:] = 0.0
        return optimizer

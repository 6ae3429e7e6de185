"""`tune`: search the hyperparameters of a Python function, in this process."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Json = dict[str, Any]


class Tuned(NamedTuple):
    """What a search has found."""

    name: str
    """Of the experiment: `tune` with the same name takes it up again."""
    best_params: Json | None
    """The hyperparameters of the best trial; None if none completed."""
    best_value: float | None
    trials: list[Json]
    """All of them, as the service shows trials."""
    experiment: Json
    """As the service shows it."""


def tune(
    objective: Callable[..., Any],
    space: Any,
    *,
    trials: int = 50,
    parallel: int = 1,
    algorithm: str | Mapping[str, Any] = "tpe",
    direction: str = "minimize",
    name: str | None = None,
    store: str | None = None,
    seed: int | None = None,
    timeout: float | None = None,
    early_stopping: str | Sequence[Any] | None = None,
    progress: Callable[[Json], object] | None = None,
) -> Tuned:
    """Search the hyperparameters for which `objective` is smallest, or largest.

        from tunelet import tune

        found = tune(lambda p: (p["x"] - 2) ** 2, {"x": {"type": "float", "min": -5, "max": 5}})
        found.best_params

    `objective(params)` gets a dict and returns a number, or a dict of numbers with "objective"
    among them. One that takes a second argument gets its trial, with `report(value, step)` and
    `should_prune()`. It is called in `parallel` threads. One that raises fails its trial only.

    `space` is Tunelet's own, or one of Optuna, Hyperopt or Ray Tune. `store` is the URL of a bucket
    or folder (default: the folder tunelet-data/store); processes and machines that call with the
    same `store` and `name` share the trials, and those of one that dies are made again. `timeout`
    is in seconds. `progress` is called with the experiment whenever it has changed.

    Raises `TuneletError`: `Reject` for what is wrong with the arguments, `Conflict` for a name that
    another search has.
    """
    from tunelet.bundle import activate

    activate()
    try:
        hosting = importlib.import_module("functions.hosting.tune")
    except ModuleNotFoundError as fault:
        raise ImportError(
            f"tune needs more than the client (no {fault.name}): pip install 'tunelet[up]'"
        ) from fault
    request: Json = {
        "hyperparameters": space,
        "hpo_algorithm": dict(algorithm) if isinstance(algorithm, Mapping) else algorithm,
        "objective": {"metric": "objective", "direction": direction},
        "max_trials": trials,
        "parallel_trials": parallel,
    }
    optional = {
        "name": name,
        "seed": seed,
        "max_seconds": timeout,
        "early_stopping": early_stopping,
    }
    request |= {field: value for field, value in optional.items() if value is not None}
    found: Tuned = hosting.tuned(objective, request, store, progress)
    return found

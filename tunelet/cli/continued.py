"""`tunelet run --name NAME` without a command: the search continues as the log has it."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from tunelet.cli import over_store
from tunelet.client.report import Json
from tunelet.errors import Conflict, NotFound

_SEARCHED = ("floats", "ints", "choices", "minimize", "maximize", "seed", "settings")


def requested(data: Path, store: str | None, namespace: str, flags: dict[str, Any]) -> Json:
    """The request that continues the experiment of `flags["name"]` with its command.

    Raises `NotFound`, `Conflict` if `tunelet run` did not begin it, and `UsageError` for flags that
    only a new search can have.
    """
    if not flags["name"]:
        raise click.UsageError("name the command to run after --: -- python train.py")
    if any(flags[each] for each in _SEARCHED):
        raise click.UsageError(
            "name the command to run after --; without one, --name continues a search as it is,"
            " with another -n, -j, --max-seconds or --algorithm if given"
        )
    name = flags["name"]
    spec = _known(data, store, namespace, name)["spec"]
    code = spec["model_training_code"]
    if not code.get("command") or "image" not in code or spec.get("study"):
        raise Conflict(f"{name} was not begun by tunelet run, so it has no command to run here")
    asked = {each: flags[each] for each in ("max_trials", "max_seconds")}
    asked["hpo_algorithm"] = flags["algorithm"]
    return {
        "name": name,
        "model_training_code": {"image": code["image"], "command": code["command"]},
        "hyperparameters": spec["hyperparameters"],
        "parallel_trials": flags["parallel"] or spec["parallel_trials"],
        **{field: value for field, value in asked.items() if value is not None},
    }


def _known(data: Path, store: str | None, namespace: str, name: str) -> Json:
    given = store or str(data)
    if not urlsplit(given).scheme and not Path(given).is_dir():
        raise NotFound(f"there is no experiment {name}: there is no folder {given}")
    return over_store.client(over_store.named(given), namespace).experiment(name).json

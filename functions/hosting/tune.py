"""`tunelet.tune`: the whole service inside a call, whose trials are calls of a function."""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from adapters.launchers.function import FunctionLauncher
from functions.hosting.all_in_one import whole
from functions.hosting.run import BODY_BYTES, Direct
from functions.hosting.up import LEASE_SECONDS, probed, swept
from tunelet.client.client import Client
from tunelet.client.report import FINAL, winners
from tunelet.client.taking_up import begun
from tunelet.core.installation import Installation
from tunelet.errors import Reject
from tunelet.interop import hyperparameters
from tunelet.tuning import Tuned

Json = dict[str, Any]

STORE = Path("tunelet-data/store")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def tuned(
    objective: Callable[..., Any],
    request: Json,
    store_url: str | None,
    progress: Callable[[Json], object] | None,
) -> Tuned:
    """See `tunelet.tune`."""
    if not callable(objective):
        raise Reject(f"the objective is a {type(objective).__name__}: give a function")
    request["hyperparameters"] = hyperparameters(request["hyperparameters"])
    request["model_training_code"] = {"image": _image(objective)}
    parallel = request["parallel_trials"]
    launcher = FunctionLauncher(objective, parallel if isinstance(parallel, int) else 1)
    with ExitStack() as stack:
        stack.callback(launcher.close)
        store = probed(store_url, STORE.absolute())
        served = stack.enter_context(
            whole(
                store,
                launcher,
                secret=secrets.token_bytes(32),
                api_url="",
                max_body_bytes=BODY_BYTES,
                installation=_installation(request),
                lease_seconds=LEASE_SECONDS,
            )
        )
        client = Client.over(Direct(served.api))
        name = begun(client, request, joins=True)["name"]
        stack.enter_context(swept(served.service, LEASE_SECONDS))
        last = _followed(client, name, progress)
        return _found(last, list(client.trials(name)))


def _image(objective: Callable[..., Any]) -> str:
    """What the log calls the function."""
    name = getattr(objective, "__qualname__", type(objective).__name__)
    return "function-" + (_NOT_IN_A_NAME.sub("-", name).strip("-._").lower()[:100] or "of-no-name")


def _installation(request: Json) -> Installation:
    """This process's own: its runs are gone with it, and others take them over."""
    image = request["model_training_code"]["image"]

    def can_run(code: Mapping[str, Any]) -> bool:
        return bool(code.get("image") == image)

    return Installation(secrets.token_hex(8), request["parallel_trials"], can_run)


def _followed(client: Client, name: str, progress: Callable[[Json], object] | None) -> Json:
    """The experiment as it ended."""
    seen: Json = {}
    pause = _FIRST_PAUSE
    while True:
        now = client.experiment(name).json
        if now != seen:
            seen, pause = now, _FIRST_PAUSE
            if progress is not None:
                progress(now)
        if now["state"] in FINAL:
            return now
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _found(experiment: Json, trials: list[Json]) -> Tuned:
    best = next(iter(winners(experiment)), None)
    return Tuned(
        experiment["name"],
        best["hyperparameters"] if best else None,
        float(best["values"]["objective"]) if best else None,
        trials,
        experiment,
    )

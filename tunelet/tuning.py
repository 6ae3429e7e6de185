"""`tune`: search the hyperparameters of a Python function, in this process."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple, Never

from tunelet.client.results import Results
from tunelet.client.taking_up import way_on
from tunelet.client.trial import Trial
from tunelet.errors import Reject, SearchFailed
from tunelet.text.messages import counted

Json = dict[str, Any]


class Found(NamedTuple):
    """The fields of `Tuned`."""

    name: str
    """Of the experiment: `tune` with the same name continues it."""
    best_params: Json | None
    """The hyperparameters of the best trial; None if none completed, or of several objectives."""
    best_value: float | None
    trials: list[Trial]
    """All of them, as the service shows trials."""
    experiment: Json
    """As the service shows it."""


class Tuned(Found, Results):
    """What a search has found, with its table and its plots.

    Fields: `name`, `best_params`, `best_value`, `trials`, `experiment`.
    """

    def _results(self) -> tuple[Json, Sequence[Trial]]:
        return self.experiment, self.trials

    def _repr_html_(self) -> str:
        shown = f"{self.name}: {self.experiment['state']}, {counted(len(self.trials), 'trial')}"
        best = f"; best {self.best_value} at {self.best_params}" if self.best_params else ""
        plot = self.plot_history().svg if "best" in self.experiment else self.plot_pareto().svg
        return f"<p>{escape(shown + best)}</p>{plot}"

    def __repr__(self) -> str:
        return f"<Tuned {self.name}: {self._outcome()}>"

    def _outcome(self) -> str:
        """The best, or why there is none."""
        if self.best_params is not None:
            return f"best {self.best_value} at {self.best_params}"
        if front := self.experiment.get("pareto"):
            return f"{counted(len(front), 'trial')} on the Pareto front"
        return f"{self.experiment['state']}, {self.experiment.get('reason')}"


_ARGUMENTS = {"max_trials": "trials", "max_seconds": "timeout"}


def failure(found: Tuned, named: bool) -> SearchFailed:
    """The error of a search that has FAILED. `named`: the call gave the search its name."""
    experiment = found.experiment
    failed = [trial for trial in found.trials if trial.state == "FAIL"]
    first = failed[0] if failed else None
    said = f"{found.name} failed: {experiment['reason']}"
    if first is not None and not any(str(trial["reason"]) in said for trial in failed):
        said += f"; trial {first.number} failed: {first['reason']}"
    fault = SearchFailed(f"{said}; {_next(experiment, first, named)}", found)
    if first is not None and first.get("log_tail"):
        fault.add_note(f"trial {first.number} of {found.name}:\n{first['log_tail'].rstrip()}")
    return fault


def _next(experiment: Json, first: Trial | None, named: bool) -> str:
    """What to do after the search has FAILED."""
    way, name = way_on(experiment), experiment["name"]
    if not named:
        return "once the cause is corrected, call tune again"
    if way is None:
        return "once the cause is corrected, call tune again with another name"
    before = f"retry {name} {first.number}" if way.retry and first is not None else None
    if "max_failed_trials" in way.more:
        before = f"extend {name} --max-failed-trials {way.more['max_failed_trials']}"
    if before is not None:
        return f"once the cause is corrected, run `tunelet {before}` and call tune again"
    given = ", ".join(f"{_ARGUMENTS[k]}={n}" for k, n in way.more.items() if k in _ARGUMENTS)
    return f"once the cause is corrected, call tune again{f' with {given}' if given else ''}"


def tune(
    objective: Callable[..., Any],
    space: Any = None,
    *,
    trials: int = 50,
    parallel: int = 1,
    processes: bool | str = False,
    algorithm: str | Mapping[str, Any] | None = None,
    direction: str | Sequence[str] = "minimize",
    name: str | None = None,
    store: str | None = None,
    seed: int | None = None,
    timeout: float | None = None,
    goal: float | None = None,
    early_stopping: str | Sequence[Any] | None = None,
    progress: bool | Callable[[Json], object] | None = None,
    stall_seconds: float | None = None,
    give_up_after: int | None = None,
    keep_output: bool = True,
    **others: Never,
) -> Tuned:
    """Search the hyperparameters for which `objective` is smallest, or largest.

        from tunelet import tune

        found = tune(lambda p: (p["x"] - 2) ** 2, {"x": {"type": "float", "min": -5, "max": 5}})
        found.best_params

    Without `space` the objective gets its trial and chooses the hyperparameters while it runs, as
    objectives of Optuna do:

        def objective(trial):
            x = trial.suggest_float("x", -5, 5)
            return (x - 2) ** 2

        tune(objective, trials=100)

    The trial has `suggest_float`, `suggest_int`, `suggest_categorical`, `report(value, step)`,
    `should_prune()`, `set_user_attr(key, value)`, `number`, `params`, `user_attrs`, and its `slot`:
    a number from 0 that no other call of this process has at the same time. One of Optuna's
    samplers chooses: "tpe", "random_search", "cma_es", "gp", "nsga2", "nsga3", "sobol".

    `algorithm` is TPE by default; a search of a known name continues with the one that is given.

    With `space`, `objective(params)` gets a dict and returns a number, or a dict of numbers with
    the key "objective". One that takes a second argument gets its trial, with `report` and
    `should_prune()`. It is called in `parallel` threads. One that raises fails its trial only.

    With `processes` it is called in as many processes: "spawn" (or True) starts new interpreters,
    which import the objective, "fork" takes any function. A process that dies costs its trial one
    attempt. An objective that is to stop and does not end within 10 s is killed. So is one that has
    not called its trial (`report`, `should_prune`, …) for `stall_seconds`: its trial gets another
    attempt. A thread cannot be killed, so `stall_seconds` needs `processes`.

    With a list of directions the objective returns as many values (the metrics "objective_0",
    "objective_1", …); `experiment["pareto"]` is then the Pareto front.

    `space` is Tunelet's own, or one of Optuna, Hyperopt or Ray Tune. `store` is the URL of a bucket
    or folder (default: the folder tunelet-data/store); processes and machines that call with the
    same `store` and `name` share the trials, and those of one that dies are made again. `timeout`
    is in seconds. The search ends early when the value has reached `goal`. The progress is
    shown in a notebook and in a terminal (`progress=True`: everywhere, False: nowhere), or given to
    a function: the experiment's JSON, whenever it has changed.

    The search fails if its first `give_up_after` trials (default: 3; 0: any number) fail alike, or
    if none completes.

    What a call prints appears as usual, and is stored with its trial: `tunelet logs` shows it. That
    is what the call's own thread writes to `sys.stdout` and `sys.stderr`, up to 1 MiB, and nothing
    with `keep_output=False`.

    Raises `TuneletError`: `Reject` for invalid arguments, `Conflict` for a name that another search
    has, `SearchFailed` if the search fails. Its text says how to continue once the cause is
    corrected. So does a note on the KeyboardInterrupt of a Ctrl-C, which loses nothing.
    """
    from tunelet.bundle import activate
    from tunelet.client import keywords

    for other in others:
        raise keywords.unexpected(other, tune)
    keywords.refuse_objects(direction, algorithm, early_stopping, store)
    activate()
    try:
        hosting = importlib.import_module("functions.hosting.tune")
    except ModuleNotFoundError as fault:
        raise ImportError(
            f"tune needs more than the client (no {fault.name}): pip install 'tunelet[up]'"
        ) from fault
    request: Json = {
        "hyperparameters": space,
        **_objectives(direction, goal),
        "max_trials": trials,
        "parallel_trials": parallel,
    }
    optional = {
        "hpo_algorithm": dict(algorithm) if isinstance(algorithm, Mapping) else algorithm,
        "name": name,
        "seed": seed,
        "max_seconds": timeout,
        "early_stopping": early_stopping,
        "stall_seconds": stall_seconds,
        "give_up_after": give_up_after,
        "keep_output": keep_output,
    }
    request |= {field: value for field, value in optional.items() if value is not None}
    try:
        found: Tuned = hosting.tuned(objective, request, store, progress, processes)
    except Reject as fault:
        raise keywords.of_call(fault) from None
    return found


def _objectives(direction: str | Sequence[str], goal: float | None) -> Json:
    if isinstance(direction, str):
        return {"objective": {"metric": "objective", "direction": direction, "goal": goal}}
    names = (f"objective_{index}" for index in range(len(direction)))
    return {
        "objectives": [
            {"metric": name, "direction": each} for name, each in zip(names, direction, strict=True)
        ]
    }

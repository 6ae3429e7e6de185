"""The words of other libraries for what a search is given, and errors in the words of `tune`.

A word belongs to a field of the request, which `tune` and the command line may call otherwise.
"""

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tunelet.errors import FieldError, Reject

_FOREIGN: dict[str, tuple[str, ...]] = {
    "max_trials": (
        *("n_trials", "max_evals", "num_samples", "count", "n_calls", "n_iter", "max_jobs"),
        "max_trial_count",
    ),
    "parallel_trials": (
        *("n_jobs", "max_concurrent_trials", "max_concurrent", "max_queue_len"),
        *("max_parallel_jobs", "parallel_trial_count"),
    ),
    "max_seconds": ("time_budget_s", "time_budget", "time_limit", "max_time"),
    "hpo_algorithm": ("sampler", "algo", "search_alg", "searcher", "method"),
    "hyperparameters": ("param_space", "search_space", "config", "params"),
    "early_stopping": ("pruner", "scheduler"),
    "direction": ("directions", "mode"),
    "name": ("study_name", "experiment_name", "run_name", "project", "sweep_id"),
    "store": ("storage", "storage_path"),
    "seed": ("random_state", "rstate"),
    "goal": ("loss_threshold",),
    "progress": ("show_progress_bar", "show_progressbar", "verbose", "callbacks"),
}
_OURS = {
    "max_trials": "trials",
    "parallel_trials": "parallel",
    "max_seconds": "timeout",
    "hpo_algorithm": "algorithm",
    "hyperparameters": "space",
}
"""Fields of the request that `tune` calls otherwise."""
_OF_THE_COMMAND = {"parallel_trials": "parallel", "hpo_algorithm": "algorithm"}
_NOT_NEEDED = {
    "catch": "leave it out, for an exception fails its trial only",
    "load_if_exists": "leave it out, for a search of a known name continues",
    "metric": "leave it out, for the objective returns its value",
}
_OBJECTIVES = re.compile(r"objectives(\[\d+\])\.(direction)")
_FIELDS = {
    **{word: field for field, words in _FOREIGN.items() for word in (field, *words)},
    **{word: field for field, word in _OURS.items()},
}


def unexpected(name: str, function: Callable[..., object]) -> TypeError:
    """The error of a keyword that `function` does not have, with the one that is meant."""
    said = f"{function.__name__}() got an unexpected keyword argument {name!r}"
    parameters = inspect.signature(function).parameters.values()
    known = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]
    field = _FIELDS.get(name, name)
    ours = next((each for each in (_OURS.get(field), field) if each in known), None)
    like = [ours] if ours is not None else difflib.get_close_matches(name, known, 1)
    remedy = f"write {like[0]}=" if like else _NOT_NEEDED.get(name)
    return TypeError(f"{said}: {remedy}" if remedy else said)


def option(word: str, known: Iterable[str]) -> str | None:
    """The option of a command that another library's `word` means; None if it has none."""
    field = _FIELDS.get(word.lstrip("-").replace("-", "_"))
    if field == "direction":
        meant = ["--minimize", "--maximize"]
    else:
        meant = [f"--{_OF_THE_COMMAND.get(field or '', field or '').replace('_', '-')}"]
    return " or ".join(meant) if set(meant) <= set(known) else None


def refuse_objects(
    direction: object, algorithm: object, early_stopping: object, store: object
) -> None:
    """Raises `Reject` for an object of another library in place of its name."""
    if not _is_text_or(Sequence, direction):
        raise _refused("direction", direction, "give 'minimize' or 'maximize'")
    if algorithm is not None and not _is_text_or(Mapping, algorithm):
        raise _refused("algorithm", algorithm, _by_name(algorithm))
    rules = early_stopping if isinstance(early_stopping, list | tuple) else [early_stopping]
    for rule in rules:
        if rule is not None and not _is_text_or(Mapping, rule):
            raise _refused("early_stopping", rule, _by_name(rule))
    if store is not None and not isinstance(store, str):
        raise _refused("store", store, "give the URL of a bucket or folder, as text")


def _is_text_or(kind: type, value: object) -> bool:
    return isinstance(value, str | kind)


def _by_name(value: object) -> str:
    if type(value).__module__.startswith("optuna."):
        return f"give its name: 'optuna.{type(value).__name__}', or with its settings:" + (
            f" {{'name': 'optuna.{type(value).__name__}', 'settings': {{…}}}}"
        )
    return "give a name, or a dict with a name and settings"


def _refused(field: str, value: Any, remedy: str) -> Reject:
    message = f"has the type {type(value).__name__}"
    return Reject(f"{field} {message}: {remedy}", [FieldError(field, None, message, remedy)])


def of_call(fault: Reject) -> Reject:
    """The error of a request, with the keywords of `tune` and all remedies in its text."""
    if type(fault) is not Reject or all(each.remedy in str(fault) for each in fault.errors):
        return fault
    errors = [each._replace(field=_of_call(each.field)) for each in fault.errors]
    said = (f"{e.field}: {e.message}{f'; {e.remedy}' if e.remedy else ''}" for e in errors)
    return Reject("\n".join(said), errors)


def _of_call(field: str) -> str:
    if field == "objectives":
        return "direction"
    field = _OBJECTIVES.sub(r"\2\1", field.removeprefix("objective."))
    first = re.match(r"\w*", field)
    name = first[0] if first else ""
    return _OURS.get(name, name) + field[len(name) :]

"""Hyperopt's `fmin` over Tunelet: the same arguments and the same answer, with a durable log."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tunelet.client.keywords import unexpected
from tunelet.errors import FieldError, Reject, SearchFailed
from tunelet.interop import assemble
from tunelet.interop.python import read
from tunelet.interop.tree import Choice, Node, below
from tunelet.tuning import Json, tune

_OK, _FAIL = "ok", "fail"
_REMEDIES = {
    "points_to_evaluate": "submit a request to a service, with the points in its field enqueue",
    "early_stop_fn": 'use tunelet.tune with early_stopping="plateau"',
    "trials_save_file": "give a name instead: the log keeps all trials, and the name continues it",
    "pass_expr_memo_ctrl": "let the objective take the hyperparameters",
}
"""What to do without an argument of Hyperopt that the log has no place for."""


def fmin(
    fn: Callable[[Any], Any],
    space: Any,
    algo: Callable[..., Any] | None = None,
    max_evals: int | None = None,
    timeout: float | None = None,
    loss_threshold: float | None = None,
    trials: Any = None,
    rstate: Any = None,
    *,
    catch_eval_exceptions: bool = False,
    return_argmin: bool = True,
    max_queue_len: int = 1,
    verbose: bool = True,
    show_progressbar: bool = True,
    name: str | None = None,
    store: str | None = None,
    **others: Any,
) -> Any:
    """Minimize `fn` over a space of `hp.*`, as `hyperopt.fmin` does.

        from tunelet.interop.hyperopt import fmin

        best = fmin(objective, space, algo=tpe.suggest, max_evals=100)
        space_eval(space, best)

    `fn` returns a loss, or a dict with "loss" and "status". Returns the best hyperparameters by
    label, the index for an `hp.choice`; with `return_argmin=False` the result of the best trial.
    `trials`, an empty `hyperopt.Trials`, receives all trials. `max_queue_len` trials run at a time,
    in threads. `name` and `store` are those of `tunelet.tune`: the same name continues a search,
    and several machines share one. `verbose` and `show_progressbar` have no effect. Other arguments
    of Hyperopt are accepted with their default values.

    Raises `Reject` for arguments that Tunelet cannot honour, `AllTrialsFailed` if no trial has a
    loss, and what `fn` raised, unless `catch_eval_exceptions`.
    """
    _refuse(others)
    budget = _budget(max_evals, trials)
    results = _Results(fn, space, catch_eval_exceptions)
    try:
        found = tune(
            results,
            space,
            trials=budget,
            parallel=max_queue_len,
            algorithm=_algorithm(algo),
            name=name,
            store=store,
            seed=_seed(rstate),
            timeout=timeout,
            goal=loss_threshold,
            progress=results.stop_if_raised,
            give_up_after=0,  # Hyperopt evaluates all, whichever fail
        )
    except SearchFailed as failed:
        found = failed.found
    if results.raised is not None:
        raise results.raised
    choices = {node.name: node for node in _nodes(read(space)) if isinstance(node, Choice)}
    if trials is not None:
        _fill(trials, found.trials, results.by_number, choices)
    if found.best_params is None:
        from hyperopt.exceptions import AllTrialsFailed

        raise AllTrialsFailed(found.experiment["reason"])
    if return_argmin:
        return {label: _raw(choices, label, value) for label, value in found.best_params.items()}
    return results.by_number.get(found.experiment["best"]["number"], {"loss": found.best_value})


class _Results:
    """Calls the objective with the space's value, and keeps what it returned by trial number."""

    def __init__(self, fn: Callable[[Any], Any], space: Any, catches: bool) -> None:
        self.__qualname__ = getattr(fn, "__qualname__", type(fn).__name__)
        self._fn = fn
        self._space = space
        self._catches = catches
        self.by_number: dict[int, dict[str, Any]] = {}
        self.raised: Exception | None = None

    def __call__(self, params: Json, trial: Any) -> float:
        try:
            answer = self._fn(assemble(self._space, params))
        except Exception as fault:
            if not self._catches and type(fault).__name__ != "TrialPruned":
                self.raised = self.raised or fault
            raise
        result = dict(answer) if isinstance(answer, Mapping) else {"loss": answer, "status": _OK}
        self.by_number[trial.number] = result
        if result.get("status") != _OK:
            raise ValueError(f"the objective returned the status {result.get('status')!r}")
        return float(result["loss"])

    def stop_if_raised(self, _experiment: Json) -> None:
        if self.raised is not None:
            raise self.raised


def _algorithm(algo: Callable[..., Any] | None) -> Json:
    """Return the algorithm that a suggest function of Hyperopt stands for; `partial` sets it."""
    settings: dict[str, Any] = {}
    while isinstance(algo, partial):
        settings = {**algo.keywords, **settings}
        algo = algo.func
    module = "hyperopt.tpe" if algo is None else getattr(algo, "__module__", "")
    if module not in ("hyperopt.tpe", "hyperopt.rand", "hyperopt.anneal", "hyperopt.atpe"):
        remedy = "use tpe.suggest, rand.suggest, anneal.suggest or atpe.suggest"
        error = FieldError("algo", repr(algo), "is not an algorithm that fmin knows", remedy)
        raise Reject(f"algo {algo!r} is not an algorithm that fmin knows; {remedy}", [error])
    return {"name": module, "settings": settings}


def _refuse(others: Json) -> None:
    for name in others.keys() - _REMEDIES.keys() - {"allow_trials_fmin"}:
        raise unexpected(name, fmin)
    for name, remedy in _REMEDIES.items():
        if others.get(name):
            error = FieldError(name, repr(others[name]), "is not supported", remedy)
            raise Reject(f"{name} is not supported: {remedy}", [error])


def _budget(max_evals: int | None, trials: Any) -> int:
    if max_evals is None:
        error = FieldError("max_evals", None, "is missing", "give a number of trials")
        raise Reject("max_evals is missing: give a number of trials", [error])
    if trials is not None and len(trials):
        remedy = "give an empty Trials(), and name= to continue a search"
        error = FieldError("trials", len(trials), "has trials already", remedy)
        raise Reject(f"trials has {len(trials)} trials already; {remedy}", [error])
    return max_evals


def _seed(rstate: Any) -> int | None:
    """Draw a seed from NumPy's generator, so that the same generator gives the same search."""
    if rstate is None:
        return None
    draw = getattr(rstate, "integers", None) or rstate.randint
    return int(draw(2**31 - 1))


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for each in below(node):
        yield from _nodes(each)


def _raw(choices: Mapping[str, Choice], label: str, value: Any) -> Any:
    """Return the value as Hyperopt keeps it: the index of the chosen option."""
    if label not in choices:
        return value
    labels = [(type(each), each) for each in choices[label].labels]
    return labels.index((type(value), value))


def _fill(
    trials: Any,
    found: Sequence[Json],
    results: Mapping[int, dict[str, Any]],
    choices: Mapping[str, Choice],
) -> None:
    """Add the ended trials to a `hyperopt.Trials`, by number."""
    from hyperopt import JOB_STATE_DONE

    labels = list(dict.fromkeys(label for trial in found for label in trial["hyperparameters"]))
    for trial in found:
        number, given = trial["number"], trial["hyperparameters"]
        vals = {label: [_raw(choices, label, given[label])] for label in labels if label in given}
        misc = {
            "tid": number,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {label: [number] if label in given else [] for label in labels},
            "vals": {label: vals.get(label, []) for label in labels},
        }
        result = results.get(number) or _result(trial)
        (document,) = trials.new_trial_docs([number], [None], [result], [misc])
        document["state"] = JOB_STATE_DONE
        trials.insert_trial_doc(document)
    trials.refresh()


def _result(trial: Json) -> dict[str, Any]:
    """Return the result of a trial that another process, or an earlier one, carried out."""
    loss = trial["values"].get("objective")
    if trial["state"] != "COMPLETE" or loss is None:
        return {"status": _FAIL, "failure": trial["reason"]}
    return {"status": _OK, "loss": math.nan if isinstance(loss, str) else loss}

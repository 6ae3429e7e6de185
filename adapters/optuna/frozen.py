"""Convert trials of the log to Optuna's frozen trials, and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as State

from adapters.optuna import attributes, forms
from tunelet.core.problem import Objective
from tunelet.core.trial import Changes, Number, Report, Trial, TrialState, number, plain

_STATES = {
    state: State.FAIL if state is TrialState.STOPPED else State[state.value] for state in TrialState
}

_STARTED = "started_at"
"""In the note of a waiting trial: the start time that Optuna gave it."""


def frozen(trial: Trial, trial_id: int, objectives: Sequence[Objective]) -> FrozenTrial:
    """Convert a trial. One that the experiment's end stopped has failed, in Optuna's words."""
    return FrozenTrial(
        number=trial.number,
        trial_id=trial_id,
        state=_STATES[trial.state],
        value=None,
        values=_final(trial, objectives),
        datetime_start=_time(trial.started_at or _noted(trial)),
        datetime_complete=_time(trial.finished_at),
        params={
            name: forms.value(value, trial.space[name])
            for name, value in trial.hyperparameters.items()
        },
        distributions={
            name: forms.distribution(trial.space[name]) for name in trial.hyperparameters
        },
        user_attrs=attributes.all_read(trial.attributes),
        system_attrs=attributes.all_read(trial.system),
        intermediate_values=_intermediate(trial.reports),
    )


def _final(trial: Trial, objectives: Sequence[Objective]) -> list[float] | None:
    if trial.state in (TrialState.WAITING, TrialState.RUNNING, TrialState.STOPPED):
        return None
    values = [trial.values.get(each.metric) for each in objectives]
    return None if None in values else [number(each) for each in values if each is not None]


def final(values: Sequence[float] | None, objectives: Sequence[Objective]) -> dict[str, Number]:
    """Name final values by their metrics. Raises `ValueError` if there are more or fewer."""
    if values is None:
        return {}
    if len(values) != len(objectives):
        raise ValueError(
            f"{len(values)} values for {len(objectives)} directions: give one value for each"
        )
    return {
        each.metric: plain(float(value)) for each, value in zip(objectives, values, strict=True)
    }


def _intermediate(reports: Sequence[Report]) -> dict[int, float]:
    return {each.step: number(value) for each in reports for value in each.values.values()}


def report(step: int, value: float, objectives: Sequence[Objective]) -> Report:
    """Return the report of an intermediate value. Only studies with one objective have any."""
    return Report(int(step), {objectives[0].metric: plain(float(value))})


def contents(template: FrozenTrial, objectives: Sequence[Objective]) -> dict[str, Any]:
    """Return what a template gives a new trial: fields of `CreateTrial`.

    Raises what `forms.form` and `attributes.stored` raise.
    """
    waits = template.state is State.WAITING
    started = _seconds(template.datetime_start)
    return {
        "state": TrialState[template.state.name],
        "changes": Changes(
            **named(template.params, template.distributions),
            attributes=all_stored(template.user_attrs),
            system=all_stored(template.system_attrs),
            reports=tuple(
                report(step, value, objectives)
                for step, value in sorted(template.intermediate_values.items())
            ),
        ),
        "values": final(template.values, objectives),
        "note": {_STARTED: started} if waits and started is not None else None,
        "started_at": None if waits else started,
        "finished_at": _seconds(template.datetime_complete),
    }


def named(
    params: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
) -> dict[str, Any]:
    """Return hyperparameters with their forms: fields of `Changes`."""
    return {
        "hyperparameters": {name: forms.stored(value) for name, value in params.items()},
        "space": {name: forms.form(each) for name, each in distributions.items()},
    }


def all_stored(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: attributes.stored(value) for name, value in values.items()}


def _noted(trial: Trial) -> float | None:
    if trial.state is not TrialState.WAITING or not isinstance(trial.note, dict):
        return None
    noted: float | None = trial.note.get(_STARTED)
    return noted


def _time(seconds: float | None) -> datetime | None:
    """Convert to Optuna's times, which are local and have no time zone."""
    return None if seconds is None else datetime.fromtimestamp(seconds)


def _seconds(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()

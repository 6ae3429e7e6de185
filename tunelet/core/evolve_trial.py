"""The fold of one trial: its reports, choices, attempts and end. Pure."""

from bisect import bisect_left
from itertools import pairwise

from msgspec.structs import replace

from tunelet.core import events
from tunelet.core.trial import (
    Changes,
    Chosen,
    Number,
    Report,
    Trial,
    TrialState,
    newest,
)


def chosen_by(trial: Trial) -> Chosen:
    """Return what the trial's present attempt has chosen while it ran."""
    return Chosen(trial.hyperparameters, trial.space, trial.attributes, trial.note)


def with_choice(trial: Trial, chosen: Chosen) -> Trial:
    return replace(
        trial,
        hyperparameters=chosen.hyperparameters,
        space=chosen.space,
        attributes=chosen.attributes,
        note=chosen.note,
    )


def changed(trial: Trial, changes: Changes) -> Trial:
    """Return the trial of a study with the changes, whose reports replace those of their steps."""
    if changes.reports:
        trial = _replaced(trial, changes.reports)
    return replace(
        trial,
        hyperparameters={**trial.hyperparameters, **changes.hyperparameters},
        space={**trial.space, **changes.space},
        attributes={**trial.attributes, **changes.attributes},
        system={**trial.system, **changes.system},
    )


def _replaced(trial: Trial, reports: tuple[Report, ...]) -> Trial:
    if _all_later(trial.reports, reports):
        kept = (*trial.reports, *reports)
    else:
        steps = {report.step: report for report in (*trial.reports, *reports)}
        kept = tuple(sorted(steps.values(), key=_step))
    return replace(trial, reports=kept, values=newest(kept[-1:]))


def reported(trial: Trial, reports: tuple[Report, ...]) -> Trial:
    """Add reports. The first value of an attempt and step stays; a later attempt's replaces it."""
    if _all_later(trial.reports, reports):
        values = trial.values | newest(reports)
        return replace(trial, reports=(*trial.reports, *reports), values=values)
    ordered = list(trial.reports)
    for new in reports:
        place = bisect_left(ordered, new.step, key=_step)
        old = ordered[place] if place < len(ordered) and ordered[place].step == new.step else None
        if old is None:
            ordered.insert(place, new)
        elif old.attempt == new.attempt:
            ordered[place] = replace(new, values={**new.values, **old.values})
        else:
            ordered[place] = new
    metrics = list(dict.fromkeys(metric for report in reports for metric in report.values))
    own = trial.values | _last(ordered, trial.attempt, metrics)
    return replace(trial, reports=tuple(ordered), values=own)


def _last(ordered: list[Report], attempt: int, metrics: list[str]) -> dict[str, Number]:
    """Return the attempt's value of each metric at its highest step, in the order of `metrics`.

    Usually the last report has them all.
    """
    found: dict[str, Number] = {}
    own = [report for report in ordered if report.attempt == attempt]
    for report in reversed(own):
        found = report.values | found
        if found.keys() >= set(metrics):
            break
    return {metric: found[metric] for metric in metrics if metric in found}


def _step(report: Report) -> int:
    return report.step


def _all_later(old: tuple[Report, ...], new: tuple[Report, ...]) -> bool:
    """Whether the new reports are in order and after all earlier ones: the usual case."""
    return all(a.step < b.step for a, b in pairwise((*old[-1:], *new)))


def lost(trial: Trial, event: events.AttemptLost) -> Trial:
    if trial.space:
        # The next attempt chooses again.
        trial = with_choice(trial, Chosen({}))
    return replace(
        trial,
        state=TrialState.WAITING,
        attempt=trial.attempt + 1,
        reserved=False,
        by="",
        started_at=None,
        reported_at=None,
        values={},
        seconds=_seconds(trial, event.at),
        reason=event.reason,
        uncounted=trial.uncounted + (not event.counted),
        delay=event.delay,
        not_before=None if event.delay is None else event.at + event.delay,
    )


def ended(trial: Trial, event: events.TrialEnded) -> Trial:
    counted = trial.measured if event.own or trial.attempt == 1 else newest(trial.reports)
    if event.exact:
        counted = {}
    return replace(
        trial,
        by=event.by or trial.by,
        revisions={},
        state=event.state,
        reserved=False,
        delay=None,
        reported_at=None,
        not_before=None,
        finished_at=event.at,
        seconds=_seconds(trial, event.at),
        values=counted | event.values,
        reason=event.reason,
        lost=event.lost,
        exit_code=event.exit_code,
        log_tail=event.log_tail,
    )


def _seconds(trial: Trial, at: float) -> float:
    return trial.seconds + (at - trial.started_at if trial.started_at is not None else 0.0)

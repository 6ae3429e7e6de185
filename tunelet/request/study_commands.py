"""Everything that can be wrong with the commands of a study that a client sends.

What is in the log has to be readable by every process that opens the study, so what one of them
could not convert back is refused here.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tunelet.core import commands
from tunelet.core.problem import Objective
from tunelet.core.study import Command
from tunelet.core.study_view import Since
from tunelet.core.trial import Changes, Number, TrialState
from tunelet.errors import FieldError, Reject
from tunelet.text.limits import CALLER

COMMANDS = 256
STEP = 2**53
LATEST = 250_000_000_000
"""Seconds since 1970, in the year 9892: later ones do not fit into every library's times."""

_PLACE = re.compile(r"^(.*?) - at `\$\.?(.*)`$", re.DOTALL)
_NUMBERS = ("NaN", "Infinity", "-Infinity")


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    commands: tuple[Command, ...]
    after: int = 0
    lowest: int = 0


def parse(raw: object, objectives: Sequence[Objective]) -> tuple[tuple[Command, ...], Since]:
    """Return the commands, and what their sender knows of the study.

    Raises `Reject` with every fault; of the JSON's shape only with the first.
    """
    try:
        body = msgspec.convert(raw, _Body)
    except msgspec.ValidationError as fault:
        raise _refused([misshapen(str(fault), "StudyCommands")]) from None
    errors = list(_of_body(body))
    metrics = [each.metric for each in objectives]
    for place, command in enumerate(body.commands):
        errors += (
            error._replace(field=f"commands[{place}].{error.field}")
            for error in _of_command(command, metrics)
        )
    if errors:
        raise _refused(errors)
    return body.commands, Since(body.after, body.lowest)


def reports(sent: Sequence[Command]) -> int:
    """Return how many reports the commands have."""
    changes = (getattr(each, "changes", None) for each in sent)
    return sum(len(each.reports) for each in changes if each is not None)


def misshapen(fault: str, schema: str) -> FieldError:
    """Return the fault of a body that does not fit the schema of this name."""
    found = _PLACE.match(fault)
    message, field = (found[1], found[2]) if found else (fault, "")
    return FieldError(field or "body", None, message, f"send what the schema {schema} says")


def _refused(errors: list[FieldError]) -> Reject:
    return Reject("the commands are invalid", errors)


def _of_body(body: _Body) -> Iterator[FieldError]:
    count = len(body.commands)
    if not 1 <= count <= COMMANDS:
        remedy = f"send 1 to {COMMANDS} commands in one request"
        yield FieldError("commands", None, f"has {count} commands", remedy)
    for name in ("after", "lowest"):
        if (value := getattr(body, name)) < 0:
            yield FieldError(name, value, "is negative", "send an integer from 0")


def _of_command(command: Command, metrics: list[str]) -> Iterator[FieldError]:
    if command.actor:
        yield FieldError("actor", command.actor, "is not the caller's to say", "leave it out")
    by = getattr(command, "by", None) or getattr(command, "key", None)
    if by is not None and not re.fullmatch(CALLER, by, re.ASCII):
        yield FieldError("by", by, "is not the name of a caller", f"send what {CALLER} matches")
    if isinstance(command, commands.CreateTrial):
        yield from _of_creation(command)
    if isinstance(command, commands.EndTrial) and not _is_end(command.state):
        yield FieldError("state", command.state, "is no end", "send COMPLETE, PRUNED or FAIL")
    if isinstance(command, commands.SetAttributes):
        yield from _of_attributes("attributes", command.attributes)
        yield from _of_attributes("system", command.system)
        return
    if isinstance(command, commands.CreateTrial | commands.EndTrial):
        yield from _of_values("values", command.values, metrics)
    if not isinstance(command, commands.TakeTrial):
        yield from _of_changes(command.changes, metrics)


def _is_end(state: TrialState) -> bool:
    return state.finished and state is not TrialState.STOPPED


def _of_creation(command: commands.CreateTrial) -> Iterator[FieldError]:
    if command.key != command.by:
        yield FieldError("key", command.key, "is not the call's name", "send the same as in `by`")
    if command.state is TrialState.STOPPED:
        yield FieldError("state", "STOPPED", "is no state of a new trial", "send another state")
    note = command.note
    if note is not None and not _is_note(note):
        yield FieldError("note", note, "is not allowed", 'send {"started_at": seconds}, or none')
    for name in ("started_at", "finished_at"):
        time = getattr(command, name)
        if time is not None and not _is_time(time):
            yield FieldError(name, time, "is no time", f"send seconds from 0 to {LATEST}")


def _is_note(note: object) -> bool:
    known = isinstance(note, dict) and note.keys() == {"started_at"}
    return known and _is_time(note["started_at"])  # type: ignore[index]


def _is_time(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= LATEST  # type: ignore[operator]


def _of_values(
    field: str, values: Mapping[str, Number], metrics: list[str]
) -> Iterator[FieldError]:
    if values and values.keys() != set(metrics):
        remedy = f"send a value for each of {', '.join(metrics)}"
        yield FieldError(field, list(values), "are not the objectives' metrics", remedy)
    for name, value in values.items():
        if isinstance(value, str) and value not in _NUMBERS:
            remedy = f"send a number or one of {', '.join(_NUMBERS)}"
            yield FieldError(f"{field}.{name}", value, "is no number", remedy)


def _of_changes(changes: Changes, metrics: list[str]) -> Iterator[FieldError]:
    for place, report in enumerate(changes.reports):
        field = f"changes.reports[{place}]"
        if not -STEP <= report.step <= STEP:
            remedy = f"send an integer from {-STEP} to {STEP}"
            yield FieldError(f"{field}.step", report.step, "is too large", remedy)
        if report.attempt != 1:
            yield FieldError(f"{field}.attempt", report.attempt, "is not 1", "leave it out")
        yield from _of_values(f"{field}.values", report.values, metrics[:1])
    yield from _of_attributes("changes.attributes", changes.attributes)
    yield from _of_attributes("changes.system", changes.system)
    if changes.hyperparameters.keys() != changes.space.keys():
        remedy = "send a form in `space` for each, and for no other"
        yield FieldError("changes.space", list(changes.space), "lacks or adds forms", remedy)
        return
    for name, form in changes.space.items():
        if (fault := _of_form(form, changes.hyperparameters[name])) is not None:
            remedy = "send a form as the schema Form says, with a value of it"
            yield FieldError(f"changes.space.{name}", form, fault, remedy)


def _of_attributes(field: str, attributes: Mapping[str, Any]) -> Iterator[FieldError]:
    for name, value in attributes.items():
        if isinstance(value, dict) and value.keys() == {"$json"} and not _is_json(value["$json"]):
            remedy = "send JSON text in it, or another member beside it"
            yield FieldError(f"{field}.{name}", value, "has a member $json without JSON", remedy)


def _is_json(text: object) -> bool:
    try:
        json.loads(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _of_form(form: object, value: object) -> str | None:
    """Return the fault of a hyperparameter's form or value; None if both are sound."""
    if not isinstance(form, dict):
        return "is not an object"
    match form.get("type"):
        case "categorical":
            return _of_categorical(form, value)
        case "float" | "int":
            return _of_numerical(form, value)
        case other:
            return f"has the type {str(other)[:40]!r}, which is none of float, int and categorical"


def _of_categorical(form: Mapping[str, Any], value: object) -> str | None:
    choices, texts = form.get("choices"), form.get("json", [])
    if form.keys() - {"type", "choices", "json"} or not isinstance(choices, list) or not choices:
        return "has no list of choices, or unknown members"
    if any(isinstance(each, dict | list) for each in choices):
        return "has a choice that is no scalar"
    if not isinstance(texts, list) or not all(
        type(place) is int and 0 <= place < len(choices) and _is_json(choices[place])
        for place in texts
    ):
        return "has a member json that does not name choices which are JSON text"
    return None if value in choices else "does not have the value among its choices"


def _of_numerical(form: Mapping[str, Any], value: object) -> str | None:
    kind: Any = int if form["type"] == "int" else int | float
    low: Any = form.get("min")
    high: Any = form.get("max")
    step: Any = form.get("step")
    log = form.get("scale") == "log"
    numbers = [low, high, value, *([] if step is None else [step])]
    if form.keys() - {"type", "min", "max", "step", "scale"} or form.get("scale", "log") != "log":
        return "has unknown members, or another scale than log"
    if any(isinstance(n, bool) or not isinstance(n, kind) or not _finite(n) for n in numbers):
        return f"has bounds, a step or a value that are no numbers of the type {form['type']}"
    if low > high or (step is not None and (step <= 0 or log)) or (log and low <= 0):
        return "has bounds, a step or a scale that contradict each other"
    return None


def _finite(value: Any) -> bool:
    return isinstance(value, int) or math.isfinite(value)

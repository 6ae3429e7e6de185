"""Parse the messages of training code: reports and outcomes, in JSON or as CloudEvents."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.events.cloudevents import Event
from functions.events.subject import subject
from tunelet.core.trial import Number, Outcome, Report, Verdict, number, plain
from tunelet.errors import FieldError, Forbidden, NotFound, Reject
from tunelet.text.limits import METRIC_LENGTH, METRICS, is_metric_name

if TYPE_CHECKING:
    from tunelet.service import Service

REPORTED = "dev.tunelet.trial.reported"
COMPLETED = "dev.tunelet.trial.completed"
FAILED = "dev.tunelet.trial.failed"
EVENTS = (REPORTED, COMPLETED, FAILED)

MAX_REPORTS = 1000
MAX_STEP = 2**53
MAX_REASON = 4096
STATES = ("COMPLETE", "PRUNED", "FAIL")
"""The verdicts that training code may report."""
LARGEST_EXIT_CODE = 2**32
_NUMBERS = 'send a number, or "NaN", "Infinity" or "-Infinity"'


class _Wrong(ValueError):
    """A wrong member. The arguments are the value, the fault and the remedy."""


class Fields:
    """Takes the members of a JSON object one by one, and collects their faults."""

    def __init__(self, raw: Any, where: str = "") -> None:
        self._where, self.errors = where, list[FieldError]()
        self._left: dict[str, Any] = dict(raw) if isinstance(raw, dict) else {}
        if not isinstance(raw, dict):
            self.wrong("", None, "is not an object", "send a JSON object")

    def take(self, name: str, reads: Callable[[Any], Any], remedy: str, default: Any = None) -> Any:
        value = self._left.pop(name, default)
        try:
            return reads(value)
        except _Wrong as wrong:
            self.wrong(name, *wrong.args)
            return None
        except (TypeError, ValueError, OverflowError):
            self.wrong(name, value, "is missing" if value is None else "is not allowed", remedy)
            return None

    def wrong(self, name: str, value: Any, message: str, remedy: str) -> None:
        field = ".".join(part for part in (self._where, name) if part) or "body"
        self.errors.append(FieldError(field, value, message, remedy))

    def done(self, *known: str) -> list[FieldError]:
        for name, value in self._left.items():
            self.wrong(name, value, "is unknown", f"leave it out; known are {', '.join(known)}")
        return self.errors


def reports(raw: Any) -> list[Report]:
    """Parse {"step", "values"} or {"reports": [...]}. Raises `Reject` with every fault."""
    if not (isinstance(raw, dict) and "reports" in raw):
        report, errors = _report(raw, "")
        return _accept([report], errors)
    fields = Fields(raw)
    remedy = f"send a list of at most {MAX_REPORTS} reports"
    listed = fields.take("reports", _listed, remedy) or []
    fields.take("ending", _flag, "send true once the training has ended, or leave it out", False)
    read = [_report(each, f"reports[{index}]") for index, each in enumerate(listed)]
    errors = fields.done("reports", "ending") + [error for _, wrong in read for error in wrong]
    return _accept([report for report, _ in read], errors)


def ending(raw: Any) -> bool:
    """Return whether checked reports announce the end of the run: nothing follows them."""
    return isinstance(raw, dict) and raw.get("ending") is True


def outcome(raw: Any) -> Outcome:
    """Parse {"state", "values", "reason", "exit_code", "log_tail"}.

    Raises `Reject` with every fault.
    """
    fields = Fields(raw)
    state = fields.take("state", _state, f"send one of {', '.join(STATES)}")
    values = fields.take("values", _values, _NUMBERS, {})
    reason = fields.take("reason", text, f"send a text of at most {MAX_REASON} characters")
    exit_code = fields.take("exit_code", _exit_code, "send an integer")
    log_tail = fields.take("log_tail", text, f"send a text of at most {MAX_REASON} characters")
    errors = fields.done("state", "values", "reason", "exit_code", "log_tail")
    if errors:
        raise Reject("the outcome is invalid", errors)
    return Outcome(state, values, reason, exit_code, log_tail)


def record(service: "Service", event: Event, bearer: str | None) -> bool:
    """Commit a trial event. Returns True if the training code should stop.

    The token is `bearer`, or "token" in the data of an event that came through a broker.
    Raises `Forbidden` if it is not the token of this trial and attempt.
    """
    try:
        return _recorded(service, event, bearer)
    except NotFound as missing:
        raise NotFound(f"{event.subject}: {missing}") from missing


def _recorded(service: "Service", event: Event, bearer: str | None) -> bool:
    namespace, name, trial, claimed = subject(event)
    if trial is None:
        remedy = "send {namespace}/{experiment}/{number}/{attempt}"
        wrong = FieldError("subject", event.subject, "names no trial", remedy)
        raise Reject("the event is about no trial", [wrong])
    raw = dict(event.data) if isinstance(event.data, dict) else {}
    token = raw.pop("token", bearer)
    if not isinstance(token, str):
        wrong = FieldError("data.token", None, "is missing", "send the trial's TUNELET_TRIAL_TOKEN")
        raise Reject("the event has no token", [wrong])
    run = service.attempts.authorize(token, namespace, name, trial)
    if claimed not in (None, run.attempt):
        wrong = FieldError("subject", event.subject, "is of another attempt", "use its own token")
        raise Forbidden("the token is not of this attempt", [wrong])
    if event.type == REPORTED:
        return service.attempts.report(run, reports(raw))
    ended = {"state": "FAIL"} if event.type == FAILED else {"state": "COMPLETE"}
    service.attempts.finish(run, outcome(ended | raw))
    return False


def _report(raw: Any, where: str) -> tuple[Report, list[FieldError]]:
    fields = Fields(raw, where)
    step = fields.take("step", _step, f"send an integer from 0 to {MAX_STEP}")
    values = fields.take(
        "values", _some_values, f"send an object of at least one metric: {_NUMBERS}"
    )
    return Report(step, values), fields.done("step", "values")


def _accept(read: list[Report], errors: list[FieldError]) -> list[Report]:
    if errors:
        raise Reject("the report is invalid", errors)
    return read


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_REPORTS:
        raise ValueError
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _step(value: Any) -> int:
    step = whole(value)
    if not 0 <= step <= MAX_STEP:
        raise ValueError
    return step


def whole(value: Any) -> int:
    # Programs that count in floating point send 1.0, and JSON Schema takes that for an integer.
    if type(value) is int or (type(value) is float and value.is_integer()):
        return int(value)
    raise ValueError


def _some_values(value: Any) -> dict[str, Number]:
    if not value:
        raise ValueError
    return _values(value)


def _values(value: Any) -> dict[str, Number]:
    if not isinstance(value, dict):
        raise ValueError
    if len(value) > METRICS:
        remedy = f"send at most {METRICS} metrics"
        raise _Wrong(None, f"has {len(value)} metrics", remedy)
    if (bad := next((name for name in value if not is_metric_name(name)), None)) is not None:
        remedy = f"use 1 to {METRIC_LENGTH} characters, none of them a control character"
        raise _Wrong(bad[:METRIC_LENGTH], "has a name that no metric may have", remedy)
    return {name: _number(each) for name, each in value.items()}


def _number(value: Any) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    if isinstance(value, str) and value not in ("NaN", "Infinity", "-Infinity"):
        raise ValueError
    return plain(number(value))


def _state(value: Any) -> Verdict:
    if value not in STATES:
        raise ValueError
    return Verdict(value)


def _exit_code(value: Any) -> int | None:
    if value is None:
        return None
    code = whole(value)
    if abs(code) > LARGEST_EXIT_CODE:
        raise ValueError
    return code


def text(value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and len(value) <= MAX_REASON):
        raise ValueError
    return value

"""A trial as the API shows it: a dict, with typed properties."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

Json = dict[str, Any]


class Report(NamedTuple):
    """Intermediate values at one step."""

    step: int
    values: dict[str, float]
    """By metric."""


class Trial(Json):
    """One trial, as it was when the service answered.

    It is the API's JSON itself, so `trial["reason"]` and `json.dumps(trial)` work, too.
    """

    @property
    def json(self) -> Json:
        """The trial itself, as the API has it."""
        return self

    @property
    def number(self) -> int:
        """0 for the experiment's first trial."""
        return int(self["number"])

    @property
    def state(self) -> str:
        """WAITING, RUNNING, COMPLETE, PRUNED, FAIL or STOPPED (alone, or with the experiment)."""
        return str(self["state"])

    @property
    def ended(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self["finished_at"] is not None

    @property
    def attempt(self) -> int:
        """1, or more if the infrastructure lost earlier attempts."""
        return int(self["attempt"])

    @property
    def hyperparameters(self) -> dict[str, bool | int | float | str | None]:
        """By name; a conditional one that is not active is absent."""
        return dict(self["hyperparameters"])

    @property
    def values(self) -> dict[str, float]:  # type: ignore[override]
        """The newest value of each metric; NaN and infinities are floats."""
        return floats(self["values"])

    @property
    def reports(self) -> list[Report]:
        """Intermediate values by step."""
        return [Report(each["step"], floats(each["values"])) for each in self["reports"]]

    @property
    def reason(self) -> str | None:
        """Why it failed, was pruned or was lost."""
        return None if self["reason"] is None else str(self["reason"])

    @property
    def note(self) -> str | None:
        """What a person or a program noted, such as why they proposed it."""
        return self.get("note")

    @property
    def retry_of(self) -> int | None:
        """The number of the trial that it repeats."""
        return self.get("retry_of")

    @property
    def attributes(self) -> Json:
        """What the training code attached (`set_user_attr`)."""
        return dict(self.get("attributes", {}))

    @property
    def created_at(self) -> datetime:
        """When the algorithm suggested it, or it was enqueued."""
        return when(self["created_at"]) or datetime.fromtimestamp(0, UTC)

    @property
    def started_at(self) -> datetime | None:
        """When its present attempt started."""
        return when(self["started_at"])

    @property
    def finished_at(self) -> datetime | None:
        """When it ended; None before."""
        return when(self["finished_at"])

    @property
    def exit_code(self) -> int | None:
        """The exit code of a training that failed, if it is known."""
        return None if self["exit_code"] is None else int(self["exit_code"])

    @property
    def log_tail(self) -> str | None:
        """The last lines of output of a trial that failed."""
        return None if self["log_tail"] is None else str(self["log_tail"])

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:.5g}" for name, value in self.values.items())
        given = ", ".join(f"{name}={value!r}" for name, value in self.hyperparameters.items())
        reason = f" ({self.reason})" if self.reason else ""
        return f"<Trial {self.number}: {self.state}{reason}{values and f', {values}'}; {given}>"


def floats(values: Mapping[str, float | str]) -> dict[str, float]:
    """Convert the API's values, in which "NaN" and "Infinity" are strings, to floats."""
    return {name: float(value) for name, value in values.items()}


def when(text: str | None) -> datetime | None:
    """Parse an ISO 8601 time; a time without a zone is in UTC."""
    if text is None:
        return None
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)

"""An experiment as a client sees it: the service's answer, and methods that ask for more.

A notebook shows it as a plot and a table. It never changes; `refresh` returns a newer one.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from tunelet.client.artifacts import Artifacts
from tunelet.client.plots import history
from tunelet.client.report import (
    FINAL,
    Json,
    Rows,
    created,
    leading,
    progress,
    trial_table,
    winners,
    without_empty,
)
from tunelet.client.results import Results
from tunelet.client.running import RunningTrial, next_trial
from tunelet.client.trial import Trial
from tunelet.core.lease import USUAL
from tunelet.errors import NotFound

if TYPE_CHECKING:
    # A deliberate circle: a client makes experiments, and each calls its client.
    from tunelet.client.client import Client

_SHOWN = 20
_DRAWN = 2000
"""Trials in the plot of a notebook's cell. Of more, `plot_history` draws all."""


@dataclass(frozen=True, repr=False)
class Experiment(Results):
    """`json` is the service's answer; after a submit it has the first fields only."""

    json: Json
    client: "Client" = field(compare=False)

    @property
    def name(self) -> str:
        """The name of the experiment."""
        return str(self.json["name"])

    @property
    def state(self) -> str:
        """RUNNING, PAUSED, COMPLETE, STOPPED or FAILED, when the answer was given."""
        return str(self.json["state"])

    @property
    def ended(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self.state in FINAL

    @property
    def reason(self) -> str | None:
        """Why it has ended, or why it starts no further trial."""
        return self.json.get("reason")

    @property
    def spec(self) -> Json:
        """The request, normalized: every field is there."""
        return dict(self._whole()["spec"])

    @property
    def note(self) -> str | None:
        """What a person or a program noted about it."""
        return self._whole().get("note")

    @property
    def labels(self) -> dict[str, str]:
        """The names and texts that users gave it."""
        return dict(self.spec.get("labels", {}))

    @property
    def counts(self) -> dict[str, int]:
        """The number of trials by state: waiting, running, complete, pruned, failed, stopped."""
        return dict(self._whole()["counts"])

    @property
    def best(self) -> Trial | None:
        """The best trial now (asks the service); of several objectives the first of `pareto`."""
        return next(iter(self.pareto), None)

    @property
    def pareto(self) -> list[Trial]:
        """The trials that no other trial beats in every objective (asks the service)."""
        return self.client.best(self.name)

    @property
    def artifacts(self) -> Artifacts:
        """The files of the best trial's checkpoint (asks the service); of several objectives, of
        the first of `pareto`. Raises `NotFound` if no trial has completed."""
        best = self.best
        if best is None:
            raise NotFound(f"{self.name} has no completed trial")
        return self.client.artifacts(self.name, best.number)

    @property
    def trials(self) -> list[Trial]:
        """All trials now (asks the service)."""
        return list(self.client.trials(self.name))

    def propose(
        self,
        hyperparameters: Mapping[str, Any],
        note: str | None = None,
        idempotency_key: str | None = None,
    ) -> Trial:
        """Add a trial with these hyperparameters, to run next; `note` says why.

        The same key adds it only once. Raises the errors of `Client.enqueue`.
        """
        (trial,) = self.client.enqueue(self.name, [hyperparameters], idempotency_key, note)
        return trial

    def ask(
        self, lease_seconds: float = USUAL, timeout: float | None = None
    ) -> RunningTrial | None:
        """Take a trial to run in this process, as soon as one can begin; None: there are no more.

        Raises TimeoutError if none could begin for `timeout` seconds. See `Client.ask`.
        """
        return next_trial(self.client, self.name, lease_seconds, timeout)

    def import_trials(
        self, source: Any, count: bool = False, idempotency_key: str | None = None
    ) -> list[Trial]:
        """Add trials that were made elsewhere, with their values (see `Client.import_trials`)."""
        return self.client.import_trials(self.name, source, count, idempotency_key)

    def refresh(self) -> "Experiment":
        """Return the experiment as it is now."""
        return self.client.experiment(self.name)

    def wait(
        self,
        callback: "Callable[[Experiment], object] | None" = None,
        timeout: float | None = None,
    ) -> "Experiment":
        """The experiment once it has ended (see `Client.wait`)."""
        return self.client.wait(self.name, callback, timeout)

    def _whole(self) -> Json:
        """The answer with all fields; a submit is answered with the first ones only."""
        return self.json if "spec" in self.json else self.refresh().json

    def _results(self) -> tuple[Json, Sequence[Trial]]:
        return self.refresh().json, self.trials

    def __repr__(self) -> str:
        """A line without asking the service: `json` may hold thousands of reports."""
        best = leading(self.json) if "spec" in self.json else ""
        return f"<Experiment {self.name}: {self.state}{best and f', best {best}'}>"

    def _repr_html_(self) -> str:
        now = self if "spec" in self.json else self.refresh()
        first = winners(now.json)[:_SHOWN]
        spec, total = now.json["spec"], created(now.json)
        drawn = total <= _DRAWN and "best" in now.json and first
        after = -1 if drawn else max(-1, total - 1 - _SHOWN)
        trials = list(self.client.trials(self.name, after=after))
        shown = trial_table(trials[-_SHOWN:], spec, time.time(), [t["number"] for t in first])
        head = f"<b>{escape(now.name)}</b> {escape(now.state)}: {escape(progress(now.json))}"
        best = f"; best {escape(leading(now.json))}" if first else ""
        objective, constraints = spec["objectives"][0], spec.get("constraints", ())
        plot = history(trials, objective, constraints).svg if drawn else ""
        return f"<p>{head}{best}</p>{plot}{_html(without_empty(shown))}"


def _html(table: Rows) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

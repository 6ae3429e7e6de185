"""An experiment as a client sees it: the service's answer, with the way to ask for more.

In a notebook it shows itself as a table. It never changes: `refresh` gives a newer one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    # A circle on purpose: a client makes experiments, and each calls its client.
    from tunelet.client.client import Client

_SHOWN = 20


@dataclass(frozen=True, repr=False)
class Experiment:
    """`json` is the service's answer as it stands (after a submit: only its first fields)."""

    json: Json
    client: "Client" = field(compare=False)

    @property
    def name(self) -> str:
        return str(self.json["name"])

    @property
    def state(self) -> str:
        """RUNNING, PAUSED, COMPLETE, STOPPED or FAILED, when the answer was given."""
        return str(self.json["state"])

    @property
    def ended(self) -> bool:
        return self.state in FINAL

    @property
    def best(self) -> Json | None:
        """The best trial now (asks the service); of several objectives the first of `pareto`."""
        return next(iter(self.pareto), None)

    @property
    def pareto(self) -> list[Json]:
        """The trials that no other trial beats in every objective (asks the service)."""
        return self.client.best(self.name)

    @property
    def trials(self) -> list[Json]:
        """All trials now (asks the service)."""
        return list(self.client.trials(self.name))

    def refresh(self) -> "Experiment":
        return self.client.experiment(self.name)

    def wait(
        self,
        callback: "Callable[[Experiment], object] | None" = None,
        timeout: float | None = None,
    ) -> "Experiment":
        """The experiment once it has ended (see `Client.wait`)."""
        return self.client.wait(self.name, callback, timeout)

    def __repr__(self) -> str:
        """A line without asking the service: `json` may hold thousands of reports."""
        best = leading(self.json) if "spec" in self.json else ""
        return f"<Experiment {self.name}: {self.state}{best and f', best {best}'}>"

    def _repr_html_(self) -> str:
        now = self if "spec" in self.json else self.refresh()
        first = winners(now.json)[:_SHOWN]
        after = max(-1, created(now.json) - 1 - _SHOWN)
        trials = list(self.client.trials(self.name, after=after))
        shown = trial_table(trials, now.json["spec"], time.time(), [t["number"] for t in first])
        head = f"<b>{escape(now.name)}</b> {escape(now.state)}: {escape(progress(now.json))}"
        best = f"; best {escape(leading(now.json))}" if first else ""
        return f"<p>{head}{best}</p>{_html(without_empty(shown))}"


def _html(table: Rows) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

"""The step that a line of metrics belongs to.

- If no step is printed, steps are counted from 1: a line belongs to the present step, unless one of
  its metrics was already seen there; then it begins the next step.
- A printed step is the step. It may be in its own line, before its metrics.
- A line without a step belongs to the last printed step. If that step was printed without a
  requested metric (in a configuration, for example), a repeated metric begins the next step.
- A repeated metric also begins the next step after a step that cannot be read (`1,001`, `2/10`,
  null).
- If a printed step decreases, for example because each epoch counts from the start, a new stretch
  begins, and its numbers follow those of the last one: 1, 2, 3, 1, 2, 3 are steps 1 to 6. A step
  decreases only for metrics that were seen at a larger step of the stretch: validation after
  training belongs to the steps of the training.
- Steps that are not integers count in their order: 0.5, 1.0, 1.5 are steps 1, 2, 3.
- The first value of a metric at a step is the one in the curve.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping

from tunelet.core.trial import Number, Report
from tunelet.text.limits import STEPS

LARGEST = 2**52


class Curve:
    """The reports of one output."""

    def __init__(self, asked: Collection[str] = ()) -> None:
        self._asked = frozenset(asked)
        self._steps: dict[int, dict[str, Number]] = {}
        self._now = 0
        self._top = 0
        self._named = self._counts_on = self._ordered = False
        self._header: float | None = None
        self._base = 0
        """The number to add to a printed step of this stretch."""
        self._largest = -1.0
        """The largest printed step of this stretch."""
        self._last: dict[str, float] = {}
        """For each metric the largest step of this stretch at which it was seen."""
        self._order: list[tuple[float, int]] = []
        """Pairs of a printed step and its number, sorted, if steps are not integers."""
        self.cut = False
        """Whether there were more steps than are kept."""

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports so far, sorted by step."""
        return tuple(Report(step=s, values=dict(v)) for s, v in sorted(self._steps.items()))

    def add(self, printed: float | None, metrics: Mapping[str, Number]) -> list[Report]:
        """Return the report of a line; empty if nothing is new. `printed` is the line's step."""
        if not metrics:
            if printed is not None:
                self._header = printed
            return []
        header, self._header = self._header, None
        if printed is not None:
            self._counts_on = self._asked.isdisjoint(metrics)
            self._turn_to(printed, metrics)
        elif header is not None:
            self._counts_on = True
            self._turn_to(header, metrics)
        elif self._now == 0 and not self._named:
            self._now = 1
        elif self._counts_on or not self._named:
            seen = self._steps.get(self._now, {})
            if not seen.keys().isdisjoint(metrics):
                self._now += 1
        if not self._named:
            self._last |= dict.fromkeys(metrics, float(self._now))
        return self.at(self._now, metrics)

    def count_on(self) -> None:
        """Note a step that cannot be read: a repeated metric begins the next step."""
        self._counts_on = True

    def at(self, step: int, metrics: Mapping[str, Number]) -> list[Report]:
        """Return the report of metrics at exactly this step; empty if nothing is new."""
        seen = self._steps.get(step, {})
        new = {k: v for k, v in metrics.items() if k not in seen}
        if not seen and len(self._steps) >= STEPS:
            self.cut = True
            return []
        self._top = max(self._top, step)
        if not new:
            return []
        self._steps[step] = seen | new
        return [Report(step=step, values=new)]

    def _turn_to(self, printed: float, metrics: Mapping[str, Number]) -> None:
        self._named = True
        if any(printed < self._last.get(name, -1.0) for name in metrics):
            self._begin(printed)
        for name in metrics:
            self._last[name] = max(printed, self._last.get(name, printed))
        self._now = self._place(printed)
        self._top = max(self._top, self._now)
        self._largest = max(self._largest, printed)

    def _begin(self, printed: float) -> None:
        """Begin a new stretch."""
        self._base = self._top if printed >= 1 else self._top + 1
        self._largest = -1.0
        self._last.clear()
        self._order.clear()

    def _place(self, printed: float) -> int:
        """The number of the `printed` step in this stretch."""
        self._ordered = self._ordered or not printed.is_integer()
        if self._ordered:
            return self._in_order(printed)
        step = self._base + int(printed)
        if printed > self._largest >= 0 and step <= self._top:
            # Counted steps have taken this number.
            self._base += self._top + 1 - step
            return self._top + 1
        return step

    def _in_order(self, printed: float) -> int:
        at = bisect_right(self._order, (printed, LARGEST))
        if at and (self._order[at - 1][0] == printed or at < len(self._order)):
            return self._order[at - 1][1]
        if printed == self._largest:
            return self._now
        if len(self._order) < STEPS:
            self._order.append((printed, self._top + 1))
            self._order.sort()
        return self._top + 1

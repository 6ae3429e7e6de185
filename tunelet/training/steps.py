"""Which step a line of metrics belongs to.

- Without any step printed, steps are counted from 1: a line joins the step in progress, unless
  one of its metrics was already seen there; then it begins the next.
- A printed step is the step. It may stand in a line of its own, before its metrics.
- A line without a step belongs to the last one printed. Where that step was printed without a
  metric that was asked for (a configuration, say), a metric that comes again counts on from it.
- Likewise it counts on after a step that cannot be read (`1,001`, `2/10`, null).
- A step that goes back, as when every epoch begins anew, begins a further stretch, which is
  numbered on: 1, 2, 3, 1, 2, 3 are steps 1 to 6. A step goes back for metrics that were seen at
  a larger step of the stretch: validation after training joins the steps of the training.
- Steps that are no integers count in their order: 0.5, 1.0, 1.5 are steps 1, 2, 3.
- The first value of a metric at a step stands in the curve.
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
        """What is added to a printed step of this stretch."""
        self._largest = -1.0
        """The largest step printed in this stretch."""
        self._last: dict[str, float] = {}
        """For each metric the largest step of this stretch at which it was seen."""
        self._order: list[tuple[float, int]] = []
        """What steps that are no integers are, by size."""
        self.cut = False
        """There were more steps than are kept."""

    @property
    def reports(self) -> tuple[Report, ...]:
        """All so far, by step."""
        return tuple(Report(step=s, values=dict(v)) for s, v in sorted(self._steps.items()))

    def add(self, printed: float | None, metrics: Mapping[str, Number]) -> list[Report]:
        """The report of one line, if any of it is new; `printed` is the step that it names."""
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
        """A line names a step that cannot be read: what comes again is at a further one."""
        self._counts_on = True

    def at(self, step: int, metrics: Mapping[str, Number]) -> list[Report]:
        """The report of metrics that were measured at just this step, if any of it is new."""
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
        """A further stretch."""
        self._base = self._top if printed >= 1 else self._top + 1
        self._largest = -1.0
        self._last.clear()
        self._order.clear()

    def _place(self, printed: float) -> int:
        """The step that `printed` is in this stretch."""
        self._ordered = self._ordered or not printed.is_integer()
        if self._ordered:
            return self._in_order(printed)
        step = self._base + int(printed)
        if printed > self._largest >= 0 and step <= self._top:
            # What was counted on took its place.
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

"""Keeps the schedule of sweeps armed as long as an experiment is live.

A caller that makes an experiment live writes its marker, then arms the schedule, then writes the
log entry. A sweep looks at the schedule, then lists the markers; if there are none, it disarms the
schedule, but only if it was not armed since that look. So whichever comes first, an
acknowledged experiment has an armed schedule (docs/adr/0038-armed-while-live.md).
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from tunelet.errors import Retry
from tunelet.ports import Armed, Schedule

log = logging.getLogger("tunelet.arming")

TRUSTED = 60.0
"""Seconds for which a process relies on its own last arming, and does not repeat it."""

HELD = 240.0
"""Seconds for which no sweep disarms after an arming: `TRUSTED`, with clocks 90 s apart."""


class Look(NamedTuple):
    """The schedule before the markers were listed."""

    seen: Armed
    may_disarm: bool
    """Judged now and not after the sweep: a process may rely on its arming until then."""


class Arming:
    """The schedule, as one process arms and disarms it. Threads may share one.

    Without a schedule sweeps never pause, and nothing has any effect.
    """

    def __init__(self, schedule: Schedule | None, clock: Callable[[], float]) -> None:
        self._schedule = schedule
        self._clock = clock
        self._armed_at: float | None = None

    def arm(self) -> None:
        """Arm the schedule, unless this process has done so just now. Raises `Retry`.

        Call it once the marker is in the store: a sweep that disarms later must see the marker.
        """
        now = self._clock()
        if self._schedule is not None and self.due:
            self._schedule.arm(now)
            self._armed_at = now

    @property
    def due(self) -> bool:
        """Whether `arm` would make a request now."""
        if self._schedule is None:
            return False
        return self._armed_at is None or not 0 <= self._clock() - self._armed_at < TRUSTED

    def look(self) -> Look | None:
        """Look at the schedule, before the markers are listed; None if that is not possible."""
        if self._schedule is None:
            return None
        try:
            seen = self._schedule.look()
        except Retry as fault:
            log.warning("the schedule of sweeps cannot be read: %s", fault)
            return None
        held = seen.at is not None and self._clock() - seen.at < HELD
        return Look(seen, seen.active and not held)

    def settle(self, look: Look | None, live: bool) -> None:
        """Arm or disarm as the markers demand, which were listed after the `look`.

        A fault is logged: the next sweep settles it.
        """
        if self._schedule is None:
            return
        try:
            if live and not (look and look.seen.active):
                self._schedule.arm(self._clock())
            elif look and not live and look.may_disarm and self._schedule.disarm(look.seen):
                log.info("no experiment is live: the schedule of sweeps pauses")
        except Retry as fault:
            log.warning("the schedule of sweeps stays as it is for now: %s", fault)

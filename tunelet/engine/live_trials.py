"""The quota of trials that run at a time in a namespace, over all its experiments.

The ledger, `quotas/{namespace}`, names the attempts that may run. An attempt is launched only after
it is in the ledger, and leaves it only after the log says that it does not run, so never more run
than the quota allows, in however many processes and installations. A process may die at any line:
the attempt that it added is still due in the log, and the next launch finds it in the ledger.

While experiments wait, each takes its own ended attempts out of the ledger. The others' are looked
for only where a process may have died before it did so, because that reads all their logs.

Without a quota the ledger is neither read nor written.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec

from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.ledger import Ledger, Place, place_of
from tunelet.core.quotas import Quotas
from tunelet.core.trial import Trial
from tunelet.engine.runs import run_of
from tunelet.errors import Retry
from tunelet.log.entry import Damaged
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Markers
from tunelet.log.parallel import at_once
from tunelet.ports import Store, Stored

TRIES = 20
"""How many times a change of the ledger is tried while other processes change it, too."""

WAKES = 4
"""The most waiting experiments that are woken after a trial has ended."""

LOOK_SECONDS = 10.0
"""How long a process does not look again for ended attempts of all experiments while some wait."""

_NAMESPACES = 1_000

Change = Callable[[Ledger], Ledger]

State = Experiment | Damaged | None
"""An experiment as its log says; None if it is absent."""


class LiveTrials:
    """Decides which trials may run now. If a method raises `Retry`, none may begin for now."""

    def __init__(self, store: Store, journals: Journals, markers: Markers, quotas: Quotas) -> None:
        self._store = store
        self._journals = journals
        self._markers = markers
        self._quotas = quotas
        self._lock = threading.Lock()
        self._looked: BoundedCache[str, float] = BoundedCache(count=_NAMESPACES)
        """When each namespace was looked through last for attempts that have ended."""

    def limited(self, namespace: str) -> bool:
        return self._quotas.of(namespace).live_trials is not None

    def admitted(self, experiment: Experiment, due: Sequence[Trial]) -> list[Trial]:
        """Return those of the trials that may run. The others wait."""
        most = self._quotas.of(experiment.namespace).live_trials
        if most is None or not due:
            return list(due)
        places = {trial.number: _place(experiment, trial) for trial in due}
        wanted = list(places.values())
        looked, waits_first = self._last_look(experiment.namespace), False

        def admit(ledger: Ledger) -> Ledger:
            nonlocal waits_first
            waits_first = not ledger.waiting
            after = ledger.admitting(experiment.name, wanted, most)
            if set(wanted) <= set(after.live[:most]):
                return after
            current = self._cleared(experiment.namespace, experiment.name, ledger, most, looked)
            return current.admitting(experiment.name, wanted, most)

        ledger = self._changed(experiment.namespace, admit)
        if waits_first and ledger.waiting:
            looked = None  # what ended between the look and the write was not given back
            ledger = self._changed(experiment.namespace, admit)
        # An operator may have lowered the quota below what was admitted before.
        live = set(ledger.live[:most])
        return [trial for trial in due if places[trial.number] in live]

    def room(self, namespace: str, name: str) -> int | None:
        """Return how many further trials of the experiment may run now; None: any number."""
        most = self._quotas.of(namespace).live_trials
        if most is None:
            return None
        looked = self._last_look(namespace)

        def freed(ledger: Ledger) -> Ledger:
            if ledger.room_of(name, most):
                return ledger
            return self._cleared(namespace, name, ledger, most, looked)

        return self._changed(namespace, freed).room_of(name, most)

    def add(self, experiment: Experiment, begun: Sequence[Trial]) -> None:
        """Note trials that run already, because a worker has taken them."""
        if not begun or not self.limited(experiment.namespace):
            return
        places = [_place(experiment, trial) for trial in begun]

        def noted(ledger: Ledger) -> Ledger:
            new = tuple(place for place in places if place not in ledger.live)
            return msgspec.structs.replace(ledger, live=ledger.live + new)

        self._changed(experiment.namespace, noted)

    def give_back(self, experiment: Experiment) -> list[str]:
        """Take what has ended of the experiment out of the ledger, if others wait for a place.

        Return the experiments that are to try again now, one more than there are places if there
        are any: the process that had to take one of them out of the ledger may have died.
        """
        namespace, name = experiment.namespace, experiment.name
        most = self._quotas.of(namespace).live_trials
        if most is None:
            return []

        def without_own(ledger: Ledger) -> Ledger:
            # By the log as it is now: `experiment` may be older than an attempt in the ledger.
            return self._pruned(namespace, ledger, [name]) if ledger.waiting else ledger

        ledger = self._changed(namespace, without_own)
        room = ledger.room(most)
        others = [other for other in ledger.in_turn() if other != name]
        return others[: min(WAKES, room + 1)] if room else []

    def _changed(self, namespace: str, change: Change) -> Ledger:
        key = _key(namespace)
        for _ in range(TRIES):
            stored = self._store.get(key)
            before = None if stored is None else _decoded(stored)
            after = change(before if before is not None else self._rebuilt(namespace))
            if after == before or self._written(key, stored, after):
                return after
        raise Retry(f"the ledger of {namespace!r} changes all the time")

    def _written(self, key: str, stored: Stored | None, ledger: Ledger) -> bool:
        data = msgspec.json.encode(ledger)
        if stored is None:
            return self._store.create(key, data)
        return self._store.replace(key, data, stored.version)

    def _cleared(
        self, namespace: str, name: str, ledger: Ledger, most: int, looked: float | None
    ) -> Ledger:
        """Return the ledger without what keeps places from the experiment `name` in vain."""
        own = self._pruned(namespace, ledger, [name])
        current = self._without_ended(namespace, own, looked)
        return self._without_idle(namespace, current, name, most)

    def _last_look(self, namespace: str) -> float | None:
        with self._lock:
            return self._looked.get(namespace)

    def _without_ended(self, namespace: str, ledger: Ledger, looked: float | None) -> Ledger:
        """Return the ledger without attempts that have ended, unless the last look was just now.

        It is unchanged then only if experiments wait: whatever ended since was given back.
        """
        now = self._journals.clock()
        if ledger.waiting and looked is not None and 0 <= now - looked < LOOK_SECONDS:
            return ledger
        with self._lock:
            self._looked.put(namespace, now)
        return self._pruned(namespace, ledger, {place.experiment for place in ledger.live})

    def _without_idle(self, namespace: str, ledger: Ledger, name: str, most: int) -> Ledger:
        """Return the ledger without experiments that keep places from `name`, but do not wait."""
        while ahead := ledger.ahead_of(name)[: ledger.room(most)]:
            after = self._pruned(namespace, ledger, ahead)
            if after.waiting == ledger.waiting:
                break
            ledger = after
        return ledger

    def _pruned(self, namespace: str, ledger: Ledger, experiments: Collection[str]) -> Ledger:
        """Return the ledger without those of the experiments' attempts that do not run.

        Nor with those of the experiments that do not wait.
        """
        names = sorted(experiments)
        found = dict(zip(names, self._states(namespace, names), strict=True))

        def runs(place: Place) -> bool:
            return place.experiment not in found or _runs(found[place.experiment], place)

        waiting = (name for name in ledger.waiting if name not in found or _waits(found[name]))
        live = tuple(filter(runs, ledger.live))
        return msgspec.structs.replace(ledger, live=live, waiting=tuple(waiting))

    def _rebuilt(self, namespace: str) -> Ledger:
        """Return a ledger of what runs now: the quota is new, or the ledger was removed."""
        states = self._states(namespace, list(self._markers.live_names(namespace)))
        return Ledger(live=tuple(place for state in states for place in _running(state)))

    def _states(self, namespace: str, names: Sequence[str]) -> list[State]:
        return at_once(lambda name: self._state(namespace, name), names)

    def _state(self, namespace: str, name: str) -> State:
        try:
            return self._journals.of(namespace, name).peek()
        except Damaged as damage:
            return damage


def _key(namespace: str) -> str:
    return f"quotas/{namespace}"


def _decoded(stored: Stored) -> Ledger | None:
    """Return the ledger; None if the object is not a ledger."""
    try:
        return msgspec.json.decode(stored.data, type=Ledger)
    except msgspec.DecodeError:
        return None


def _place(experiment: Experiment, trial: Trial) -> Place:
    return place_of(run_of(experiment, trial.number, trial.attempt))


def _runs(experiment: State, place: Place) -> bool:
    if isinstance(experiment, Damaged):
        return True  # nothing shows that it has ended
    if experiment is None or experiment.over or experiment.uid != place.uid:
        return False
    trial = experiment.trials.get(place.number)
    if trial is None or trial.finished_at is not None:
        return False
    return trial.active and trial.attempt == place.attempt


def _waits(experiment: State) -> bool:
    if not isinstance(experiment, Experiment):
        return False
    if experiment.state is not ExperimentState.RUNNING:
        return False
    return any(trial.reserved and trial.started_at is None for trial in experiment.live)


def _running(experiment: State) -> Iterator[Place]:
    if isinstance(experiment, Experiment) and not experiment.over:
        for trial in experiment.live:
            if trial.started_at is not None and trial.active:
                yield _place(experiment, trial)

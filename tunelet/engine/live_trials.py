"""The quota of trials that run at a time in a namespace, over all its experiments.

The ledger, `quotas/{namespace}`, names the attempts that may run. An attempt is launched only after
it is in the ledger, and leaves it only after the log says that it does not run, so never more run
than the quota allows, in however many processes and installations. A process may die at any line:
the attempt that it added is still due in the log, and the next launch finds it in the ledger.

Without a quota the ledger is neither read nor written.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

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
"""The most waiting experiments that are looked at after a trial has ended."""

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

    def limited(self, namespace: str) -> bool:
        return self._quotas.of(namespace).live_trials is not None

    def admitted(self, experiment: Experiment, due: Sequence[Trial]) -> list[Trial]:
        """Return those of the trials that may run. The others wait."""
        most = self._quotas.of(experiment.namespace).live_trials
        if most is None or not due:
            return list(due)
        places = {trial.number: _place(experiment, trial) for trial in due}
        wanted = list(places.values())

        def admit(ledger: Ledger) -> Ledger:
            after = ledger.admitting(experiment.name, wanted, most)
            if not set(wanted) <= set(after.live):
                current = self._current(experiment.namespace, ledger)
                after = current.admitting(experiment.name, wanted, most)
            return after

        live = set(self._changed(experiment.namespace, admit).live)
        return [trial for trial in due if places[trial.number] in live]

    def room(self, namespace: str) -> int | None:
        """Return how many further trials may run now; None: any number."""
        most = self._quotas.of(namespace).live_trials
        if most is None:
            return None
        return self._changed(namespace, lambda ledger: self._current(namespace, ledger)).room(most)

    def add(self, experiment: Experiment, begun: Sequence[Trial]) -> None:
        """Note trials that run already, because a worker has taken them."""
        if not begun or not self.limited(experiment.namespace):
            return
        places = [_place(experiment, trial) for trial in begun]

        def noted(ledger: Ledger) -> Ledger:
            new = tuple(place for place in places if place not in ledger.live)
            return msgspec.structs.replace(ledger, live=ledger.live + new)

        self._changed(experiment.namespace, noted)

    def waiting(self, namespace: str) -> Sequence[str]:
        """Return the experiments that are to try again, because a trial may have ended."""
        if not self.limited(namespace):
            return ()
        stored = self._store.get(_key(namespace))
        ledger = None if stored is None else _decoded(stored)
        return () if ledger is None else ledger.waiting[:WAKES]

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

    def _current(self, namespace: str, ledger: Ledger) -> Ledger:
        """Return the ledger without attempts that do not run, and experiments that do not wait."""
        names = sorted({place.experiment for place in ledger.live} | set(ledger.waiting))
        found = dict(zip(names, self._states(namespace, names), strict=True))
        live = (place for place in ledger.live if _runs(found[place.experiment], place))
        waiting = (name for name in ledger.waiting if _waits(found[name]))
        return msgspec.structs.replace(ledger, live=tuple(live), waiting=tuple(waiting))

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

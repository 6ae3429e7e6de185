"""The sweep: look at every live experiment, and do whatever lost events have left undone."""

import logging
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.run import Life
from tunelet.core.turns import by_group, in_turns
from tunelet.engine.abandoned import abandoned
from tunelet.engine.cleaning import Cleaning
from tunelet.engine.early_stopping import Stopping
from tunelet.engine.idle import Idle
from tunelet.engine.loop import Loop
from tunelet.engine.membership import Membership
from tunelet.engine.outputs import Outputs
from tunelet.engine.retention import Retention
from tunelet.engine.runs import Runs
from tunelet.errors import NotFound, Retry, Unavailable
from tunelet.log import expiry
from tunelet.log.arming import Arming
from tunelet.log.entry import Damaged, Newer
from tunelet.log.expiry import Expiry
from tunelet.log.journal_cache import Journals
from tunelet.log.leases import Leases
from tunelet.log.markers import Marker, Markers
from tunelet.log.parallel import streamed
from tunelet.log.quiet import Name
from tunelet.log.summaries import Summaries
from tunelet.log.tenant_stores import left_behind
from tunelet.ports import Launcher, Store, Versions

log = logging.getLogger("tunelet.engine.sweep")

T = TypeVar("T", Expiry, Marker)


class Sweep:
    """Does everything that lost events would have caused."""

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        journals: Journals,
        markers: Markers,
        arming: Arming,
        leases: Leases,
        membership: Membership,
        stopping: Stopping,
        runs: Runs,
        outputs: Outputs,
        retention: Retention,
        summaries: Summaries,
        loop: Loop,
        abreast: int = 1,
    ) -> None:
        """`abreast` is how many experiments are looked at at a time."""
        self._abreast = abreast
        self._store = store
        self._launcher = launcher
        self._journals = journals
        self._markers = markers
        self._arming = arming
        self._leases = leases
        self._membership = membership
        self._stopping = stopping
        self._runs = runs
        self._outputs = outputs
        self._retention = retention
        self._loop = loop
        self._cleaning = Cleaning(store, launcher, journals, markers, outputs, summaries, loop)
        self._idle = Idle(store, launcher, journals, loop.limited)

    def sweep(self, ending: Callable[[], bool] = lambda: False) -> int:
        """Do for every live experiment all that lost signals would have; returns their number.

        It also deletes ended experiments that are due. It begins with another experiment each time:
        one that kills the process, or takes all of its time, must not block those after it.
        Namespaces take turns, so those with few experiments are done early. It
        stops once `ending()` is true. Raises `Retry` if the store is unavailable, because every
        other experiment would fail the same way.
        """
        armed = self._arming.look()
        lives = self._lives()
        expired = _by_experiment(expiry.due(self._store, self._journals.clock()))
        away = set[str]()
        marked = _by_experiment(self._markers.live(away))
        held = self._leases.held
        with self._faults("notes of quiet experiments are missing"):
            self._idle.begin(marked, lives)
        due = self._idle.due(marked)
        quiet = marked.keys() - due
        live = self._hold(quiet)
        for found in self._each(
            lambda name: (
                None if ending() else self._swept(expired.get(name, []), marked.get(name, []))
            ),
            _mixed(sorted(expired.keys() | due)),
        ):
            if found is None:
                break
            live += found
            self._save(ended=False)
        else:
            # The runs of a quiet experiment are those that its log wants. Each life in a store
            # that is away would be waited for.
            loud = [
                life
                for life in lives
                if Name(life.namespace, life.experiment) not in quiet and life.namespace not in away
            ]
            self._stop_strays(loud, expired.keys() | marked.keys())
            # In a store that is away there may be live experiments, and runs that need the lease.
            if marked or not away:
                self._arming.settle(armed, live=bool(marked))
            with self._faults("the lease is renewed later"):
                if not away:
                    self._leases.release(held)
                self._leases.keep()
        self._save(ended=True)
        return live

    def _each(
        self, swept: Callable[[Name], bool | None], names: Sequence[Name]
    ) -> Iterator[bool | None]:
        """Look at the experiments, several at a time: a look is mostly a wait for the store.

        Yields what `swept` returns, in order.
        `swept` returns whether an experiment is live, None if the process is ending.
        """
        if self._abreast == 1:
            return map(swept, names)
        context = copy_context()
        return streamed(lambda name: context.copy().run(swept, name), names, self._abreast)

    def _lives(self) -> Mapping[Life, Versions]:
        """Return the lives with active runs. They are listed before anything else is read, because
        a run is launched only after its marker and its slot were written."""
        found: Mapping[Life, Versions] = {}
        with self._faults("runs of unknown experiments may be left"):
            found = self._launcher.lives()
        return found

    def _hold(self, quiet: Collection[Name]) -> int:
        """Keep the lease if these experiments need it; returns their number."""
        with self._faults("the lease is renewed later"):
            if any(self._idle.holds(name) for name in quiet):
                self._leases.hold()
        return len(quiet)

    def _save(self, ended: bool) -> None:
        with self._faults("the next process looks at every experiment"):
            self._idle.save(ended)

    def _swept(self, expired: Sequence[Expiry], markers: Sequence[Marker]) -> bool:
        """Sweep one experiment; returns whether it is live. Its faults do not affect others."""
        for each in expired:
            with self._faults("expired experiment is still there", each.namespace, each.name):
                self._cleaning.expire(each)
        if markers:
            name = Name(*markers[0][:2])
            if self._idle.skips(name):
                return bool(self._hold([name]))
            with self._faults("experiment is left to the next sweep", *name):
                return self._look_after(markers)
        return False

    @contextmanager
    def _faults(self, what: str, namespace: str = "", name: str = "") -> Iterator[None]:
        """Log a fault and continue with the next part, unless the store is unavailable."""
        where = {"namespace": namespace, "experiment": name}
        try:
            yield
        except NotFound:
            log.info("an experiment was deleted during the sweep", extra=where)
        except Retry as fault:
            if isinstance(fault, Unavailable):
                self._store.ready()
            log.warning("%s: %s", what, fault, extra=where)
        except Exception:
            log.exception(what, extra=where)

    def _stop_strays(self, lives: Collection[Life], swept: Collection[Name]) -> None:
        """Stop the active runs of experiments that were not swept.

        Their log may be gone, for example removed by hand, or another installation may have ended
        the experiment while this one was down.
        """
        for life in lives:
            where = Name(life.namespace, life.experiment)
            with self._faults("runs of an unknown experiment may be left", *where):
                if self._unknown(life):
                    self._stop_stray(life)
                elif where not in swept:
                    self._runs.stop_unwanted(*where)

    def _stop_stray(self, life: Life) -> None:
        if left_behind(self._store, f"live/{life.namespace}/{life.experiment}/{life.uid}."):
            where = {"namespace": life.namespace, "experiment": life.experiment}
            log.warning(
                "runs are left alone: the experiment is in the shared store, and its namespace has"
                " a store of its own now; copy it there",
                extra=where,
            )
            return
        self._runs.stop_strays(life)

    def _unknown(self, life: Life) -> bool:
        try:
            experiment = self._journals.of(life.namespace, life.experiment).peek()
        except Damaged:
            return False  # its marker leads to `_halt`
        return (
            experiment is None
            or experiment.state is ExperimentState.DELETED
            or experiment.uid != life.uid
        )

    def _look_after(self, markers: Sequence[Marker]) -> bool:
        """Do all steps for the experiment of these markers; returns whether it is live."""
        namespace, name = markers[0][:2]
        journal = self._journals.of(namespace, name)
        try:
            found = journal.peek()
            before = journal.seq
            experiment, runs, unsaved = self._moved_on(namespace, name, found)
            after = journal.seq
            for marker in markers:
                self._cleaning.tidy(marker, experiment)
            if experiment is not None:
                self._idle.looked(experiment, markers, (before, after), runs, unsaved)
        except Newer as newer:
            where = {"namespace": namespace, "experiment": name}
            log.warning("left to a newer version of the service: %s", newer, extra=where)
            return True
        except Damaged as damage:
            self._halt(namespace, name, damage)
            return False
        return (
            experiment is not None
            and not experiment.over
            and any(marker.announces(experiment) for marker in markers)
        )

    def _moved_on(
        self, namespace: str, name: str, experiment: Experiment | None
    ) -> tuple[Experiment | None, bool, bool]:
        """Run every step from this state on.

        Returns the state after them, whether runs were active before the last step, and whether
        output was to be stored.
        """
        journal = self._journals.of(namespace, name)
        if experiment is not None and not experiment.over:
            if self._membership.needs_lease(experiment):
                self._leases.hold()
            proposal = self._loop.proposal(experiment)
            gone = self._gone(experiment)
            found = [*self._stopping.verdicts(proposal), *gone]
            journal.commit(commands.Tick(), *found, uid=experiment.uid)
            self._loop.collect(namespace, name)
            self._suggest(namespace, name)
        self._loop.launch(namespace, name)
        runs = self._runs.stop_unwanted(namespace, name)
        experiment = journal.peek()
        unsaved = False
        if experiment is not None:
            unsaved = self._outputs.save_rest(experiment)
            self._retention.tidy(experiment)
        return experiment, runs, unsaved

    def _gone(self, experiment: Experiment) -> list[Command]:
        """Return how workers lose their trials, or members come and go."""
        if experiment.for_workers:
            return abandoned(experiment, self._leases)
        return self._membership.changes(experiment)

    def _suggest(self, namespace: str, name: str) -> None:
        """Ask the algorithm. A fault here must not prevent the launching of runs."""
        try:
            self._loop.suggest(namespace, name)
        except Unavailable:
            raise
        except Retry as fault:
            where = {"namespace": namespace, "experiment": name}
            log.warning("no trials can be suggested now: %s", fault, extra=where)

    def _halt(self, namespace: str, name: str, damage: Damaged) -> None:
        """Stop the runs of a damaged log, because nothing can be recorded in it any more."""
        where = {"namespace": namespace, "experiment": name}
        log.error("the log is damaged: %s", damage, extra=where)
        try:
            self._runs.stop(self._runs.active(namespace, name))
        except Retry as fault:
            log.warning("some runs are stopped by the next sweep: %s", fault, extra=where)


def _mixed(names: Sequence[Name]) -> list[Name]:
    """Return the names in random order, in which namespaces take turns."""
    mixed = random.sample(names, len(names))
    return in_turns(by_group(mixed, lambda name: name.namespace).values())


def _by_experiment(each: Iterable[T]) -> dict[Name, list[T]]:
    found = defaultdict(list)
    for one in each:
        found[Name(one.namespace, one.name)].append(one)
    return found

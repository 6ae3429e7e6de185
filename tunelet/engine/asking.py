"""Give trials to the workers that ask for them.

Suggesting a trial, giving it a slot and starting it is one log entry. If the process dies before
the worker has its answer, the same request finds the same trials; if it never comes, the lease runs
out and the trials are given to others.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.decide import untaken
from tunelet.core.experiment import Experiment
from tunelet.core.lease import lease_seconds, leased_by
from tunelet.core.run import Run
from tunelet.core.trial import Trial
from tunelet.engine.abandoned import abandoned
from tunelet.engine.live_trials import LiveTrials
from tunelet.engine.loop import Loop
from tunelet.engine.runs import Runs, run_of
from tunelet.engine.suggest import Suggesting
from tunelet.engine.suggest_turns import SuggestTurns
from tunelet.log.journal import Journal
from tunelet.log.journal_cache import Journals
from tunelet.log.keys import lease_key
from tunelet.log.leases import Leases

TRIES = 8
"""How often one request is decided again because others took the trials that it was to have."""


class Handed(NamedTuple):
    """A trial that a worker has taken."""

    trial: Trial
    token: str
    """With which it reports values and the outcome."""
    checkpoint_url: str


class Asking:
    """The requests of workers for all experiments. Threads may share one."""

    def __init__(
        self,
        journals: Journals,
        leases: Leases,
        suggesting: Suggesting,
        runs: Runs,
        live: LiveTrials,
        loop: Loop,
    ) -> None:
        self._journals = journals
        self._leases = leases
        self._suggesting = suggesting
        self._runs = runs
        self._live = live
        self._loop = loop
        self._lock = threading.Lock()
        self._wanted = Counter[tuple[str, str]]()
        """How many trials the present requests want, by experiment."""
        self._turns = SuggestTurns()

    def ask(
        self, namespace: str, name: str, count: int, seconds: float, key: str, actor: str = ""
    ) -> tuple[Experiment, list[Handed]]:
        """Let the request `key` take up to `count` trials; returns the state after it, and them.

        Raises `NotFound`, `Retry`, and `Conflict` if the experiment's trials are launched for it.
        """
        by = leased_by(seconds, f"{key}/{count}")
        room = self._live.room(namespace, name)
        count = count if room is None else min(count, room)
        if count == 0:
            after = self._journals.of(namespace, name).read()
        else:
            after = self._asked(namespace, name, commands.Ask(count, by, actor))
        mine = taken(after, by)
        self._live.add(after, mine)
        return after, [Handed(trial, *self._runs.handed(after, trial)) for trial in mine]

    def _asked(self, namespace: str, name: str, take: commands.Ask) -> Experiment:
        where, by = (namespace, name), take.by
        journal = self._journals.of(*where)
        with self._counted(where, take.count):
            first = experiment = journal.read()
            for _ in range(TRIES):
                before, experiment = (
                    experiment,
                    self._tried(where, journal, experiment.uid, take),
                )
                if experiment.over or taken(experiment, by) or experiment is before:
                    break
        if experiment.over and not first.over:
            self._loop.follow(experiment)  # the algorithm had no trial left, or failed
        self._begin(experiment, by)
        return experiment

    def renew(self, run: Run, trial: Trial) -> None:
        """Renew the lease of the trial's present attempt, if a worker has it."""
        seconds = lease_seconds(trial.by)
        if seconds is not None:
            self._leases.renew(lease_key(run), seconds)

    def end(self, run: Run, trial: Trial) -> None:
        """Remove the lease of an attempt that has ended, unless none was written."""
        seconds = lease_seconds(trial.by)
        if trial.attempt != run.attempt or seconds is None or trial.seconds >= seconds / 4:
            self._leases.end(lease_key(run))

    def _tried(
        self, where: tuple[str, str], journal: Journal, uid: str, take: commands.Ask
    ) -> Experiment:
        """Suggest trials in turn with other requests, so that one suggests for all that wait.

        If too many wait, take only what others have suggested.
        """
        with self._turns.of(where) as mine:
            if mine:
                # A read would let all that wait for their turn wait for the store, too. The request
                # has read before, and `commit` decides on the newest state in any case.
                experiment = journal.known() or journal.read()
                if taken(experiment, take.by):
                    return experiment
                found = self._found(where, experiment, take.count)
                if found:
                    return journal.commit(*found, take, uid=experiment.uid)
        return journal.commit(take, uid=uid)

    def _found(self, where: tuple[str, str], experiment: Experiment, count: int) -> list[Command]:
        """Return the commands that make trials wait: new ones, or else abandoned ones."""
        waiting = len(untaken(experiment))
        if waiting >= count or not experiment.for_workers:
            return []
        wanted = min(self._wanted[where] - waiting, experiment.room)
        if wanted > 0:
            return [self._suggesting.suggested(experiment, wanted)]
        return [] if waiting else abandoned(experiment, self._leases)

    def _begin(self, experiment: Experiment, by: str) -> None:
        seconds = lease_seconds(by)
        for trial in taken(experiment, by):
            if seconds is not None and not trial.state.finished:
                run = run_of(experiment, trial.number, trial.attempt)
                self._leases.begin(lease_key(run), seconds)

    @contextmanager
    def _counted(self, where: tuple[str, str], count: int) -> Iterator[None]:
        with self._lock:
            self._wanted[where] += count
        try:
            yield
        finally:
            with self._lock:
                self._wanted[where] -= count
                if not self._wanted[where]:
                    del self._wanted[where]


def taken(experiment: Experiment, by: str) -> list[Trial]:
    """Return the trials whose present attempt `by` has taken, by number."""
    found = [trial for trial in experiment.trials.values() if trial.by == by]
    return sorted(found, key=lambda trial: trial.number)

"""The domain's interface: all calls of users, training code and functions.

A method that changes an experiment first puts the change into its log and then
publishes what the new state calls for (tunelet.engine.loop). A crash at any line costs time
and nothing else, because `sweep` does all that a lost signal would have caused.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment
from tunelet.core.run import Run
from tunelet.core.summary import Summary
from tunelet.core.trial import Trial
from tunelet.dead_letters import DeadLetters
from tunelet.engine.allowance import Allowance
from tunelet.engine.attempts import Attempts
from tunelet.engine.ending import Ending
from tunelet.engine.interventions import Interventions
from tunelet.engine.loop import Loop
from tunelet.engine.membership import Membership
from tunelet.engine.submitting import Submitting
from tunelet.engine.sweep import Sweep
from tunelet.engine.trial_files import TrialFiles
from tunelet.engine.usage import UsageReader
from tunelet.errors import NO_EXPERIMENT, NotFound
from tunelet.log.audit import Change, audit
from tunelet.log.journal_cache import Journals
from tunelet.log.leases import Leases
from tunelet.log.markers import Indexed, Markers
from tunelet.log.parallel import at_once
from tunelet.log.rows import Row
from tunelet.log.study_numbers import Numbers
from tunelet.log.summaries import Summaries
from tunelet.ports import Catalog, Launcher, Store
from tunelet.store_probe import Probed

if TYPE_CHECKING:
    from tunelet.engine.studies import Studies


READ_A_PAGE = 100
"""The most logs read for one page of experiments that is filtered by state."""

READ_AT_ONCE = 25


class Service:
    """Every operation of Tunelet. Threads may share one.

    Every method may raise `Retry`; those that name an experiment raise `NotFound`.
    """

    def __init__(
        self,
        *,
        store: Store,
        probed: Probed,
        launcher: Launcher,
        catalog: Catalog,
        aliases: Sequence[str],
        allows_commands: bool,
        journals: Journals,
        markers: Markers,
        allowance: Allowance,
        leases: Leases,
        dead: DeadLetters,
        loop: Loop,
        membership: Membership,
        ending: Ending,
        submitting: Submitting,
        attempts: Attempts,
        files: TrialFiles,
        interventions: Interventions,
        usage: UsageReader,
        summaries: Summaries,
        sweeper: Sweep,
    ) -> None:
        """`tunelet.assembly` builds the parts: they have to share the store and each other."""
        self.catalog = catalog
        self.aliases = aliases
        self.allows_commands = allows_commands
        self.dead = dead
        self.leases = leases
        self.attempts = attempts
        self.files = files
        self.interventions = interventions
        self.usage = usage
        self._summaries = summaries
        self._store = store
        self._probed = probed
        self._launcher = launcher
        self._journals = journals
        self._numbers = Numbers(store)
        self._markers = markers
        self._allowance = allowance
        self._loop = loop
        self._membership = membership
        self._ending = ending
        self._submitting = submitting
        self._sweeper = sweeper

    def suggest(self, namespace: str, name: str) -> None:
        """Ask the algorithm for as many trials as there is room for."""
        self._loop.suggest(namespace, name)

    def launch(self, namespace: str, name: str, number: int | None = None) -> None:
        """Make the runs match the state: start those that are due, stop those that are not.

        `number` is a trial that ended just now, before its run did.
        """
        self._loop.launch(namespace, name, number)

    def stop_unwanted(self, namespace: str, name: str) -> None:
        """Stop the runs that the state does not want. Starts and records nothing."""
        self._loop.stop_unwanted(namespace, name)

    def collect(self, namespace: str, name: str, number: int | None = None) -> None:
        """Record what the launcher sees of the active runs, or of one trial's."""
        self._loop.collect(namespace, name, number)

    def await_end(self, namespace: str, name: str, number: int) -> None:
        """Collect a run that is about to end, until its end is recorded or some seconds passed."""
        self._ending.wait(namespace, name, number)

    def announce_end(self, run: Run) -> None:
        """Let the end of the run be awaited, because its training has ended."""
        self._ending.announce(run)

    def sweep(self, ending: Callable[[], bool] = lambda: False) -> int:
        """Do for every live experiment what lost signals would have caused; return how many.

        Looks at no further experiment once the process is `ending`.
        """
        return self._sweeper.sweep(ending)

    def submit(
        self,
        raw: object,
        namespace: str | None = None,
        key: str | None = None,
        must_start: bool = False,
        actor: str = "",
    ) -> Experiment:
        """Begin an experiment; see `Submitting.submit`. The log names `actor` as the one who asked
        for it, here and in every other method that changes something."""
        return self._submitting.submit(raw, namespace, key, must_start, actor)

    def join(self, namespace: str, name: str) -> Experiment:
        """Bring this installation's own slots to the experiment, as long as it keeps its lease.

        Joining again changes nothing. Raises `Reject` if the algorithm cannot use as many slots.
        """
        from tunelet.request.spec import parse_changes

        experiment = self.experiment(namespace, name)
        proposal = self._loop.proposal(experiment)
        proposal.add(self._membership.join())
        proposal.add(*self._membership.departures(proposal.after))
        slots = {"parallel_trials": proposal.after.terms.parallel_trials}
        parse_changes(slots, experiment.spec, self.catalog)
        self._membership.stay(experiment)
        return self._follows(experiment, *proposal.commands)

    def obstacle(self, experiment: Experiment) -> str | None:
        """Why no trial of the experiment can start now, if that is known."""
        return self._launcher.obstacle(experiment.typed_spec.code)

    def experiment(self, namespace: str, name: str) -> Experiment:
        return self._journals.read(namespace, name)

    def experiments(
        self, namespace: str, after: str = "", limit: int = 50, state: str | None = None
    ) -> tuple[list[Experiment], str | None]:
        """A page of experiments by name, and the `after` of the next page if there is one.

        One whose log is damaged is shown as such, in the state DAMAGED. With a `state` the logs of
        `READ_A_PAGE` experiments are read at most: the page may be shorter, though others follow.
        """
        most = limit if state is None else max(limit, READ_A_PAGE)
        names = list(islice(self._markers.names(namespace, after), most + 1))
        page: list[Experiment] = []
        for start in range(0, min(most, len(names)), READ_AT_ONCE):
            some = names[start : min(start + READ_AT_ONCE, most)]
            found = at_once(partial(self._journals.listed, namespace), some)
            for name, experiment in zip(some, found, strict=True):
                if experiment is not None and state in (None, experiment.state):
                    page.append(experiment)
                if len(page) == limit and name != names[-1]:
                    return page, name
        return page, names[most - 1] if len(names) > most else None

    def overview(
        self, namespace: str, after: str = "", limit: int = 50
    ) -> tuple[list[Summary], str | None]:
        """A page of experiments by name, and the `after` of the next page if there is one."""
        return self._summaries.page(namespace, self._markers.indexed(namespace, after), limit)

    def live(
        self, namespace: str, after: str = "", limit: int = 50
    ) -> tuple[list[Summary], str | None]:
        """Like `overview`, of those with a live marker: they have not ended, or only just."""
        names = map(Indexed, self._markers.live_names(namespace, after))
        return self._summaries.page(namespace, names, limit)

    def trials(
        self, namespace: str, name: str, after: int = -1, limit: int = 100, state: str | None = None
    ) -> tuple[list[Trial], int | None]:
        """A page of trials by number, and the `after` of the next page if there is one."""
        page: list[Trial] = []
        experiment, found = self._journals.history(namespace, name, after)
        for trial in map(experiment.noted, found):
            if state not in (None, trial.state):
                continue
            if len(page) == limit:
                return page, page[-1].number
            page.append(trial)
        return page, None

    def rows(
        self, namespace: str, name: str, after: int = -1, limit: int = 10_000
    ) -> tuple[Experiment, list[Row], bool]:
        """The state, up to `limit` trials above `after` without their reports, and whether more
        follow."""
        experiment, rows = self._journals.rows(namespace, name, after)
        page = list(islice(rows, limit + 1))
        return experiment, page[:limit], len(page) > limit

    def some(self, namespace: str, name: str, numbers: Collection[int]) -> list[Trial]:
        """The trials that have these numbers, in order. Numbers without a trial are passed over."""
        return self._journals.some(namespace, name, numbers)

    def studies(self, namespace: str, actor: str = "") -> "Studies":
        """Return the studies of a namespace."""
        from tunelet.engine.studies import Studies

        parts = (self._journals, self._markers, self._numbers, self._probed)
        return Studies(self._store, namespace, *parts, self._admit_another, actor)

    def _admit_another(self, namespace: str) -> None:
        self._allowance.store(namespace)
        self._allowance.begin(namespace)

    def admit_trials(self, namespace: str) -> None:
        """Raise `OverQuota` if the namespace stores as many bytes as it may."""
        self._allowance.store(namespace)

    def past(self, experiment: Experiment) -> Sequence[Trial]:
        """All trials by number, as an algorithm is given them."""
        return self._journals.past(experiment)

    def trial(self, namespace: str, name: str, number: int) -> Trial:
        return self._journals.trial(namespace, name, number)

    def best(self, namespace: str, name: str) -> list[Trial]:
        """The best trial, or the Pareto front; empty before the first complete trial."""
        experiment = self.experiment(namespace, name)
        return [experiment.noted(trial) for trial in experiment.best]

    def pause(self, namespace: str, name: str, actor: str = "") -> Experiment:
        """Start no further trials; running trials continue."""
        return self._loop.change(namespace, name, commands.Pause(actor))

    def resume(self, namespace: str, name: str, actor: str = "") -> Experiment:
        """Continue after a pause or a stop. Raises `Conflict` if the budget is spent."""
        experiment = self.experiment(namespace, name)
        self._allowance.store(namespace)
        self._markers.announce(experiment)
        return self._follows(experiment, commands.Resume(experiment.epoch, actor))

    def stop(self, namespace: str, name: str, actor: str = "") -> Experiment:
        """End the experiment now, with all its runs."""
        return self._loop.change(namespace, name, commands.Stop(actor))

    def extend(self, namespace: str, name: str, changes: object, actor: str = "") -> Experiment:
        """Change the budget. An experiment that has spent it continues."""
        from tunelet.request.spec import parse_changes

        experiment = self.experiment(namespace, name)
        checked = parse_changes(changes, experiment.spec, self.catalog)
        self._allowance.store(namespace)
        self._markers.announce(experiment)
        return self._follows(experiment, commands.Extend(checked, experiment.epoch, actor))

    def enqueue(
        self,
        namespace: str,
        name: str,
        assignments: list[object],
        key: str | None = None,
        note: object = None,
        actor: str = "",
    ) -> list[Trial]:
        """Add trials with given hyperparameters; they run before any suggested later.

        `note` says why they are wanted. The same `key` adds them only once. Raises `Reject` if they
        do not fit the space, and `Conflict` if they do not fit the budget.
        """
        from tunelet.request.enqueued import checked, checked_note
        from tunelet.space import Space

        experiment = self.experiment(namespace, name)
        space = Space.of(experiment.typed_spec.hyperparameters)
        key = key or secrets.token_hex(8)
        command = commands.Enqueue(checked(assignments, space), key, checked_note(note), actor)
        after = self._follows(experiment, command)
        return self._trials_of(after, after.keys[key])

    def import_trials(
        self, namespace: str, name: str, raw: object, key: str | None = None, actor: str = ""
    ) -> list[Trial]:
        """Add trials that were made elsewhere, with their values, for the algorithm to learn from.

        They count to the budget if the request says so. The same `key` adds them only once. Raises
        `Reject` if they do not fit the space, and `Conflict` if they do not fit the budget.
        """
        from tunelet.request.finished import parse
        from tunelet.space import Space

        experiment = self.experiment(namespace, name)
        space = Space.of(experiment.typed_spec.hyperparameters)
        metrics = [objective.metric for objective in experiment.terms.objectives]
        trials, counts = parse(raw, space, metrics)
        if key not in experiment.keys:
            self._allowance.store(namespace)
        key = key or secrets.token_hex(8)
        after = self._follows(experiment, commands.Import(trials, key, counts, actor))
        return self._trials_of(after, after.keys[key])

    def _trials_of(self, experiment: Experiment, numbers: Sequence[int]) -> list[Trial]:
        """Return the trials of consecutive numbers, with at most one read of the log."""
        if all(number in experiment.trials for number in numbers):
            return [experiment.trials[number] for number in numbers]
        left = self._journals.trials(experiment.namespace, experiment.name, numbers[0] - 1)
        return list(islice(left, len(numbers)))

    def delete(self, namespace: str, name: str, actor: str = "") -> Experiment:
        """End the experiment, and remove all its data once its runs are gone."""
        experiment = self.experiment(namespace, name)
        self._markers.announce(experiment)
        return self._follows(experiment, commands.Delete(experiment.epoch, actor))

    def audit(
        self, namespace: str, name: str, after: int = 0, limit: int = 100
    ) -> tuple[list[Change], int | None]:
        """A page of the changes in the log, and the `after` of the next page if there is one.

        Also of an experiment that was deleted. Pages end with whole entries of the log (see
        `tunelet.log.audit`).
        """
        page, following = audit(self._store, f"v1/{namespace}/{name}/", after, limit)
        if not page and not after:
            raise NotFound(NO_EXPERIMENT)
        return page, following

    def ready(self) -> None:
        """Raise `Retry` if the store or the place where training runs cannot be reached."""
        self.store_ready()
        self._launcher.ready()

    def try_store(self, namespace: str) -> None:
        """Test once that the namespace's store keeps what it promises.

        Raises what `store_probe.probe` does.
        """
        self._probed.ensure(namespace)

    def store_ready(self) -> None:
        """Raise `Retry` if the store cannot be used, saying why."""
        self._store.ready()

    def _follows(self, experiment: Experiment, *what: Command) -> Experiment:
        """Commit a change for this experiment, not for a later one of its name."""
        e = experiment
        return self._loop.change(e.namespace, e.name, *what, uid=e.uid)

"""The domain's interface: all calls of users, training code and functions.

A method that changes an experiment first puts the change into its log and then
publishes what the new state calls for (tunelet.engine.loop). A crash at any line costs time
and nothing else, because `sweep` does all that a lost signal would have caused.
"""

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from hashlib import sha256
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment, unreadable
from tunelet.core.failures import Failures
from tunelet.core.lease import USUAL
from tunelet.core.report_limits import news
from tunelet.core.run import COMMAND, Run
from tunelet.core.trial import Outcome, Report, Trial, Verdict
from tunelet.dead_letters import DeadLetters
from tunelet.engine.allowance import Allowance
from tunelet.engine.asking import Asking, Handed
from tunelet.engine.checkpoints import Checkpoints
from tunelet.engine.ending import Ending
from tunelet.engine.interventions import Interventions
from tunelet.engine.live_trials import LiveTrials
from tunelet.engine.loop import Loop
from tunelet.engine.membership import Membership
from tunelet.engine.outputs import Outputs
from tunelet.engine.runs import run_of, wanted
from tunelet.engine.sweep import Sweep
from tunelet.engine.tokens import Tokens
from tunelet.errors import Conflict, FieldError, Forbidden, NotFound, OverQuota, Reject, Retry
from tunelet.log.audit import Change, audit
from tunelet.log.entry import Damaged, Newer
from tunelet.log.journal_cache import Journals
from tunelet.log.leases import Leases
from tunelet.log.markers import Marker, Markers, announcing
from tunelet.log.parallel import at_once
from tunelet.log.rows import Row
from tunelet.log.study_numbers import Numbers
from tunelet.ports import Catalog, Launcher, Store
from tunelet.request.policy import Policies
from tunelet.store_probe import Probed
from tunelet.text.limits import STEPS

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
        journals: Journals,
        markers: Markers,
        allowance: Allowance,
        live: LiveTrials,
        leases: Leases,
        tokens: Tokens,
        dead: DeadLetters,
        loop: Loop,
        membership: Membership,
        ending: Ending,
        asking: Asking,
        interventions: Interventions,
        checkpoints: Checkpoints,
        outputs: Outputs,
        sweeper: Sweep,
        allows_commands: bool = False,
        policies: Policies | None = None,
    ) -> None:
        """`tunelet.assembly` builds the parts: they have to share the store and each other."""
        self.catalog = catalog
        self.dead = dead
        self.leases = leases
        self.interventions = interventions
        self._store = store
        self._probed = probed
        self._launcher = launcher
        self._journals = journals
        self._numbers = Numbers(store)
        self._markers = markers
        self._allowance = allowance
        self._live = live
        self._tokens = tokens
        self._strangers = Failures(monotonic)
        self._loop = loop
        self._membership = membership
        self._ending = ending
        self._asking = asking
        self._checkpoints = checkpoints
        self._outputs = outputs
        self._sweeper = sweeper
        self._allows_commands = allows_commands
        self._policies = policies or Policies()

    def suggest(self, namespace: str, name: str) -> None:
        """Ask the algorithm for as many trials as there is room for."""
        self._loop.suggest(namespace, name)

    def launch(self, namespace: str, name: str) -> None:
        """Make the runs match the state: start those that are due, stop those that are not."""
        self._loop.launch(namespace, name)

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
        """Begin an experiment. The same `key` begins only one. The log names `actor` as the one who
        asked for it, here and in every other method that changes something.

        Raises `Reject` with all that is wrong, and with `must_start` also if no trial can start
        now; `OverQuota` if the namespace may not have another experiment; `Conflict` if the name is
        taken or the key was used for another request.
        """
        from tunelet.request.spec import parse

        spec = parse(raw, self.catalog, namespace)
        self._refuse_command(spec["model_training_code"])
        namespace = str(spec["namespace"])
        self._refuse_by_policy(namespace, spec["model_training_code"], raw)
        name = spec["name"] = spec["name"] or _generated(namespace, key)
        if must_start:
            self._refuse_waiting(namespace, name, spec["model_training_code"], key)
        spec["warm_start"] = self._sources(namespace, spec["warm_start"])
        self.try_store(namespace)
        self._refuse_full(namespace, name)
        submit = commands.Submit(uid=secrets.token_hex(8), spec=spec, key=key, actor=actor)
        marker = Marker(namespace, name, submit.uid, 0)
        self._markers.set(marker)
        try:
            self._allowance.begin(namespace)
            experiment = self._changed(namespace, name, submit)
        except (Conflict, OverQuota):
            self._markers.retract(marker)
            raise
        if experiment.uid != marker.uid:
            self._markers.retract(marker)  # it was sent before, and that began the experiment
        if self._journals.by.joins:
            self._membership.stay(experiment)
        return experiment

    def _refuse_full(self, namespace: str, name: str) -> None:
        """Refuse to begin another experiment, but not one whose answer was lost."""
        try:
            self._allowance.store(namespace)
        except OverQuota:
            if self._listed(namespace, name) is None:
                raise

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

    def _refuse_command(self, code: dict[str, Any]) -> None:
        """Refuse a command without an image that may not, or cannot, run on this machine."""
        if code.get("image") != COMMAND:
            return
        message = "is not allowed here"
        remedy = "name an image, or start the service with `tunelet up --allow-commands`"
        if self._allows_commands:
            obstacle = self._launcher.obstacle(code)
            if obstacle is None:
                return
            message, remedy = "cannot run here", obstacle
        # Not the command itself: like all of the training code, it may hold secrets.
        error = FieldError("model_training_code.command", None, message, remedy)
        raise Reject(f"a command without an image {message}: {remedy}", [error])

    def _refuse_waiting(
        self, namespace: str, name: str, code: dict[str, Any], key: str | None
    ) -> None:
        """Refuse training code that cannot start here now, unless the request was sent before."""
        obstacle = self._launcher.obstacle(code)
        if obstacle is None:
            return
        known = self._journals.of(namespace, name).peek() if key else None
        if known is not None and key in known.keys:
            return
        error = FieldError("model_training_code", code.get("image"), "cannot start here", obstacle)
        raise Reject(f"no trial can start now: {obstacle}", [error])

    def _refuse_by_policy(self, namespace: str, code: dict[str, Any], raw: object) -> None:
        """Refuse pods that the policy of the namespace does not allow; `raw` is the request."""
        from tunelet.request.admission import refuse

        written = raw.get("model_training_code") if isinstance(raw, dict) else None
        bare = "manifest" in code and isinstance(written, dict) and "manifest" not in written
        refuse(code, self._policies.of(namespace), bare=bare)

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
            found = at_once(partial(self._listed, namespace), some)
            for name, experiment in zip(some, found, strict=True):
                if experiment is not None and state in (None, experiment.state):
                    page.append(experiment)
                if len(page) == limit and name != names[-1]:
                    return page, name
        return page, names[most - 1] if len(names) > most else None

    def live(
        self, namespace: str, after: str = "", limit: int = 50
    ) -> tuple[list[Experiment], str | None]:
        """A page of the experiments with a live marker: they have not ended, or only just.

        As `experiments`: by name, with the `after` of the next page if there is one.
        """
        names = list(islice(self._markers.live_names(namespace, after), limit + 1))
        found: list[Experiment] = []
        for start in range(0, min(limit, len(names)), READ_AT_ONCE):
            some = names[start : min(start + READ_AT_ONCE, limit)]
            listed = at_once(partial(self._listed, namespace), some)
            found.extend(experiment for experiment in listed if experiment is not None)
        return found, names[limit - 1] if len(names) > limit else None

    def _listed(self, namespace: str, name: str) -> Experiment | None:
        """Return the experiment; None if it is just being submitted or deleted."""
        try:
            return self.experiment(namespace, name)
        except NotFound:
            return None
        except Damaged as damage:
            return unreadable(namespace, name, str(damage))

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

    def admit_reports(self, namespace: str, count: int) -> None:
        """Raise `TooFast` while the namespace pushes more reports than its quota allows."""
        self._allowance.rate.take(namespace, count)

    def admit_trials(self, namespace: str) -> None:
        """Raise `OverQuota` if the namespace stores as many bytes as it may."""
        self._allowance.store(namespace)

    def past(self, experiment: Experiment) -> Sequence[Trial]:
        """All trials by number, as an algorithm is given them."""
        return self._journals.past(experiment)

    def trial(self, namespace: str, name: str, number: int) -> Trial:
        experiment, trials = self._journals.history(namespace, name, number - 1)
        found = next(trials, None)
        if found is None or found.number != number:
            raise NotFound(f"experiment {name!r} has no trial {number}")
        return experiment.noted(found)

    def best(self, namespace: str, name: str) -> list[Trial]:
        """The best trial, or the Pareto front; empty before the first complete trial."""
        experiment = self.experiment(namespace, name)
        return [experiment.noted(trial) for trial in experiment.best]

    def pause(self, namespace: str, name: str, actor: str = "") -> Experiment:
        """Start no further trials; running trials continue."""
        return self._changed(namespace, name, commands.Pause(actor))

    def resume(self, namespace: str, name: str, actor: str = "") -> Experiment:
        """Continue after a pause or a stop. Raises `Conflict` if the budget is spent."""
        experiment = self.experiment(namespace, name)
        self._allowance.store(namespace)
        self._announce(experiment)
        return self._follows(experiment, commands.Resume(experiment.epoch, actor))

    def stop(self, namespace: str, name: str, actor: str = "") -> Experiment:
        """End the experiment now, with all its runs."""
        return self._changed(namespace, name, commands.Stop(actor))

    def extend(self, namespace: str, name: str, changes: object, actor: str = "") -> Experiment:
        """Change the budget. An experiment that has spent it continues."""
        from tunelet.request.spec import parse_changes

        experiment = self.experiment(namespace, name)
        checked = parse_changes(changes, experiment.spec, self.catalog)
        self._allowance.store(namespace)
        self._announce(experiment)
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
        self._announce(experiment)
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
            raise NotFound("there is no such experiment")
        return page, following

    def logs(
        self, namespace: str, name: str, number: int, attempt: int | None = None
    ) -> Iterator[bytes]:
        """The output of a trial's newest attempt, or of `attempt`.

        From the run as long as it has output, then what the store has of it.
        """
        trial = self.trial(namespace, name, number)
        experiment = self.experiment(namespace, name)
        run = run_of(experiment, number, attempt or trial.attempt)
        if experiment.for_workers:
            return self._sent_output(run)
        try:
            return self._output(run)
        except NotFound as missing:
            if attempt in (None, trial.attempt) and not self._journals.by.owns(trial):
                raise NotFound(f"{missing} here: it is of the installation {trial.by}") from missing
            if attempt in (None, trial.attempt) and trial.reason:
                raise NotFound(f"{missing}: {trial.reason}") from missing
            raise

    def keep_output(self, run: Run, output: bytes) -> None:
        """Keep the output of an attempt, which its worker sends at the end. The first one counts.

        Raises `Conflict` if the trials are launched: then the launcher has the output.
        """
        experiment = self._journals.read(run.namespace, run.experiment)
        if not experiment.for_workers:
            raise Conflict(
                f"the trials of {run.experiment!r} are launched, which keeps their output"
            )
        self._outputs.keep(experiment, run, output)

    def _sent_output(self, run: Run) -> Iterator[bytes]:
        found = self._outputs.read(run)
        if found is None:
            raise NotFound(f"trial {run.number} has no output here: its worker sends it at the end")
        return found

    def _output(self, run: Run) -> Iterator[bytes]:
        try:
            return self._launcher.logs(run)
        except (NotFound, Retry):
            stored = self._outputs.read(run)
            if stored is None:
                raise
            return stored

    def artifacts(
        self, namespace: str, name: str, number: int, after: str = "", limit: int = 100
    ) -> tuple[list[str], str | None]:
        """A page of the names of files in a trial's checkpoint, and the `after` of the next one."""
        run, parent = self._of_trial(namespace, name, number)
        found = list(self._checkpoints.files(run, parent)(after, limit + 1))
        return found[:limit], found[limit - 1] if len(found) > limit else None

    def artifact(
        self, namespace: str, name: str, number: int, file: str, start: int, size: int
    ) -> bytes:
        """Up to `size` bytes of a file of a trial's checkpoint, from `start` on."""
        run, parent = self._of_trial(namespace, name, number)
        found = self._checkpoints.part(run, parent, file, start, size)
        if found is None:
            raise NotFound(f"trial {number} has no artifact {file!r}")
        return found

    def _of_trial(self, namespace: str, name: str, number: int) -> tuple[Run, int | None]:
        trial = self.trial(namespace, name, number)
        return run_of(self.experiment(namespace, name), number, trial.attempt), trial.parent

    def token(self, run: Run) -> str:
        """The token with which this attempt, and no other, may report values."""
        return self._tokens.issue(run)

    def authorize(self, token: str, namespace: str, name: str, number: int) -> Run:
        """The run that the token is for. Raises `Forbidden` if it is for another trial.

        Raises `Throttled` while strangers send so many wrong tokens for the namespace that each
        would cost a look into the store. Tokens of experiments that this process knows still pass.
        """
        known = self._journals.of(namespace, name).known()
        if known is not None:
            try:
                return self._tokens.run(token, known, number)
            except Forbidden:
                pass  # of a life that is not known yet, perhaps
        self._strangers.check(namespace)
        try:
            return self._tokens.run(token, self.experiment(namespace, name), number)
        except (Forbidden, NotFound):
            self._strangers.count(namespace)
            raise

    def ask(
        self,
        namespace: str,
        name: str,
        count: int = 1,
        seconds: float = USUAL,
        key: str | None = None,
        actor: str = "",
    ) -> tuple[Experiment, list[Handed]]:
        """Give up to `count` trials to a worker; none if none can begin now.

        A trial is the worker's until it sends the outcome, or has not reported for `seconds`.
        The same `key` gets the same trials. Raises `Conflict` if the trials are launched.
        """
        key = key or secrets.token_hex(8)
        return self._asking.ask(namespace, name, count, seconds, key, actor)

    def full(self, namespace: str) -> bool:
        """Whether no further trial of the namespace may run now, because of its quota."""
        return self._live.room(namespace) == 0

    def release(self, run: Run, reason: str | None = None, counted: bool = False) -> Trial:
        """Take a trial back from its worker. Its next attempt is given to the next that asks.

        With `counted` the attempt is one of `max_attempts`.
        """
        reason = reason or "its worker gave it back"
        return self._ended(run, Outcome(Verdict.LOST, reason=reason, counted=counted))

    def report(self, run: Run, reports: list[Report]) -> bool:
        """Record intermediate values. True: the training is to stop.

        It renews the lease of the worker that has the trial, also without any report.
        Raises `Reject` if the trial would have more than one may have, `OverQuota` if it has all
        that its namespace allows, and `TooFast` if the namespace reports too fast.
        """
        self._allowance.rate.take(run.namespace, len(reports))
        after = self._reported(run, reports)
        if not wanted(after, run.number, run.attempt):
            return True
        self._asking.renew(run, after.trials[run.number])
        return False

    def _reported(self, run: Run, reports: list[Report]) -> Experiment:
        journal = self._journals.of(run.namespace, run.experiment)
        if not reports:
            return journal.commit(uid=run.uid)
        self._refuse_beyond_limits(run, reports)
        steps = self._allowance.steps(run.namespace)
        record = commands.Record(run.number, run.attempt, tuple(reports), steps)
        verdicts = self._follow_ups(run, [record])
        if verdicts:
            after = self._changed(run.namespace, run.experiment, record, *verdicts, uid=run.uid)
        else:
            after = journal.commit(record, uid=run.uid)
        if wanted(after, run.number, run.attempt):
            self._allowance.refuse_lost(run.namespace, after.trials[run.number], reports)
        return after

    def finish(self, run: Run, outcome: Outcome) -> Trial:
        """Record how an attempt ended. The first outcome of an attempt counts.

        Raises `Conflict` if the attempt's worker lost it before, because its lease ran out.
        """
        ended = self._ended(run, outcome)
        if ended.attempt == run.attempt and not ended.lost:
            return ended
        if not self.experiment(run.namespace, run.experiment).for_workers:
            return ended
        raise Conflict(
            f"attempt {run.attempt} of trial {run.number} is lost: {ended.reason}; drop this "
            "outcome and ask for another trial, and report more often or ask for a longer lease"
        )

    def _ended(self, run: Run, outcome: Outcome) -> Trial:
        ends: list[Command] = [commands.Finish(run.number, run.attempt, outcome)]
        ends += self._follow_ups(run, ends)
        after = self._changed(run.namespace, run.experiment, *ends, uid=run.uid)
        ended = after.trials.get(run.number)
        ended = ended or self.trial(run.namespace, run.experiment, run.number)
        if after.for_workers:
            self._asking.end(run, ended)
        return ended

    def _refuse_beyond_limits(self, run: Run, reports: list[Report]) -> None:
        """Check against the cached state; the commit drops what is beyond the limits by then."""
        known = self._known(run)
        if known is None:
            return
        steps = self._allowance.steps(run.namespace)
        found = news(known.trials[run.number], run.attempt, reports, known.terms.named, steps)
        if found.beyond is not None and steps < STEPS and found.beyond == f"{steps} steps":
            raise self._allowance.too_many_reports(run.namespace)
        if found.beyond is not None:
            remedy = "report fewer metrics, or not at every step"
            message = f"would give the trial more than {found.beyond}"
            error = FieldError("reports", None, message, remedy)
            raise Reject("the trial has reported all that a trial may", [error])

    def _follow_ups(self, run: Run, reported: list[Command]) -> list[Command]:
        """Return the commands that belong in the same entry as a training's report.

        The state at hand may be older than the run: what it does not allow, the newest may.
        """
        try:
            return self._loop.follow_ups(self._known(run), reported)
        except (Conflict, NotFound):
            self._journals.read(run.namespace, run.experiment)
            return self._loop.follow_ups(self._known(run), reported)

    def _known(self, run: Run) -> Experiment | None:
        """The cached state, unless it is of another life or the run is over."""
        known = self._journals.of(run.namespace, run.experiment).known()
        if known is None or known.uid != run.uid or not wanted(known, run.number, run.attempt):
            return None
        return known

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

    def _sources(self, namespace: str, named: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Pin the experiments to learn from: a later one of the same name is a different one."""
        found, errors = [], []
        for index, each in enumerate(named):
            try:
                known = self.experiment(namespace, each["name"])
            except Newer:
                raise  # nothing is wrong with it
            except (NotFound, Damaged) as error:
                remedy = "name experiments of this namespace that can be read, or leave it out"
                errors.append(FieldError(f"warm_start[{index}]", each["name"], str(error), remedy))
                continue
            found.append({"name": known.name, "uid": known.uid, "trials": known.next_number})
        if errors:
            raise Reject(f"warm_start: {errors[0].message}", errors)
        return found

    def _changed(
        self, namespace: str, name: str, *what: Command, uid: str | None = None
    ) -> Experiment:
        experiment = self._journals.of(namespace, name).commit(*what, uid=uid)
        self._loop.follow(experiment)
        return experiment

    def _follows(self, experiment: Experiment, *what: Command) -> Experiment:
        """Commit a change for this experiment, not for a later one of its name."""
        e = experiment
        return self._changed(e.namespace, e.name, *what, uid=e.uid)

    def _announce(self, experiment: Experiment) -> None:
        """Announce a new epoch before the change that may begin it, so that sweep cannot miss it.

        Also for a live experiment, because it may end before the change.
        """
        e = experiment
        self._markers.set(announcing(e.namespace, e.name, e.uid, e.epoch + 1))


def _generated(namespace: str, key: str | None) -> str:
    """Generate a name; the same one for the same key."""
    seed = sha256(f"{namespace}/{key}".encode()).hexdigest() if key else secrets.token_hex(8)
    return f"exp-{seed[:12]}"

"""What training code and workers do with an attempt: ask for it, report, and send its outcome."""

import secrets
from time import monotonic

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment
from tunelet.core.failures import Failures
from tunelet.core.lease import USUAL
from tunelet.core.report_limits import news
from tunelet.core.run import Run
from tunelet.core.trial import Outcome, Report, Trial, Verdict
from tunelet.engine.allowance import Allowance
from tunelet.engine.asking import Asking, Handed
from tunelet.engine.live_trials import LiveTrials
from tunelet.engine.loop import Loop
from tunelet.engine.runs import wanted
from tunelet.engine.tokens import Tokens
from tunelet.errors import Conflict, FieldError, Forbidden, NotFound, Reject
from tunelet.log.journal_cache import Journals
from tunelet.text.limits import STEPS


class Attempts:
    """Threads may share one. Every method may raise `Retry`, and `NotFound` for an experiment or
    a trial that does not exist."""

    def __init__(
        self,
        journals: Journals,
        tokens: Tokens,
        allowance: Allowance,
        live: LiveTrials,
        asking: Asking,
        loop: Loop,
    ) -> None:
        self._journals = journals
        self._tokens = tokens
        self._allowance = allowance
        self._live = live
        self._asking = asking
        self._loop = loop
        self._strangers = Failures(monotonic)

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

    def full(self, namespace: str, name: str) -> bool:
        """Whether no further trial of the experiment may run now, because of its quota."""
        return self._live.room(namespace, name) == 0

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
            return self._tokens.run(token, self._journals.read(namespace, name), number)
        except (Forbidden, NotFound):
            self._strangers.count(namespace)
            raise

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

    def admit_reports(self, namespace: str, count: int) -> None:
        """Raise `TooFast` while the namespace pushes more reports than its quota allows."""
        self._allowance.rate.take(namespace, count)

    def finish(self, run: Run, outcome: Outcome) -> Trial:
        """Record how an attempt ended. The first outcome of an attempt counts.

        Raises `Conflict` if the attempt's worker lost it before, because its lease ran out.
        """
        ended = self._ended(run, outcome)
        if ended.attempt == run.attempt and not ended.lost:
            return ended
        if not self._journals.read(run.namespace, run.experiment).for_workers:
            return ended
        raise Conflict(
            f"attempt {run.attempt} of trial {run.number} is lost: {ended.reason}; drop this "
            "outcome and ask for another trial, and report more often or ask for a longer lease"
        )

    def release(self, run: Run, reason: str | None = None, counted: bool = False) -> Trial:
        """Take a trial back from its worker. Its next attempt is given to the next that asks.

        With `counted` the attempt is one of `max_attempts`.
        """
        reason = reason or "its worker gave it back"
        return self._ended(run, Outcome(Verdict.LOST, reason=reason, counted=counted))

    def _reported(self, run: Run, reports: list[Report]) -> Experiment:
        journal = self._journals.of(run.namespace, run.experiment)
        if not reports:
            return journal.commit(uid=run.uid)
        self._refuse_beyond_limits(run, reports)
        steps = self._allowance.steps(run.namespace)
        record = commands.Record(run.number, run.attempt, tuple(reports), steps)
        verdicts = self._follow_ups(run, [record])
        if verdicts:
            after = self._loop.change(run.namespace, run.experiment, record, *verdicts, uid=run.uid)
        else:
            after = journal.commit(record, uid=run.uid)
        if wanted(after, run.number, run.attempt):
            self._allowance.refuse_lost(run.namespace, after.trials[run.number], reports)
        return after

    def _ended(self, run: Run, outcome: Outcome) -> Trial:
        ends: list[Command] = [commands.Finish(run.number, run.attempt, outcome)]
        ends += self._follow_ups(run, ends)
        after = self._loop.change(run.namespace, run.experiment, *ends, uid=run.uid)
        ended = after.trials.get(run.number)
        ended = ended or self._journals.trial(run.namespace, run.experiment, run.number)
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

"""Observe one run: read its output as it grows, then its end.

All facts come from the run's folder, so a launcher in another process, or after a
restart, sees the same. The state kept here only saves reading the output again.
"""

import os
import signal
import subprocess
import threading
from typing import Protocol

from adapters.launchers.local.container import refusal
from adapters.launchers.local.folder import End, Plan, RunFolder
from adapters.launchers.local.orphans import end_leftovers
from adapters.launchers.local.output import OutputFile
from adapters.output.growing_file import TextFile
from adapters.output.json_file import JsonFile
from adapters.output.tensorboard import EventFolder
from tunelet.core.run import Observation, Phase
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.errors import Retry
from tunelet.training import outcome as verdict
from tunelet.training.metrics import Parser

_LOOK_BYTES = 1 << 20
"""The most bytes that one look at an active run reads, so that it does not delay the others."""
_OBJECT_BYTES = 16 << 20
"""The most bytes of a metrics file that is one JSON object."""
_CLEANUP_SECONDS = 30


class Source(Protocol):
    """A source of values; see `growing_file.TextFile` for its members."""

    @property
    def fault(self) -> str | None: ...

    def read(self, limit: int) -> list[Report]: ...

    def close(self) -> list[Report]: ...


class Reading:
    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._plan = folder.plan()
        self._parser = Parser(self._plan.metrics)
        self._source = self._opened()
        self._ended: Observation | None = None
        self._turn = threading.Lock()

    def observe(self) -> Observation:
        """Return the run's observation now. An end, once seen, never changes."""
        with self._turn:
            if self._ended is not None:
                return self._ended
            seen = self._look()
            if seen.phase is Phase.ENDED:
                self._ended = seen
            return seen

    def _look(self) -> Observation:
        held = self._folder.held()
        end = self._folder.end()
        if end is None and held:
            self._source.read(_LOOK_BYTES)
            return Observation(Phase.ACTIVE, self._reports(), digest=self._plan.digest)
        if end is None:
            self._end_lost_run()
        self._source.close()
        outcome = self._judge(end)
        return Observation(Phase.ENDED, self._reports(), outcome, digest=self._plan.digest)

    def _opened(self) -> Source:
        """Open the source of values. With "push" the values come over HTTP, and this has none."""
        path, kind = self._plan.metrics_file, self._plan.metrics.source
        if kind == "tensorboard" and path is not None:
            return EventFolder(path, self._parser)
        if kind == "file" and path is not None:
            if self._plan.metrics.json:
                return JsonFile(path, self._parser, _OBJECT_BYTES)
            return TextFile(path, self._parser)
        return OutputFile(self._folder, self._parser)

    def _reports(self) -> tuple[Report, ...]:
        if self._plan.metrics.pushed:
            return ()
        found = self._source if isinstance(self._source, OutputFile) else self._parser
        return found.reports

    def _judge(self, end: End | None) -> Outcome:
        found = self._source if isinstance(self._source, OutputFile) else self._parser
        tail = verdict.tail(self._end_of_output())
        outcome = judge(end, self._plan, found, tail)
        fault = self._source.fault
        if outcome.exit_code != 0 or fault is None or self._plan.metrics.pushed:
            return outcome
        if isinstance(self._source, OutputFile):
            reason = f"the output could not be read to its end: {fault}"
            return Outcome(verdict=Verdict.LOST, reason=reason, log_tail=tail)
        return verdict.failed(
            f"{self._plan.metrics.path} could not be read to its end: {fault}", tail, 0
        )

    def _end_of_output(self) -> bytes:
        with self._folder.output.open("rb") as output:
            size = output.seek(0, os.SEEK_END)
            output.seek(max(0, size - verdict.TAIL_SOURCE_BYTES))
            return output.read()

    def _end_lost_run(self) -> None:
        end_leftovers(self._folder.path)
        for argv in self._plan.cleanup:
            try:
                subprocess.run(
                    argv,
                    env=self._plan.env,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=_CLEANUP_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise Retry(f"the rest of a lost run could not be removed: {error}") from error


def judge(end: End | None, plan: Plan, found: Parser | OutputFile, log_tail: str) -> Outcome:
    """Return the outcome of a run from the `end` that its shim left; None: it left none."""
    if end is None:
        reason = "the process vanished without an exit status (machine restarted, shim killed?)"
        return Outcome(verdict=Verdict.LOST, reason=reason, log_tail=log_tail)
    if end.lost:
        reason = "the process was asked to end, but not by Tunelet (machine shut down?)"
        return Outcome(verdict=Verdict.LOST, reason=reason, log_tail=log_tail)
    if end.timed_out:
        return verdict.failed(verdict.too_long(plan.timeout), log_tail, end.exit_code)
    if end.stopped or end.exit_code is None:
        # A run that Tunelet stopped is not judged; an unfinished trial gets another attempt.
        return Outcome(verdict=Verdict.LOST, reason="stopped", log_tail=log_tail)
    if number := _ended_by(end.exit_code):
        reason = f"the training was ended by {signal.Signals(number).name}, not by Tunelet"
        return Outcome(verdict=Verdict.LOST, reason=reason, log_tail=log_tail)
    if end.exit_code in plan.lost_codes:
        return _not_run(plan, log_tail)
    return verdict.exited(end.exit_code, plan.metrics, found.values, log_tail, found.remarks())


def _not_run(plan: Plan, log_tail: str) -> Outcome:
    """Return the outcome if the engine could not run the image: LOST unless that is its fault."""
    said, image_at_fault = refusal(plan.argv[0], log_tail) or (log_tail.rpartition("\n")[2], True)
    return Outcome(
        verdict=Verdict.LOST,
        reason=f"{plan.argv[0]} could not run the image: {said}",
        log_tail=log_tail,
        unbegun=True,
        counted=image_at_fault,
    )


def _ended_by(code: int) -> int | None:
    """Return the signal that ended the run, if it is one that asks a process to end.

    An exit code of 128 plus the signal's number counts too: shells and trainings exit so.
    """
    number = -code if code < 0 else code - 128
    return number if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) else None

"""A trial that a worker has: its training on this machine, and what the service learns of it."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

from adapters.launchers.local.launcher import ProcessLauncher
from tunelet.client.running import RunningTrial
from tunelet.client.trial import Trial
from tunelet.core.lease import MOST_OUTPUT
from tunelet.core.run import Launch, Run
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.errors import Forbidden, NotFound, Reject, Retry
from tunelet.text.limits import BODY_BYTES

_REPORTS = 1000
"""The most reports in one request."""
_BODY_BYTES = BODY_BYTES - 1000
_END_BYTES = 4 * MOST_OUTPUT
_CUT = "\n… the worker left out the middle of the output …\n"
_UNBEGUN = Outcome(Verdict.LOST, reason="its worker ended before the training began")


class WorkerTrial:
    """Every method may raise `Retry`; called again, it continues."""

    def __init__(self, trial: RunningTrial, run: Run, launcher: ProcessLauncher) -> None:
        self.trial = trial
        self.run = run
        self._launcher = launcher
        self._begun = self._stopped = self._sent_output = False
        self._heard = 0.0
        """When it began or reported last, in seconds since 1970."""
        self._reason: str | None = None
        """Why its training was stopped, if the service does not know."""
        self._sent: dict[int, Any] = {}

    def begin(self, launch: Launch) -> None:
        self._launcher.launch(launch)
        self._begun, self._heard = True, time.time()

    def look(self) -> Outcome | None:
        """Pass on the reports that are new; returns the outcome if the training has ended."""
        if not self._begun:
            return _UNBEGUN
        seen = self._launcher.observe(self.run)
        self._pass_on(seen.reports)
        return seen.outcome

    def stop_if_unwanted(self, stall_seconds: float | None) -> None:
        """Stop the training if the service says so, or if it is silent for `stall_seconds`."""
        if self.trial.should_prune():
            self.stop()
        elif stall_seconds is not None and self._silent(stall_seconds):
            self._reason = (
                f"the training printed and reported nothing for {stall_seconds:g} s (stall_seconds)"
            )
            self.stop()

    def stop(self) -> None:
        if self._begun and not self._stopped:
            self._stopped = True
            self._launcher.stop(self.run)

    def send_output(self) -> None:
        """Send what the training printed, once. Raises `Retry` if it cannot be read."""
        if not self._begun or self._sent_output:
            return
        self._sent_output = True
        try:
            output = shortened(ends(self._launcher.logs(self.run)))
        except OSError as fault:
            raise Retry(f"it cannot be read: {fault}") from fault
        self.trial.keep_output(output)

    def tell(self, outcome: Outcome, counted: bool) -> Trial:
        """Tell the outcome. A lost attempt is given back, and may be `counted`."""
        unread = outcome.unread and outcome.verdict is Verdict.COMPLETE
        if outcome.verdict is Verdict.LOST or unread:
            return self.trial.release(self._reason or outcome.reason, counted)
        return self.trial.tell_outcome(_json(outcome))

    def _silent(self, seconds: float) -> bool:
        heard = max(self._heard, self._launcher.heard(self.run) or 0.0)
        return time.time() - heard >= seconds

    def _pass_on(self, reports: Sequence[Report]) -> None:
        new = [each for each in reports if self._sent.get(each.step) != each.values]
        for start in range(0, len(new), _REPORTS):
            some = new[start : start + _REPORTS]
            try:
                self.trial.report_all([{"step": r.step, "values": r.values} for r in some])
            except (NotFound, Forbidden):
                self.trial.abandon()
                return
            except Reject:
                pass  # beyond what a trial may report: dropped, as those of launched trials are
            self._heard = time.time()
            self._sent.update((each.step, each.values) for each in some)


def ends(chunks: Iterable[bytes]) -> bytes:
    """Return all output if it is short, else its beginning and its end: more than is sent."""
    first, last = bytearray(), bytearray()
    for chunk in chunks:
        room = _END_BYTES - len(first)
        first += chunk[:room]
        last += chunk[room:]
        if len(last) > 2 * _END_BYTES:
            del last[:-_END_BYTES]
    return bytes(first + last)


def shortened(output: bytes) -> str:
    """Return the output as text that fits into a body; of a long one the beginning and the end."""
    whole = output.decode(errors="replace")
    text, most = whole, MOST_OUTPUT
    while len(text) > MOST_OUTPUT or len(json.dumps(text)) > _BODY_BYTES:
        half = (most - len(_CUT)) // 2
        text, most = whole[:half] + _CUT + whole[-half:], most // 2
    return text


def _json(outcome: Outcome) -> dict[str, Any]:
    fields = {
        "reason": outcome.reason,
        "exit_code": outcome.exit_code,
        "log_tail": outcome.log_tail,
    }
    given = {name: each for name, each in fields.items() if each is not None}
    return {"state": outcome.verdict.value, "values": outcome.values, **given}

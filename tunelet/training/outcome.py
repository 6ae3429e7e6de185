"""The outcome of an attempt, from how its process ended. Pure; every launcher uses it."""

import signal
from collections.abc import Mapping

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Number, Outcome, Verdict
from tunelet.training.metrics import clean

TAIL_LINES = 20
TAIL_BYTES = 4096
TAIL_SOURCE_BYTES = 64 * 1024
"""The number of bytes at the end of the output that `tail` needs."""


def exited(
    code: int,
    metrics: MetricsSource,
    values: Mapping[str, Number],
    log_tail: str,
    remarks: str = "",
) -> Outcome:
    """Return the outcome of a process that ended by itself.

    `code` is negative for a signal, as in `subprocess`. `values` has the newest value of each
    metric. `remarks` is added to the reason (`Parser.remarks`). With `source` "push" the training
    sends the values itself, so the outcome has none.
    """
    if code != 0:
        return failed(cause(code), log_tail, code)
    if metrics.pushed:
        return Outcome(verdict=Verdict.COMPLETE, exit_code=0)
    missing = [name for name in metrics.objectives if name not in values]
    if missing:
        reason = _missing(missing, metrics)
        return failed(f"{reason}; {remarks}" if remarks else reason, log_tail, code)
    values = dict(values)
    return Outcome(verdict=Verdict.COMPLETE, values=values, reason=remarks or None, exit_code=0)


def failed(reason: str, log_tail: str, code: int | None = None) -> Outcome:
    """Return a failure of the training. The exit code of a signal n is 128 + n, as in a shell."""
    exit_code = 128 - code if code is not None and code < 0 else code
    return Outcome(verdict=Verdict.FAIL, reason=reason, exit_code=exit_code, log_tail=log_tail)


def tail(data: bytes) -> str:
    """Return the last lines of output as readable text: at most 20 lines and 4 KiB of UTF-8."""
    lines = [clean(_shown(line)).rstrip() for line in data.rstrip().split(b"\n")[-TAIL_LINES:]]
    text = "\n".join(lines).replace("\0", "")
    return text.encode()[-TAIL_BYTES:].decode(errors="ignore")


def _shown(line: bytes) -> bytes:
    """The part of an overwritten line (a progress bar) that a terminal shows."""
    return next((part for part in reversed(line.split(b"\r")) if part.strip()), b"")


def cause(code: int, what: str = "the training") -> str:
    """Return in words how a process ended; `code` is negative for a signal."""
    if code > 0:
        return f"{what} exited with {code}"
    hint = "; running out of memory is the usual cause" if code == -signal.SIGKILL else ""
    return f"{what} was killed by {_signal_name(-code)}{hint}"


def too_long(timeout: float | None) -> str:
    """Return the reason of a run that was ended after `timeout` seconds; None: its manifest's."""
    limit = "its activeDeadlineSeconds" if timeout is None else f"{timeout:g} s"
    return f"the training ran longer than {limit} (trial_timeout_seconds)"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _missing(names: list[str], metrics: MetricsSource) -> str:
    place = f"the file {metrics.path}" if metrics.source == "file" else "its output"
    if metrics.source == "tensorboard":
        place, form = f"the event files in {metrics.path}", "scalars of that name"
    elif metrics.json:
        form = f'JSON objects like {{"{names[0]}": 0.93}}'
    elif pattern := metrics.pattern:
        form = f"matches of {pattern if isinstance(pattern, str) else 'its patterns'}"
    else:
        form = f"text like {names[0]}=0.93 or {names[0]}: 0.93"
    wanted = ", ".join(repr(name) for name in names)
    return f"the training exited with 0 but gave no value of {wanted}: looked in {place} for {form}"

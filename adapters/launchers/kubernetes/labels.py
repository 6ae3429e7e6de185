"""Labels that identify a run's objects, and the record in their annotations. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Run
from tunelet.errors import FieldError, Reject
from tunelet.text.lazy_pattern import lazy_pattern

RECORD = "tunelet.dev/record"
OUTCOME = "tunelet.dev/outcome"
"""The outcome of a run that Tunelet itself ended."""
INSTALLATION = "tunelet.dev/installation"
SAVED = "tunelet.dev/output-saved"
"""Marks the object of a run (of another kind than Job: its anchor) with output in the store."""
REPORTS = "tunelet.dev/reports"
"""Marks the pods of a Job with a training that reports by itself or by its collector: nothing
has to be read from their output before they end."""
SEVERAL = "tunelet.dev/several"
"""Marks a Job with several pods: the success of one pod is not its end."""

COLLECTOR = "tunelet-collector"
"""The name of the container that reads another's metrics."""

_MANAGED = ("app.kubernetes.io/managed-by", "tunelet")
_NAMES = ("namespace", "experiment", "uid", "trial", "attempt")
_VALUE = lazy_pattern("(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_KEY = lazy_pattern(f"(?:[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?/)?(?=.){_VALUE.pattern}")
_DIGITS = lazy_pattern("[0-9]{1,15}")


class RunRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The facts that are needed to judge a run, stored with its object."""

    metrics: MetricsSource
    container: str
    """The name of the training container."""
    timeout: float | None = None
    bad_exit_codes: tuple[int, ...] = ()
    primary: dict[str, str] = {}
    """Labels of the pod from which output is read."""
    success: str | None = None
    """The condition of success; None: a Job that is judged by its pods."""
    failures: tuple[str, ...] = ()
    path: str = ""
    """The API's path for objects of its kind; empty for a Job."""
    named: str = ""
    """The label with the object's name on its pods, if they lack Tunelet's labels."""
    traceparent: str = ""
    """The trace of the run, which its end continues."""
    digest: str = ""
    """`Launch.digest`."""


def labels(run: Run, installation: str) -> dict[str, str]:
    values = (run.namespace, run.experiment, run.uid, str(run.number), str(run.attempt))
    own = {f"tunelet.dev/{name}": value for name, value in zip(_NAMES, values, strict=True)}
    return {_MANAGED[0]: _MANAGED[1], INSTALLATION: installation, **own}


def pod_labels(written: str) -> dict[str, str]:
    """Return the labels in the option `pod_labels`. Raises `Reject` if they are invalid."""
    pairs = [pair.partition("=")[::2] for pair in written.split(",") if pair]
    if all(_KEY.fullmatch(key) and _VALUE.fullmatch(value) for key, value in pairs):
        return dict(pairs)
    message, remedy = "are not labels", "write KEY=VALUE, several separated by commas"
    error = FieldError("TUNELET_LAUNCHER.pod_labels", written, message, remedy)
    raise Reject(f"pod_labels={written} in TUNELET_LAUNCHER {message}; {remedy}", [error])


def label(thing: Any, name: str) -> str:
    """Return the value of Tunelet's label of this name; empty if the object lacks it."""
    metadata = thing.get("metadata") if isinstance(thing, dict) else None
    found = metadata.get("labels") if isinstance(metadata, dict) else None
    return str(found.get(f"tunelet.dev/{name}", "")) if isinstance(found, dict) else ""


def run_of(thing: Mapping[str, Any]) -> Run | None:
    """Return the run of an object, by its labels; None if it has none."""
    values = [label(thing, name) for name in _NAMES]
    namespace, experiment, uid, number, attempt = values
    if not (all(values) and _DIGITS.fullmatch(number) and _DIGITS.fullmatch(attempt)):
        return None
    return Run(namespace, experiment, uid, int(number), int(attempt))


def selector(installation: str, run: Run | None = None, **wanted: str) -> str:
    """Return a selector of the installation's objects, of a run, or with these label values."""
    chosen = labels(run, installation) if run is not None else {INSTALLATION: installation}
    chosen |= dict([_MANAGED]) | {f"tunelet.dev/{name}": value for name, value in wanted.items()}
    return ",".join(f"{name}={value}" for name, value in chosen.items())


def record_of(thing: Mapping[str, Any]) -> RunRecord | None:
    """Return the record of an object; None if it lacks one, for example a foreign object's."""
    annotations = thing["metadata"].get("annotations")
    written = annotations.get(RECORD) if isinstance(annotations, dict) else None
    try:
        return msgspec.json.decode(str(written), type=RunRecord)
    except msgspec.MsgspecError:
        return None

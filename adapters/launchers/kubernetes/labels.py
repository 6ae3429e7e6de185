"""How the objects of a run are found again: labels, and what is kept in annotations. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tunelet.core.run import Run

RECORD = "tunelet.dev/record"
OUTCOME = "tunelet.dev/outcome"
"""The outcome of a run that Tunelet itself had to end."""
INSTALLATION = "tunelet.dev/installation"
SEVERAL = "tunelet.dev/several"
"""Of a Job with several pods: that one of them succeeded is not its end."""

COLLECTOR = "tunelet-collector"
"""The name of the container that reads the metrics of another."""

_MANAGED = ("app.kubernetes.io/managed-by", "tunelet")
_NAMES = ("namespace", "experiment", "uid", "trial", "attempt")


class RunRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has to be known of a run to judge it, kept with its object."""

    metrics: dict[str, Any]
    container: str
    """The name of the container that trains."""
    timeout: float | None = None
    bad_exit_codes: tuple[int, ...] = ()
    primary: dict[str, str] = {}
    """Labels of the pod whose output is read."""
    success: str | None = None
    """A condition; None: a Job that is judged by its pods."""
    failures: tuple[str, ...] = ()
    path: str = ""
    """Where the API has objects of its kind, if it is no Job."""
    named: str = ""
    """The label with its name that its pods have, if they have none of ours."""
    traceparent: str = ""
    """The trace that it belongs to, which its end goes on."""


def labels(run: Run, installation: str) -> dict[str, str]:
    values = (run.namespace, run.experiment, run.uid, str(run.number), str(run.attempt))
    own = {f"tunelet.dev/{name}": value for name, value in zip(_NAMES, values, strict=True)}
    return {_MANAGED[0]: _MANAGED[1], INSTALLATION: installation, **own}


def run_of(thing: Mapping[str, Any]) -> Run | None:
    """The run that an object belongs to, by its labels."""
    found = (thing.get("metadata") or {}).get("labels") or {}
    values = [str(found.get(f"tunelet.dev/{name}", "")) for name in _NAMES]
    namespace, experiment, uid, number, attempt = values
    if not (all(values) and number.isdecimal() and attempt.isdecimal()):
        return None
    return Run(namespace, experiment, uid, int(number), int(attempt))


def selector(installation: str, run: Run | None = None, **wanted: str) -> str:
    """Of all objects of the installation, of a run, or with these values of labels."""
    chosen = labels(run, installation) if run is not None else {INSTALLATION: installation}
    chosen |= dict([_MANAGED]) | {f"tunelet.dev/{name}": value for name, value in wanted.items()}
    return ",".join(f"{name}={value}" for name, value in chosen.items())


def record_of(thing: Mapping[str, Any]) -> RunRecord | None:
    """None if somebody else took our labels, or took the record away."""
    annotations = thing["metadata"].get("annotations")
    written = annotations.get(RECORD) if isinstance(annotations, dict) else None
    try:
        return msgspec.json.decode(str(written), type=RunRecord)
    except msgspec.MsgspecError:
        return None

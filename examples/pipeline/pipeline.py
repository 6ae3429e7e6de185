"""A training pipeline that prints nothing and reports only in CloudEvents.

It sends `dev.tunelet.trial.reported` after each step and `dev.tunelet.trial.completed` or
`dev.tunelet.trial.failed` at the end, in the binary mode of the CloudEvents HTTP binding 1.0:
attributes in `ce-` headers, data as the body. It needs only the standard library. A step of any
workflow engine can send the same events.
"""

import json
import os
import time
import uuid
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

TRIAL = "/".join(
    os.environ[f"TUNELET_{part}"] for part in ("NAMESPACE", "EXPERIMENT", "TRIAL", "ATTEMPT")
)


def main() -> None:
    hyperparameters = json.loads(os.environ["TUNELET_HYPERPARAMETERS"])
    try:
        loss = train(hyperparameters["depth"], hyperparameters["shrinkage"])
    except ValueError as error:
        send("failed", {"reason": str(error)})
    else:
        send("completed", {"values": {"objective": loss}})


def train(depth: int, shrinkage: float) -> float:
    """Boosting in miniature: each step removes a share of the remaining error."""
    if depth * shrinkage > 6:
        raise ValueError(f"diverged: depth {depth} with shrinkage {shrinkage}")
    loss = 1.0
    for step in range(1, 6):
        loss = loss * (1 - shrinkage * (1 - 1 / (depth + 1))) + 0.002 * depth
        send("reported", {"step": step, "values": {"objective": loss}})
    return loss


def send(what: str, data: dict[str, Any], patience: float = 60.0) -> None:
    """Deliver one event. While the service does not answer, send the same event again.

    Its id stays the same, so an event that arrives twice counts once.
    """
    request = Request(
        os.environ["TUNELET_API_URL"] + "/api/events",
        data=json.dumps(data).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['TUNELET_TRIAL_TOKEN']}",
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-id": str(uuid.uuid4()),
            "ce-source": "/examples/pipeline",
            "ce-type": f"dev.tunelet.trial.{what}",
            "ce-subject": TRIAL,
        },
    )
    deadline = time.monotonic() + patience
    while True:
        try:
            with urlopen(request, timeout=10):
                return
        except HTTPError as error:
            if error.code < 500 or time.monotonic() > deadline:
                raise
        except URLError:
            if time.monotonic() > deadline:
                raise
        time.sleep(1)


if __name__ == "__main__":
    main()

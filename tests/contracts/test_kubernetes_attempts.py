"""The trial loop on a real cluster: attempts that the infrastructure breaks are repeated."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.storage import open_store
from algorithms import load_catalog
from functions.events.outbox import Nowhere
from tests.contracts.clusters import CODE, api, launcher_in, namespaces, needs_cluster
from tests.contracts.launchers import until
from tunelet.assembly import assembled
from tunelet.core.experiment import Experiment
from tunelet.core.trial import TrialState
from tunelet.request.policy import Policies, Policy

pytestmark = needs_cluster

# The first attempt leaves a checkpoint and waits forever; the second finds it.
PROGRAM = """
import os, pathlib, time, urllib.parse
folder = pathlib.Path(urllib.parse.urlsplit(os.environ["TUNELET_CHECKPOINT_URL"]).path)
folder.mkdir(parents=True, exist_ok=True)
saved = folder / "epoch"
if not saved.exists():
    saved.write_text("7")
    print("step=7 objective=7", flush=True)
    time.sleep(1000)
print(f"step=8 objective={int(saved.read_text()) + int(os.environ['TUNELET_ATTEMPT'])}")
"""


@pytest.fixture(scope="module")
def prefix() -> Iterator[str]:
    with namespaces("default") as prefix:
        yield prefix


def test_an_evicted_trial_continues_from_its_checkpoint_in_a_new_attempt(
    prefix: str, tmp_path: Path
) -> None:
    service = assembled(
        open_store(tmp_path.as_uri()),
        launcher_in(prefix),
        load_catalog(),
        Nowhere(),
        secret=b"0123456789abcdef",
        api_url="http://127.0.0.1:9",
        policies=Policies(Policy(allow=("hostPath",))),
    )
    host = {"name": "host", "hostPath": {"path": str(tmp_path)}}
    code = {
        **CODE,
        "command": ["python3", "-c", PROGRAM],
        "volumes": [host],
        "volume_mounts": [{"name": "host", "mountPath": str(tmp_path)}],
    }
    service.submit(
        {
            "name": "resumed",
            "model_training_code": code,
            "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
            "hpo_algorithm": "random_search",
            "max_trials": 1,
        }
    )

    def swept() -> Experiment:
        service.sweep()
        return service.experiment("default", "resumed")

    until(lambda: [t for t in swept().trials.values() if t.reports])
    path = f"/api/v1/namespaces/{prefix}default/pods"
    (pod,) = api().list(path, labelSelector="tunelet.dev/attempt=1")
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    api().create(f"{path}/{name}/eviction", eviction)
    until(lambda: swept().over)
    trial = service.trial("default", "resumed", 0)
    assert (trial.state, trial.attempt) == (TrialState.COMPLETE, 2)
    assert trial.values == {"objective": 9.0}
    service.delete("default", "resumed")
    jobs = f"/apis/batch/v1/namespaces/{prefix}default/jobs"

    def left() -> list[object]:
        service.sweep()
        return list(api().list(jobs))

    until(lambda: not left())

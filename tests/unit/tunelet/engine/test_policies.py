"""The policy is enforced at the submit, and again at each launch."""

from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Nowhere
from tests.unit.functions.conftest import SMALLEST, SilentLauncher
from tunelet.assembly import assembled
from tunelet.core.trial import TrialState
from tunelet.errors import Reject
from tunelet.request.policy import Policies, Policy
from tunelet.service import Service

HOST = {"name": "host", "hostPath": {"path": "/"}}
SPACE = {"x": {"type": "categorical", "choices": [True]}}
ANYTHING = Policies(Policy("privileged"))


def service(store: MemoryStore, launcher: SilentLauncher, policies: Policies) -> Service:
    return assembled(
        store,
        launcher,
        load_catalog(),
        Nowhere(),
        secret=b"0123456789abcdef",
        api_url="http://127.0.0.1:8080",
        policies=policies,
    )


def request(code: Any, **fields: Any) -> dict[str, Any]:
    return {**SMALLEST, "name": "e", "hyperparameters": SPACE, "model_training_code": code} | fields


def test_a_submit_of_a_refused_pod_begins_nothing() -> None:
    served = service(MemoryStore(), SilentLauncher(), Policies())
    code = {"image": "train:1", "volumes": [HOST]}
    with pytest.raises(Reject) as refusal:
        served.submit(request(code))
    (error,) = refusal.value.errors
    assert error.field == "model_training_code.volumes[0].hostPath"
    assert served.experiments("default") == ([], None)


def test_the_policy_is_that_of_the_namespace() -> None:
    policies = Policies(named={"vision": Policy(allow=("hostPath",))})
    served = service(MemoryStore(), SilentLauncher(), policies)
    code = {"image": "train:1", "volumes": [HOST]}
    assert served.submit(request(code, namespace="vision")).namespace == "vision"
    with pytest.raises(Reject):
        served.submit(request(code))


def test_an_experiment_older_than_the_policy_launches_nothing() -> None:
    store, launcher = MemoryStore(), SilentLauncher()
    service(store, launcher, ANYTHING).submit(
        request({"image": "train:1", "volumes": [HOST]}, max_trials=1)
    )
    later = service(store, launcher, Policies())
    later.suggest("default", "e")
    later.launch("default", "e")
    trial = later.trial("default", "e", 0)
    assert trial.state is TrialState.FAIL
    assert "volumes[0].hostPath is not allowed" in (trial.reason or "")
    assert launcher.running() == []


def test_a_value_of_a_hyperparameter_cannot_become_a_right() -> None:
    """Placeholders are filled with values of their type: here with true, or with a name."""
    template = {"spec": {"containers": [{"name": "train", "image": "a${hyperparameters.x}"}]}}
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": template}}
    store, launcher = MemoryStore(), SilentLauncher()
    images = Policies(Policy(images=("a$*",)))
    service(store, launcher, images).submit(request(manifest, max_trials=1))
    served = service(store, launcher, images)
    served.suggest("default", "e")
    served.launch("default", "e")
    assert served.trial("default", "e", 0).state is TrialState.FAIL
    assert launcher.running() == []

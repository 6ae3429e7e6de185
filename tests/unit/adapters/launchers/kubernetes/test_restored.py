"""Runs that were launched before an older copy of the store was restored, in a cluster."""

from msgspec.structs import replace

from adapters.launchers.kubernetes.launcher import KubernetesLauncher
from tests.unit.adapters.launchers.kubernetes.test_objects import (
    RUN,
    Cluster,
    launch,
    of_another_kind,
)
from tests.unit.functions.conftest import SMALLEST, FragileStore, World
from tunelet.core.trial import TrialState
from tunelet.engine.runs import FOREIGN

FAILED = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}
REQUEST = {
    **SMALLEST,
    "name": "digits",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "parallel_trials": 1,
    "max_attempts": 1,
}
SECRET = f"/api/v1/namespaces/ns/secrets/{RUN.name}"


def launcher_of(cluster: Cluster) -> KubernetesLauncher:
    return KubernetesLauncher(cluster, clock=lambda: 1_767_225_601.0)  # type: ignore[arg-type]


def trained(world: World, x: float) -> None:
    """Launch trial 0 with this hyperparameter."""
    world.service.enqueue("default", "digits", [{"x": x}])
    world.service.suggest("default", "digits")
    world.service.launch("default", "digits")


def copied(store: FragileStore) -> FragileStore:
    copy = FragileStore()
    for key in list(store.list("")):
        found = store.get(key)
        assert found is not None
        copy.put(key, found.data)
    return copy


def test_a_job_of_other_hyperparameters_is_not_the_trials_own() -> None:
    cluster = Cluster()
    world = World(launcher=launcher_of(cluster))  # type: ignore[arg-type]
    world.service.submit(REQUEST)
    restored = World(copied(world.store), launcher_of(cluster))  # type: ignore[arg-type]
    trained(world, 0.25)
    jobs = [thing for thing in cluster.objects.values() if thing["kind"] == "Job"]
    for each in jobs:
        each["status"] = FAILED
    trained(restored, 0.75)
    restored.service.collect("default", "digits")
    trial = restored.service.trial("default", "digits", 0)
    assert (trial.state, trial.attempt, trial.reason) == (TrialState.WAITING, 2, FOREIGN)
    assert trial.counted == 1


def test_a_job_of_the_same_hyperparameters_is_the_trials_own() -> None:
    cluster = Cluster()
    world = World(launcher=launcher_of(cluster))  # type: ignore[arg-type]
    world.service.submit(REQUEST)
    restored = World(copied(world.store), launcher_of(cluster))  # type: ignore[arg-type]
    trained(world, 0.25)
    for each in cluster.objects.values():
        if each["kind"] == "Job":
            each["status"] = FAILED
    trained(restored, 0.25)
    restored.service.collect("default", "digits")
    assert restored.service.trial("default", "digits", 0).state is TrialState.FAIL


def test_a_job_of_other_hyperparameters_gets_no_token_of_the_trial() -> None:
    cluster = Cluster()
    launcher_of(cluster).launch(replace(launch(), digest="a1"))
    del cluster.objects[SECRET]
    launcher_of(cluster).launch(replace(launch(), digest="b2"))
    assert SECRET not in cluster.objects
    launcher_of(cluster).launch(replace(launch(), digest="a1"))
    assert SECRET in cluster.objects


def test_a_launch_of_an_older_version_is_completed() -> None:
    cluster = Cluster()
    launcher_of(cluster).launch(launch())
    del cluster.objects[SECRET]
    launcher_of(cluster).launch(replace(launch(), digest="b2"))
    assert SECRET in cluster.objects
    assert launcher_of(cluster).observe(RUN).digest == ""


def test_the_digest_of_an_object_counts_and_not_that_of_its_anchor() -> None:
    cluster = Cluster()
    launcher = launcher_of(cluster)
    launcher.launch(replace(of_another_kind(cluster, RUN), digest="a1"))
    del cluster.objects[f"/api/v1/namespaces/ns/configmaps/{RUN.name}"]
    launcher.launch(replace(of_another_kind(cluster, RUN), digest="b2"))
    assert launcher.observe(RUN).digest == "a1"

"""Which objects in a cluster are a run's, and when it is gone. The API server is a dictionary."""

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.launchers.kubernetes.labels import INSTALLATION, run_of
from adapters.launchers.kubernetes.launcher import KubernetesLauncher, Options
from tests.contracts.launchers import STDOUT
from tests.unit.functions.conftest import SMALLEST, World
from tunelet.core.run import Launch, Phase, Run
from tunelet.core.trial import Verdict
from tunelet.errors import Reject, Retry

RUN = Run("ns", "e", "u1", 3, 2)
JOBS, PODS = "/apis/batch/v1/namespaces/ns/jobs", "/api/v1/namespaces/ns/pods"


class Cluster:
    """Objects by path, as the API server keeps them."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.deletions: list[tuple[str, str]] = []

    def get(self, path: str) -> dict[str, Any] | None:
        return self.objects.get(path)

    def list(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        wanted = query.get("labelSelector", "").split(",")
        for found, thing in list(self.objects.items()):
            labels = thing["metadata"].get("labels", {})
            if found.rpartition("/")[0] == path and all(_has(labels, each) for each in wanted):
                yield thing

    def create(self, path: str, thing: dict[str, Any]) -> dict[str, Any] | None:
        key = f"{path}/{thing['metadata']['name']}"
        if key in self.objects:
            return None
        thing["metadata"] |= {"uid": "x", "creationTimestamp": "2026-01-01T00:00:00Z"}
        self.objects[key] = thing
        return thing

    def patch(self, path: str, change: dict[str, Any]) -> None:
        for part, values in change["metadata"].items():
            if isinstance(values, dict):
                self.objects[path]["metadata"].setdefault(part, {}).update(values)

    def delete(self, path: str, propagation: str) -> None:
        self.deletions.append((path.rpartition("/")[2], propagation))

    def stream(self, path: str, **query: str) -> Iterator[bytes]:
        yield b"objective=1\n"


def _has(labels: dict[str, str], wanted: str) -> bool:
    """Whether labels meet one requirement of a selector."""
    if wanted.startswith("!"):
        return wanted[1:] not in labels
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def launcher(cluster: Cluster) -> KubernetesLauncher:
    return KubernetesLauncher(cluster, clock=lambda: 1_767_225_601.0)  # type: ignore[arg-type]


def launch(run: Run = RUN) -> Launch:
    env = {"TUNELET_TRIAL_TOKEN": "t"}
    return Launch(run, {"image": "train:1"}, command=(), args=(), env=env, metrics=STDOUT)


def job(cluster: Cluster, run: Run = RUN) -> dict[str, Any]:
    return cluster.objects[f"{JOBS}/{run.name}"]


def pod(cluster: Cluster, phase: str, run: Run = RUN) -> dict[str, Any]:
    """A pod of the run, as its Job's controller would make it."""
    made = {
        "metadata": {
            "name": f"{run.name}-abc",
            "namespace": "ns",
            "labels": job(cluster, run)["metadata"]["labels"],
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"containers": [{"name": "training"}]},
        "status": {"phase": phase},
    }
    cluster.objects[f"{PODS}/{run.name}-abc"] = made
    return made


def test_a_run_is_found_by_its_own_name_and_labels(
    launcher: KubernetesLauncher, cluster: Cluster
) -> None:
    launcher.launch(launch())
    assert run_of(job(cluster)) == RUN
    assert launcher.observe(RUN).phase is Phase.ACTIVE
    assert launcher.observe(RUN._replace(attempt=1)).phase is Phase.ABSENT
    assert launcher.active("ns", "e") == [RUN]


def test_a_launch_that_comes_twice_makes_nothing_new(
    launcher: KubernetesLauncher, cluster: Cluster
) -> None:
    launcher.launch(launch())
    before = list(cluster.objects)
    launcher.launch(launch())
    assert list(cluster.objects) == before


def foreign(cluster: Cluster) -> None:
    """A Job of the run's name that foreign object has made."""
    cluster.create(JOBS, {"metadata": {"name": RUN.name, "labels": {"app": "other"}}})


def test_a_job_of_somebody_else_is_not_taken_for_the_run(
    launcher: KubernetesLauncher, cluster: Cluster
) -> None:
    foreign(cluster)
    with pytest.raises(Reject, match="foreign object"):
        launcher.launch(launch())


def test_a_job_that_has_our_record_but_another_run_s_labels_is_not_the_run(
    launcher: KubernetesLauncher, cluster: Cluster
) -> None:
    launcher.launch(launch())
    job(cluster)["metadata"]["labels"]["tunelet.dev/uid"] = "u2"
    assert launcher.observe(RUN).phase is Phase.ABSENT
    launcher.stop(RUN)
    assert cluster.deletions == []


def test_the_secret_comes_last_so_that_nothing_starts_before_all_is_there(
    launcher: KubernetesLauncher, cluster: Cluster
) -> None:
    launcher.launch(launch())
    kinds = [path.rpartition("/")[0].rpartition("/")[2] for path in cluster.objects]
    assert kinds[-1] == "secrets"
    assert "jobs" in kinds


def test_two_installations_do_not_see_each_other_s_runs(cluster: Cluster) -> None:
    one, two = (
        KubernetesLauncher(cluster, Options(installation=name))  # type: ignore[arg-type]
        for name in ("one", "two")
    )
    one.launch(launch())
    assert job(cluster)["metadata"]["labels"][INSTALLATION] == "one"
    assert one.active("ns", "e") == [RUN]
    assert two.active("ns", "e") == []
    pod(cluster, "Running")
    # A listing of all pods has another path than that of a namespace.
    cluster.objects["/api/v1/pods/x"] = cluster.objects[f"{PODS}/{RUN.name}-abc"]
    assert two.lives() == {}
    assert len(one.lives()) == 1


def test_a_pod_that_a_tenant_made_elsewhere_shows_nothing_of_a_run(cluster: Cluster) -> None:
    """The experiment's runs would never be unchanged, so each sweep would look at it."""
    launcher = KubernetesLauncher(cluster, Options(installation="one"))  # type: ignore[arg-type]
    launcher.launch(launch())
    own = pod(cluster, "Running")
    cluster.objects["/api/v1/pods/x"] = own
    before = launcher.lives()
    forged = {**own["metadata"], "namespace": "other", "name": "y"}
    cluster.objects["/api/v1/pods/y"] = {**own, "metadata": forged, "status": {"phase": "Pending"}}
    stray = {**forged["labels"], "tunelet.dev/uid": "u2"}
    cluster.objects["/api/v1/pods/z"] = {**own, "metadata": {**forged, "labels": stray}}
    assert launcher.lives() == before
    assert list(before)


def test_a_run_is_active_while_its_object_is_being_deleted(
    launcher: KubernetesLauncher, cluster: Cluster
) -> None:
    launcher.launch(launch())
    job(cluster)["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:01Z"
    job(cluster)["status"] = {"conditions": [{"type": "Failed", "status": "True"}]}
    assert launcher.observe(RUN).phase is Phase.ACTIVE


@pytest.mark.parametrize(
    ("phase", "seen"), [("Running", Phase.ACTIVE), ("Succeeded", Phase.ABSENT)]
)
def test_a_run_without_its_object_is_active_until_its_pods_have_ended(
    launcher: KubernetesLauncher, cluster: Cluster, phase: str, seen: Phase
) -> None:
    """They may still write to the checkpoint that the next attempt would read."""
    launcher.launch(launch())
    pod(cluster, phase)
    del cluster.objects[f"{JOBS}/{RUN.name}"]
    assert launcher.observe(RUN).phase is seen


def launched(cluster: Cluster) -> list[Run]:
    """The runs with a Job."""
    found = [thing for path, thing in cluster.objects.items() if path.startswith(JOBS)]
    return [run for each in found if (run := run_of(each)) is not None]


class Unheard(KubernetesLauncher):
    """Its answers to launches are lost, as where its process dies or the store is away."""

    def launch(self, launch: Launch) -> None:
        super().launch(launch)
        raise Retry("nobody hears that it was launched")


@pytest.mark.parametrize("seen", ["with its Job", "with its pods"])
def test_a_run_that_is_removed_before_its_launch_was_recorded_is_not_launched_again(
    cluster: Cluster, seen: str
) -> None:
    launcher = Unheard(cluster)  # type: ignore[arg-type]
    world = World(launcher=launcher)  # type: ignore[arg-type]
    request = {"name": "e", "namespace": "ns", "parallel_trials": 1, "max_trials": 1}
    world.service.submit({**SMALLEST, **request, "max_attempts": 5})
    world.service.suggest("ns", "e")
    world.service.launch("ns", "e")
    (first,) = launched(cluster)
    pod(cluster, "Running", first)
    if seen == "with its Job":
        job(cluster, first)["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:01Z"
        world.service.collect("ns", "e")
    del cluster.objects[f"{JOBS}/{first.name}"]
    world.service.collect("ns", "e")
    del cluster.objects[f"{PODS}/{first.name}-abc"]
    world.service.collect("ns", "e")
    world.service.launch("ns", "e")
    assert [run.attempt for run in launched(cluster)] == [2]
    assert world.service.trial("ns", "e", 0).attempt == 2


def test_a_run_that_cannot_begin_ends_only_once_its_job_has(
    launcher: KubernetesLauncher, cluster: Cluster
) -> None:
    launcher.launch(launch())
    waiting = {"waiting": {"reason": "InvalidImageName", "message": "no such name"}}
    status = {"phase": "Pending", "containerStatuses": [{"name": "training", "state": waiting}]}
    pod(cluster, "Pending")["status"] = status
    for _ in range(2):
        assert launcher.observe(RUN).phase is Phase.ACTIVE
    job(cluster)["status"] = {"conditions": [{"type": "Failed", "status": "True"}]}
    outcome = launcher.observe(RUN).outcome
    assert outcome is not None
    assert outcome.verdict is Verdict.FAIL


def test_a_successful_job_without_pods_gives_no_result(
    launcher: KubernetesLauncher, cluster: Cluster
) -> None:
    launcher.launch(launch())
    job(cluster)["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    outcome = launcher.observe(RUN).outcome
    assert outcome is not None
    assert outcome.verdict is Verdict.LOST


def test_the_object_of_a_stopped_run_exists_until_its_pods_are_gone(
    launcher: KubernetesLauncher, cluster: Cluster
) -> None:
    launcher.launch(launch())
    launcher.stop(RUN)
    assert cluster.deletions == [(RUN.name, "Foreground")]


PLURALS = "/apis/kubeflow.org/v1"
TRAINING_JOBS = f"{PLURALS}/namespaces/ns/pytorchjobs"


def of_another_kind(cluster: Cluster, run: Run) -> Launch:
    known = {"name": "pytorchjobs", "kind": "PyTorchJob", "namespaced": True}
    cluster.objects[PLURALS] = {"metadata": {}, "resources": [known]}
    template = {"spec": {"containers": [{"name": "pytorch", "image": "train:1"}]}}
    spec = {"pytorchReplicaSpecs": {"Master": {"replicas": 1, "template": template}}}
    manifest = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": {}, "spec": spec}
    return Launch(run, {"manifest": manifest}, (), (), {"TUNELET_TRIAL_TOKEN": "t"}, STDOUT)


def test_an_ended_run_of_any_kind_is_unsaved_until_it_is_marked(
    launcher: KubernetesLauncher, cluster: Cluster
) -> None:
    other, active = RUN._replace(number=4), RUN._replace(number=5)
    launcher.launch(launch())
    launcher.launch(launch(active))
    launcher.launch(of_another_kind(cluster, other))
    job(cluster)["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    done = {"conditions": [{"type": "Succeeded", "status": "True"}]}
    cluster.objects[f"{TRAINING_JOBS}/{other.name}"]["status"] = done
    assert list(launcher.unsaved("ns", "e")) == [RUN, other]
    launcher.saved(other)
    assert list(launcher.unsaved("ns", "e")) == [RUN]
    launcher.saved(RUN)
    launcher.saved(RUN._replace(number=9))
    assert list(launcher.unsaved("ns", "e")) == []
    assert launcher.stop_removes_output


@pytest.mark.parametrize(
    "path",
    [
        "/apis/example.com/v1/namespaces/others/drills",
        "/apis/example.com/v1/namespaces/ns/drills/x?y=",
        "/apis/example.com/v1/namespaces/ns/../others/drills",
        "/api/v1/namespaces/others/secrets",
    ],
)
def test_a_forged_anchor_does_not_lead_out_of_its_namespace(
    launcher: KubernetesLauncher, cluster: Cluster, path: str
) -> None:
    """Who may write ConfigMaps in a namespace gets none of the service's rights elsewhere."""
    drill = {"apiVersion": "example.com/v1", "kind": "Drill", "spec": {"image": "x"}}
    cluster.objects["/apis/example.com/v1"] = {
        "metadata": {},
        "resources": [{"name": "drills", "kind": "Drill", "namespaced": True}],
    }
    code = {"manifest": drill, "success_condition": "status.ok", "failure_condition": "status.no"}
    launcher.launch(Launch(RUN, code, (), (), {"TUNELET_TRIAL_TOKEN": "t"}, STDOUT))
    own = f"/apis/example.com/v1/namespaces/ns/drills/{RUN.name}"
    assert launcher.active("ns", "e") == [RUN]
    thing = cluster.objects.pop(own)
    cluster.objects[f"{path}/{RUN.name}"] = thing
    annotations = cluster.objects[f"/api/v1/namespaces/ns/configmaps/{RUN.name}"]["metadata"][
        "annotations"
    ]
    for name, text in annotations.items():
        annotations[name] = text.replace(own.rpartition("/")[0], path)
    assert launcher.active("ns", "e") == []
    launcher.stop(RUN)
    assert cluster.deletions == []

"""From a launch to Kubernetes objects, without a cluster."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.launchers.kubernetes import manifest
from adapters.launchers.kubernetes.labels import record_of, run_of
from adapters.launchers.kubernetes.manifest import Place
from adapters.launchers.kubernetes.sidecar import Sidecar
from tests.unit.tunelet.request.test_admission import container, job, jobset, pytorch, ray
from tests.unit.tunelet.request.test_pods import CONDITIONS
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch, Run
from tunelet.errors import Reject
from tunelet.request import manifests

RUN = Run("team", "digits", "0123456789abcdef", 7, 2)
PLACE = Place("ns-team", "tunelet", 600)
METRICS = MetricsSource(objectives=("loss",))
ENV = {"TUNELET_HYPERPARAMETERS": '{"shell":"$(HOME)"}', "TUNELET_TRIAL_TOKEN": "secret"}
OWNER = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "uid": "u"}}


def launched(code: dict[str, Any], **fields: Any) -> Launch:
    given: dict[str, Any] = {"command": (), "args": ("--lr=0.1",), "env": ENV, "metrics": METRICS}
    return Launch(run=RUN, code=code, **(given | fields))


def job_of(code: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return manifest.workload(launched({"image": "train:1", **code}, **fields), PLACE)


def pod_of(code: dict[str, Any], **fields: Any) -> dict[str, Any]:
    pod: dict[str, Any] = job_of(code, **fields)["spec"]["template"]["spec"]
    return pod


def training_of(code: dict[str, Any], **fields: Any) -> dict[str, Any]:
    training: dict[str, Any] = pod_of(code, **fields)["containers"][0]
    return training


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def test_a_job_has_the_name_and_the_labels_of_its_run() -> None:
    job = job_of({})
    assert job["metadata"]["name"] == "digits-012345-7-2"
    assert job["metadata"]["namespace"] == "ns-team"
    assert run_of(job) == run_of(job["spec"]["template"]) == RUN
    assert job["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "tunelet"


def test_the_pods_of_an_image_and_of_a_manifest_have_further_labels() -> None:
    place = PLACE._replace(
        pod_labels={"azure.workload.identity/use": "true", "tunelet.dev/uid": "x"}
    )
    job = manifest.workload(launched({"image": "train:1"}), place)
    pod = {"containers": [{"name": "main", "image": "train:1"}], "restartPolicy": "Never"}
    written = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}}
    other = manifest.workload(launched({"manifest": written}), place)
    for each in (job, other):
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert labels["azure.workload.identity/use"] == "true"
        # Tunelet's own decide.
        assert run_of(each["spec"]["template"]) == RUN
        assert "azure.workload.identity/use" not in each["metadata"]["labels"]


def test_an_attempt_is_one_try_that_any_disruption_ends() -> None:
    spec = job_of({"bad_exit_codes": [4, 3]})["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["ttlSecondsAfterFinished"] == 600
    disrupted, bad = spec["podFailurePolicy"]["rules"]
    assert disrupted["onPodConditions"][0]["type"] == "DisruptionTarget"
    assert bad["onExitCodes"]["values"] == [3, 4]
    assert {disrupted["action"], bad["action"]} == {"FailJob"}


def test_the_contract_is_in_arguments_and_variables_and_the_token_in_a_secret() -> None:
    launch = launched({"image": "train:1"}, command=("python",), args=("--lr=0.1", "$$"))
    training = manifest.workload(launch, PLACE)["spec"]["template"]["spec"]["containers"][0]
    assert (training["command"], training["args"]) == (["python"], ["--lr=0.1", "$$$$"])
    found = variables(training)
    # Kubernetes reads $$ as $, and would put a variable's value where $(HOME) stands.
    assert found["TUNELET_HYPERPARAMETERS"] == '{"shell":"$$(HOME)"}'
    reference = found["TUNELET_TRIAL_TOKEN"]["secretKeyRef"]
    secret = manifest.secret(launch, PLACE, OWNER)
    assert secret["metadata"]["name"] == reference["name"]
    assert secret["stringData"] == {reference["key"]: "secret"}
    assert secret["metadata"]["ownerReferences"][0]["uid"] == "u"
    assert "secret" not in json.dumps(manifest.workload(launch, PLACE)).replace("secretKeyRef", "")


def test_pods_are_restricted_by_default() -> None:
    pod = pod_of({})
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    context = pod["containers"][0]["securityContext"]
    assert context == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    pod = pod_of({"service_account": "trainer", "security_context": {"runAsNonRoot": True}})
    assert pod["automountServiceAccountToken"] is True
    assert pod["serviceAccountName"] == "trainer"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_the_pod_has_the_requests_fields_for_it() -> None:
    job = job_of(
        {
            "resources": {"limits": {"nvidia.com/gpu": 1}},
            "node_selector": {"pool": "gpu"},
            "tolerations": [{"key": "gpu", "operator": "Exists", "value": "", "effect": None}],
            "volumes": [{"name": "data", "emptyDir": {}}],
            "volume_mounts": [{"name": "data", "mountPath": "/data", "subPath": None}],
            "secrets": {"API_KEY": {"name": "keys", "key": "api"}},
            "env_from": [{"secretRef": {"name": "all"}, "configMapRef": None}],
            "image_pull_secrets": ["registry"],
            "image_pull_policy": "Always",
            "priority_class": "low",
            "queue": "research",
            "termination_grace_period_seconds": 90,
        },
        timeout=0.3,
    )
    pod = job["spec"]["template"]["spec"]
    training = pod["containers"][0]
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"
    assert pod["nodeSelector"] == {"pool": "gpu"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert pod["volumes"] == [{"name": "data", "emptyDir": {}}]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["priorityClassName"] == "low"
    assert pod["terminationGracePeriodSeconds"] == 90
    assert pod["activeDeadlineSeconds"] == 1
    assert training["volumeMounts"] == [{"name": "data", "mountPath": "/data"}]
    assert training["resources"] == {"limits": {"nvidia.com/gpu": 1}}
    assert training["envFrom"] == [{"secretRef": {"name": "all"}}]
    assert training["imagePullPolicy"] == "Always"
    assert variables(training)["API_KEY"] == {"secretKeyRef": {"name": "keys", "key": "api"}}


def test_several_nodes_are_an_indexed_job_with_a_service_of_the_first_pod() -> None:
    launch = launched({"image": "train:1", "nodes": 4})
    job = manifest.workload(launch, PLACE)
    spec = job["spec"]
    assert (spec["completions"], spec["parallelism"], spec["completionMode"]) == (4, 4, "Indexed")
    found = variables(spec["template"]["spec"]["containers"][0])
    assert found["MASTER_ADDR"] == "digits-012345-7-2-0.digits-012345-7-2"
    assert (found["WORLD_SIZE"], found["LOCAL_RANK"]) == ("4", "0")
    assert found["RANK"] == found["NODE_RANK"] == found["JAX_PROCESS_ID"]
    assert "completion-index" in found["RANK"]["fieldRef"]["fieldPath"]
    service = manifest.service(launch, PLACE, OWNER)
    assert service is not None
    assert service["metadata"]["name"] == spec["template"]["spec"]["subdomain"]
    labels = spec["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert manifest.service(launched({"image": "train:1"}), PLACE, OWNER) is None
    assert record_of(job).primary == {"batch.kubernetes.io/job-completion-index": "0"}


def test_a_launch_without_code_is_refused() -> None:
    with pytest.raises(Reject):
        manifest.workload(launched({}), PLACE)


def test_the_collector_is_added_to_the_pod_and_gets_the_token_from_the_secret() -> None:
    collector = Sidecar(
        [
            {
                "name": "tunelet-collector",
                "env": [{"name": "TUNELET_TRIAL_TOKEN", "value": "secret"}],
            }
        ],
        [{"name": "tunelet-files", "emptyDir": {}}],
        [{"name": "tunelet-files", "mountPath": "/out"}],
    )
    job = manifest.workload(launched({"image": "train:1"}), PLACE, collector)
    pod = job["spec"]["template"]["spec"]
    (sidecar,) = pod["initContainers"]
    assert "secretKeyRef" in variables(sidecar)["TUNELET_TRIAL_TOKEN"]
    assert pod["volumes"] == collector.volumes
    assert pod["containers"][0]["volumeMounts"] == collector.mounts


PYTORCH: dict[str, Any] = {
    "apiVersion": "kubeflow.org/v1",
    "kind": "PyTorchJob",
    "metadata": {"generateName": "mine-", "labels": {"team": "a"}, "namespace": "elsewhere"},
    "spec": {
        "pytorchReplicaSpecs": {
            role: {
                "replicas": 1,
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "name": "pytorch",
                                "image": "train:1",
                                "env": [
                                    {"name": "A", "value": "1"},
                                    {"name": "TUNELET_HYPERPARAMETERS", "value": "forged"},
                                ],
                            },
                            {"name": "log", "image": "log:1"},
                        ]
                    }
                },
            }
            for role in ("Master", "Worker")
        }
    },
}


def of_manifest(written: dict[str, Any], **more: Any) -> dict[str, Any]:
    return manifest.workload(launched({"manifest": written, **more}, timeout=60), PLACE)


def test_a_manifest_keeps_its_fields_and_gets_the_runs_name_labels_and_contract() -> None:
    made = of_manifest(PYTORCH)
    assert made["metadata"]["name"] == RUN.name
    assert made["metadata"]["namespace"] == "ns-team"
    assert made["metadata"]["labels"]["team"] == "a"
    assert "generateName" not in made["metadata"]
    assert run_of(made) == RUN
    for role in ("Master", "Worker"):
        template = made["spec"]["pytorchReplicaSpecs"][role]["template"]
        assert run_of(template) == RUN
        assert template["spec"]["activeDeadlineSeconds"] == 60
        training, other = template["spec"]["containers"]
        assert training["args"] == ["--lr=0.1"]
        assert variables(training)["A"] == "1"
        assert "forged" not in json.dumps(training)
        assert other == {"name": "log", "image": "log:1"}
    assert (
        "env"
        in PYTORCH["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"][0]
    ), "the request itself is left alone"
    assert "args" not in json.dumps(PYTORCH)


def test_a_known_kind_needs_no_conditions_and_another_is_judged_by_those_given() -> None:
    kept = manifest.record(launched({"manifest": PYTORCH}), "/apis/kubeflow.org/v1/…")
    assert kept.container == "pytorch"
    assert kept.success == 'status.conditions.#(type=="Succeeded")#|#(status=="True")#'
    assert kept.primary == {"training.kubeflow.org/job-role": "master"}
    own = {"apiVersion": "example.com/v1", "kind": "Train", "spec": {}}
    code = {"manifest": own, "success_condition": "status.ok", "failure_condition": "status.bad"}
    kept = manifest.record(launched(code), "/apis/example.com/v1/…")
    assert (kept.success, kept.failures) == ("status.ok", ("status.bad",))


def test_a_job_of_the_user_is_tried_once_by_default() -> None:
    def job(**spec: Any) -> dict[str, Any]:
        template = {"spec": {"containers": [{"name": "main", "image": "train:1"}]}}
        written = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": template, **spec}}
        made: dict[str, Any] = of_manifest(written)["spec"]
        return made

    spec = job()
    assert (spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (0, 600)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert job(backoffLimit=3)["backoffLimit"] == 3


def test_argo_and_trainjob_containers_are_found_though_they_stand_in_no_pod() -> None:
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "spec": {"templates": [{"name": "train", "container": {"image": "train:1"}}]},
    }
    spec = of_manifest(workflow)["spec"]
    assert "TUNELET_HYPERPARAMETERS" in variables(spec["templates"][0]["container"])
    assert spec["podMetadata"]["labels"]["tunelet.dev/trial"] == "7"
    trainjob = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "spec": {"trainer": {"numNodes": 2}},
    }
    assert "TUNELET_TRIAL_TOKEN" in variables(of_manifest(trainjob)["spec"]["trainer"])


@pytest.mark.parametrize("kind", [job, jobset, pytorch])
def test_training_in_a_manifest_gets_no_token_of_the_account_that_all_trials_have(
    kind: Callable[[Any], Any],
) -> None:
    def mounted(**members: Any) -> Any:
        made = of_manifest(kind({**container(), **members}), **CONDITIONS)
        pods = [each.spec or {} for each in manifests.containers(made)]
        return [pod.get("automountServiceAccountToken") for pod in pods]

    assert mounted() == [False]
    assert mounted(serviceAccountName="trainer") == [None]


def test_pods_that_call_the_cluster_keep_the_token_of_their_account() -> None:
    made = of_manifest(ray(container()), **CONDITIONS)
    (found,) = manifests.containers(made)
    assert found.spec is not None
    assert "automountServiceAccountToken" not in found.spec

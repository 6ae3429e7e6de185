"""What Tunelet knows of the kinds that manifests may be of, so that users need not say it."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    success: str | None = None
    failures: tuple[str, ...] = ()
    """Any of them: it has failed."""
    container: str | None = None
    """The usual name of the container that trains."""
    primary: Mapping[str, str] = {}
    """Labels of the pod whose output is read, where there are several."""
    named: str = ""
    """The label by which pods name the object, where their templates are not in the manifest."""


def _condition(name: str, status: str = "True") -> str:
    return f'status.conditions.#(type=="{name}")#|#(status=="{status}")#'


def _kubeflow(container: str) -> Kind:
    return Kind(
        _condition("Succeeded"),
        (_condition("Failed"),),
        container,
        {"training.kubeflow.org/job-role": "master"},
    )


_TEKTON = Kind(_condition("Succeeded"), (_condition("Succeeded", "False"),))

KINDS: Mapping[tuple[str, str], Kind] = {
    ("batch", "Job"): Kind(_condition("Complete"), (_condition("Failed"),)),
    ("jobset.x-k8s.io", "JobSet"): Kind(
        _condition("Completed"),
        (_condition("Failed"),),
        None,
        {"jobset.sigs.k8s.io/job-index": "0", "batch.kubernetes.io/job-completion-index": "0"},
    ),
    ("kubeflow.org", "PyTorchJob"): _kubeflow("pytorch"),
    ("kubeflow.org", "TFJob"): _kubeflow("tensorflow"),
    ("kubeflow.org", "XGBoostJob"): _kubeflow("xgboost"),
    ("kubeflow.org", "PaddleJob"): _kubeflow("paddle"),
    ("kubeflow.org", "JAXJob"): _kubeflow("jax"),
    ("kubeflow.org", "MPIJob"): _kubeflow("mpi")._replace(
        primary={"training.kubeflow.org/job-role": "launcher"}
    ),
    ("trainer.kubeflow.org", "TrainJob"): Kind(
        _condition("Complete"),
        (_condition("Failed"),),
        "node",
        {"batch.kubernetes.io/job-completion-index": "0"},
        "jobset.sigs.k8s.io/jobset-name",
    ),
    ("ray.io", "RayJob"): Kind(
        'status.jobStatus=="SUCCEEDED"',
        (
            'status.jobStatus=="FAILED"',
            'status.jobStatus=="STOPPED"',
            'status.jobDeploymentStatus=="Failed"',
        ),
        "ray-job-submitter",
        {},
        "batch.kubernetes.io/job-name",
    ),
    ("argoproj.io", "Workflow"): Kind(
        'status.phase=="Succeeded"', ('status.phase=="Failed"', 'status.phase=="Error"'), "main"
    ),
    ("tekton.dev", "TaskRun"): _TEKTON,
    ("tekton.dev", "PipelineRun"): _TEKTON,
}
"""By API group and kind."""


_MASTERS = {"PyTorchJob": "pytorchReplicaSpecs", "PaddleJob": "paddleReplicaSpecs"}
"""Kinds of which no pod has the role of the master unless there are replicas of that name."""


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """What is known of the manifest's kind; of others, nothing."""
    return KINDS.get((group(manifest), str(manifest.get("kind"))), Kind())


def usual_primary(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of the pod whose output is read, unless the request gives some."""
    spec = manifest.get("spec") or {}
    if kind_of(manifest) is KINDS["batch", "Job"] and spec.get("completionMode") == "Indexed":
        return {"batch.kubernetes.io/job-completion-index": "0"}
    replicas = spec.get(_MASTERS.get(str(manifest.get("kind")), ""))
    if isinstance(replicas, Mapping) and "Master" not in replicas:
        own = "training.kubeflow.org"
        return {f"{own}/replica-type": "worker", f"{own}/replica-index": "0"}
    return kind_of(manifest).primary


def group(manifest: Mapping[str, Any]) -> str:
    api, _, version = str(manifest.get("apiVersion")).rpartition("/")
    return api if version else ""

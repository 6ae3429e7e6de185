"""The additions to a pod for reading its metrics."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.collector.settings import TOKEN_FOLDER, CollectorSettings
from adapters.launchers.kubernetes import sidecar as module
from adapters.launchers.kubernetes.sidecar import Sidecar, sidecar
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch, Run
from tunelet.errors import Reject
from tunelet.training.placeholders import STOP_FILE

METRICS = MetricsSource(objectives=("loss",))
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENV = {
    "TUNELET_API_URL": "http://api.tunelet",
    "TUNELET_TRIAL_TOKEN": "secret",
    "TUNELET_NAMESPACE": "default",
    "TUNELET_EXPERIMENT": "digits",
    "TUNELET_TRIAL": "7",
    "TUNELET_STOP_FILE": STOP_FILE,
    "TRACEPARENT": TRACE,
}


def made(container: str = "training", **metrics: Any) -> Sidecar:
    return sidecar(launched(**metrics), "collector:1", container)


def launched(**metrics: Any) -> Launch:
    return Launch(
        run=Run("default", "digits", "u1", 7, 1),
        code={"image": "train:1"},
        command=(),
        args=(),
        env=ENV | {"USERS_OWN": "$(HOME)"},
        metrics=replace(METRICS, **metrics),
    )


def mounts(container: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """By volume: where it is, and whether it may be written."""
    return {
        each["name"]: (each["mountPath"], not each.get("readOnly", False))
        for each in container["volumeMounts"]
    }


def test_it_is_a_native_sidecar_within_the_restricted_standard() -> None:
    (one,) = made().containers
    assert (one["image"], one["restartPolicy"]) == ("collector:1", "Always")
    security = one["securityContext"]
    assert security["runAsNonRoot"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert one["resources"]["requests"]["memory"] == "30Mi"


def test_its_requests_can_be_set_and_its_limits_are_never_below_them() -> None:
    launch = launched()
    (one,) = sidecar(launch, "collector:1", requests={"cpu": "0", "memory": "0.125Gi"}).containers
    assert one["resources"] == {
        "requests": {"cpu": "0", "memory": "0.125Gi"},
        "limits": {"cpu": "500m", "memory": "0.125Gi"},
    }


def test_only_the_collector_gets_a_token_and_only_to_read_the_output() -> None:
    beside = made()
    assert {each["name"] for each in beside.mounts} == {"tunelet-stop"}
    assert mounts(beside.containers[0])["tunelet-token"] == (TOKEN_FOLDER, False)
    assert module.TOKEN_FOLDER == TOKEN_FOLDER
    from_file = made(source="file", path="/out/metrics.txt")
    assert "tunelet-token" not in json.dumps(from_file)


def test_the_training_sees_whether_to_stop_and_cannot_say_so_itself() -> None:
    beside = made()
    (mount,) = beside.mounts
    assert (mount["mountPath"], mount["readOnly"]) == ("/var/run/tunelet", True)
    assert mounts(beside.containers[0])["tunelet-stop"] == ("/var/run/tunelet", True)


@pytest.mark.parametrize(
    ("source", "path", "folder"),
    [("file", "/out/a/metrics.txt", "/out/a"), ("tensorboard", "/logs", "/logs")],
)
def test_the_folder_of_metrics_is_at_the_same_place_in_both(
    source: str, path: str, folder: str
) -> None:
    beside = made(source=source, path=path)
    assert mounts(beside.containers[0])["tunelet-metrics"] == (folder, False)
    assert mounts({"volumeMounts": beside.mounts})["tunelet-metrics"] == (folder, True)
    assert {"name": "tunelet-metrics", "emptyDir": {}} in beside.volumes


@pytest.mark.parametrize(
    ("source", "path"),
    [("file", "metrics.txt"), ("file", "/metrics.txt"), ("tensorboard", "/"), ("file", "/a/../b")],
)
def test_a_path_that_no_volume_can_hold_is_refused_with_the_remedy(source: str, path: str) -> None:
    with pytest.raises(Reject) as refused:
        made(source=source, path=path)
    (error,) = refused.value.errors
    assert (error.field, error.value) == ("metrics.path", path)
    assert "/folder" in error.remedy


def test_there_is_no_sidecar_if_the_training_pushes_its_values() -> None:
    assert made(source="push") == Sidecar([], [], [])


def test_the_collector_reads_the_settings_of_the_sidecar() -> None:
    pattern = r"(?P<name>\w+)$(?P<value>$$\d+)"
    (one,) = made("main", pattern=pattern).containers
    environ = {each["name"]: expanded(each) for each in one["env"]}
    settings = CollectorSettings.of(environ | {"KUBERNETES_SERVICE_HOST": "::1"})
    assert settings.metrics == replace(METRICS, pattern=pattern)
    assert settings.container == "main"
    assert settings.stop_file == STOP_FILE
    assert settings.kubernetes == "[::1]:443"
    assert settings.reporting
    assert settings.traceparent == TRACE
    assert "USERS_OWN" not in environ


def test_only_the_first_pod_of_a_trial_reports() -> None:
    (one,) = made().containers
    environ = {each["name"]: expanded(each) for each in one["env"]}
    assert CollectorSettings.of(environ | {"JOB_COMPLETION_INDEX": "0"}).reporting
    assert not CollectorSettings.of(environ | {"JOB_COMPLETION_INDEX": "1"}).reporting


def expanded(variable: dict[str, Any]) -> str:
    """As Kubernetes gives it to the container, where no variables are named."""
    if "valueFrom" in variable:
        return str(variable["valueFrom"]["fieldRef"]["fieldPath"])
    return str(variable["value"]).replace("$$", "$")

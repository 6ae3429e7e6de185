"""The diagnosis of a run from states of Job and pods that a real cluster does not reach at will."""

from typing import Any

import pytest

from adapters.launchers.kubernetes.diagnosis import End, end, failure, primary, stuck, waiting
from adapters.launchers.kubernetes.labels import RunRecord
from adapters.launchers.kubernetes.output import termination_message
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Report, Verdict

RECORD = RunRecord(metrics=MetricsSource(), container="training", timeout=60)
FAILED = End(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")


def pod(
    state: dict[str, Any] | None = None, phase: str = "Failed", **status: Any
) -> dict[str, Any]:
    statuses = [{"name": "training", "state": state}] if state else []
    return {
        "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"containers": [{"name": "training", "image": "train:1"}]},
        "status": {"phase": phase, "containerStatuses": statuses, **status},
    }


def exited(code: int, **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, **more}}


DISRUPTED = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}


@pytest.mark.parametrize(
    "lost",
    [
        pod(exited(143), conditions=[DISRUPTED]),
        pod(exited(137, reason="ContainerStatusUnknown")),
        pod(reason="NodeShutdown", message="the node was shut down"),
        pod(reason="UnexpectedAdmissionError", message="no device is left"),
        pod(reason="Evicted", message="The node was low on resource: memory."),
    ],
)
def test_a_fault_of_a_node_is_not_a_failure_of_the_trial(lost: dict[str, Any]) -> None:
    assert failure(FAILED, [lost], RECORD).verdict is Verdict.LOST


@pytest.mark.parametrize(
    ("why", "verdict"),
    [
        ("failed to create shim task: context deadline exceeded: unknown", Verdict.LOST),
        ("failed to start shim: fork/exec: resource temporarily unavailable", Verdict.LOST),
        ('exec: "nope": executable file not found in $PATH: unknown', Verdict.FAIL),
        ("exec /train.sh: exec format error", Verdict.FAIL),
    ],
)
def test_a_container_that_a_busy_node_cannot_start_is_not_a_failure(
    why: str, verdict: Verdict
) -> None:
    state = exited(128, reason="StartError", message=f"failed to create containerd task: {why}")
    assert failure(FAILED, [pod(state)], RECORD).verdict is verdict


def test_a_training_that_was_killed_names_its_memory_limit() -> None:
    """cgroup v1 reports OOMKilled only where the container's first process was killed."""
    killed = pod(exited(137, reason="Error"))
    killed["spec"]["containers"][0]["resources"] = {"limits": {"memory": "48Mi"}}
    found = failure(FAILED, [killed], RECORD)
    assert found.verdict is Verdict.FAIL
    assert "out of memory" in found.reason
    assert "48Mi" in found.reason


def test_one_disrupted_pod_explains_the_failures_of_the_others() -> None:
    pods = [pod(exited(1)), pod(exited(143), conditions=[DISRUPTED])]
    assert failure(FAILED, pods, RECORD).verdict is Verdict.LOST


def test_a_pod_that_was_deleted_because_another_failed_explains_nothing() -> None:
    deleted, broken = pod(exited(143)), pod(exited(5, finishedAt="2026-01-01T00:00:00Z"))
    deleted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:31Z"
    deleted["metadata"]["deletionGracePeriodSeconds"] = 30
    assert failure(FAILED, [deleted, broken], RECORD).exit_code == 5
    assert failure(FAILED, [deleted], RECORD).verdict is Verdict.LOST


def test_a_failed_init_container_is_named() -> None:
    statuses = [{"name": "fetch", "state": exited(2)}]
    found = failure(FAILED, [pod(initContainerStatuses=statuses)], RECORD)
    assert (found.verdict, found.exit_code) == (Verdict.FAIL, 2)
    assert found.reason == "the container 'fetch' exited with 2"


def test_the_disruption_is_known_from_the_job_when_the_pod_is_gone() -> None:
    message = "Pod a/b has condition DisruptionTarget matching FailJob rule at index 0"
    found = failure(End(False, "PodFailurePolicy", message), [], RECORD)
    assert found.verdict is Verdict.LOST


def test_a_job_that_is_about_to_fail_has_not_ended() -> None:
    job = {"status": {"conditions": [{"type": "FailureTarget", "status": "True"}]}}
    assert end(job, RECORD) is None


def waits(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return pod(state, "Pending", startTime="1970-01-01T00:00:00Z")


def test_an_image_that_may_still_appear_gets_time() -> None:
    begun = waits("ErrImagePull", "not found")
    assert stuck([begun], 100, 180, "token") is None
    assert "ErrImagePull" in str(waiting({}, [begun]))
    found = stuck([begun], 181, 180, "token")
    assert found is not None
    assert found.verdict is Verdict.FAIL
    assert "'train:1'" in found.reason
    assert stuck([waits("ContainerCreating")], 1e6, 180, "token") is None


def test_a_token_that_is_missing_is_our_own_fault() -> None:
    found = stuck([waits("CreateContainerConfigError", 'secret "j" not found')], 999, 180, "j")
    assert found is not None
    assert found.verdict is Verdict.LOST


def test_the_output_is_that_of_the_pod_with_the_labels_or_of_the_newest() -> None:
    first, second = pod(), pod()
    first["metadata"]["labels"] = {"rank": "0"}
    second["metadata"] |= {"name": "q", "creationTimestamp": "2026-01-02T00:00:00Z"}
    assert primary([first, second], RECORD) is second
    chosen = RunRecord(metrics=MetricsSource(), container="training", primary={"rank": "0"})
    assert primary([first, second], chosen) is first
    assert primary([first], RunRecord(metrics=MetricsSource(), container="other")) is None


def test_the_termination_message_of_a_collector_is_read_from_the_pods_status() -> None:
    def said(message: str) -> dict[str, Any]:
        state = {"terminated": {"exitCode": 0, "message": message}}
        return {
            "status": {"initContainerStatuses": [{"name": "tunelet-collector", "state": state}]}
        }

    written = '{"values":{"loss":"NaN","acc":1},"reports":[{"step":2,"values":{"acc":1}}]}'
    message = termination_message(said(written), "training")
    assert message.values == {"loss": "NaN", "acc": 1.0}
    assert message.reports == (Report(2, {"acc": 1.0}),)
    assert message.remarks == ""
    assert (
        termination_message(said('{"values":{},"remarks":"found: acc"}'), "training").remarks
        == "found: acc"
    )
    for nothing in ("", "killed", "[]", '{"values":{"loss":"much"}}', '{"values":[]}'):
        assert termination_message(said(nothing), "training").values == {}

"""The end of a run by its pods, when a success may not be one.

The launcher is the real one; the answers of the API server are given.
"""

import json
from collections.abc import Generator, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from adapters.launchers.kubernetes.labels import RECORD as ANNOTATION
from adapters.launchers.kubernetes.labels import RunRecord, labels, run_of
from adapters.launchers.kubernetes.launcher import KubernetesLauncher
from tests.contracts.launchers import STDOUT as METRICS
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Phase, Run
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.errors import NotFound, Retry

RUN = Run("ns", "e", "u1", 0, 1)
INDEX = "batch.kubernetes.io/job-completion-index"
FILE = replace(METRICS, source="file", format="json", path="/out/m.json")
FIRST = {INDEX: "0"}


def at(second: int) -> str:
    return f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}Z"


def pod(
    name: str = "p0",
    code: int = 0,
    *,
    ended: int = 100,
    deleted: int | None = None,
    disrupted: int | None = None,
    index: int | None = None,
    collector: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A pod with an ended training; `deleted` and `disrupted` are the times of these requests."""
    metadata: dict[str, Any] = {"name": name, "uid": name, "creationTimestamp": at(0)}
    if index is not None:
        metadata["labels"] = {INDEX: str(index)}
    if deleted is not None:
        metadata |= {"deletionTimestamp": at(deleted + 30), "deletionGracePeriodSeconds": 30}
    end = {"exitCode": code, "startedAt": at(1), "finishedAt": at(ended)}
    status: dict[str, Any] = {
        "phase": "Succeeded" if code == 0 else "Failed",
        "containerStatuses": [{"name": "training", "state": {"terminated": end}}],
    }
    spec: dict[str, Any] = {"containers": [{"name": "training"}]}
    if collector is not None:
        spec["initContainers"] = [{"name": "tunelet-collector"}]
        status["initContainerStatuses"] = [{"name": "tunelet-collector", **collector}]
    if disrupted is not None:
        about = {"reason": "EvictionByEvictionAPI", "message": "evicted"}
        condition = {"type": "DisruptionTarget", "status": "True", **about}
        status["conditions"] = [{**condition, "lastTransitionTime": at(disrupted)}]
    return {"metadata": metadata, "spec": spec, "status": status}


def said(read: bool | None, ended: int = 101, code: int = 0, **values: float) -> dict[str, Any]:
    """A collector that has ended, and its words."""
    words = {"values": values} | ({} if read is None else {"read": read})
    terminated = {"exitCode": code, "finishedAt": at(ended), "message": json.dumps(words)}
    return {"state": {"terminated": terminated}}


def killed(reason: str = "OOMKilled") -> dict[str, Any]:
    return {"state": {"terminated": {"exitCode": 137, "reason": reason, "finishedAt": at(101)}}}


class Cluster:
    """The API server's answers about one Job, with its pods and their outputs."""

    def __init__(
        self,
        *pods: dict[str, Any],
        metrics: MetricsSource = METRICS,
        primary: Mapping[str, str] | None = None,
        succeeded: int | None = None,
        condition: Mapping[str, Any] | None = None,
        logs: Mapping[str, str] | None = None,
        job: dict[str, Any] | None = None,
    ) -> None:
        self.pods, self.texts = pods, dict(logs or {})
        record = RunRecord(metrics, "training", primary=dict(primary or {}))
        condition = condition or {"type": "Complete"}
        self.job: dict[str, Any] = job or {
            "kind": "Job",
            "metadata": {
                "name": RUN.name,
                "uid": "x",
                "creationTimestamp": at(0),
                "labels": labels(RUN, "tunelet"),
                "annotations": {ANNOTATION: msgspec.json.encode(record).decode()},
            },
            "status": {"conditions": [{"status": "True", **condition}]},
        }
        if succeeded is not None:
            self.job["status"]["succeeded"] = succeeded
        self.launcher = KubernetesLauncher(self)  # type: ignore[arg-type]

    @property
    def outcome(self) -> Outcome:
        run = run_of(self.job)
        assert run is not None
        seen = self.launcher.observe(run)
        assert seen.outcome is not None
        return seen.outcome

    def get(self, path: str) -> Mapping[str, Any] | None:
        return self.job if "/jobs/" in path else None

    def list(self, path: str, **_: str) -> Iterator[Mapping[str, Any]]:
        return iter(self.pods if path.endswith("/pods") else ())

    def stream(self, path: str, **query: str) -> Generator[bytes]:
        text = self.texts.get(path.split("/")[-2])
        if text is None:
            raise NotFound("there is no log")
        lines = [f"{at(10)} {line}\n".encode() for line in text.splitlines()]
        if "tailLines" in query:
            lines = lines[-int(query["tailLines"]) :]
        if "timestamps" not in query:
            lines = [line.partition(b" ")[2] for line in lines]
        return (line for line in lines)


def values(outcome: Outcome) -> dict[str, Any]:
    assert (outcome.verdict, outcome.unread) == (Verdict.COMPLETE, False), outcome
    return dict(outcome.values)


def lost(outcome: Outcome) -> str:
    """The reason of an outcome that the rules count as lost."""
    assert outcome.verdict is Verdict.LOST or (
        outcome.verdict is Verdict.COMPLETE and outcome.unread
    ), outcome
    return str(outcome.reason)


PRINTED = {"p0": "objective=0.5"}


def test_a_training_that_nothing_disturbed_has_its_last_value() -> None:
    cluster = Cluster(pod(), succeeded=1, logs={"p0": "objective=0.9\nobjective=0.5"})
    assert values(cluster.outcome) == {"objective": 0.5}


@pytest.mark.parametrize("source", ["stdout", "push"])
@pytest.mark.parametrize("how", [{"deleted": 99}, {"disrupted": 99}, {"deleted": 100}])
def test_one_that_exits_with_0_when_its_pod_is_taken_away_is_lost(
    source: str, how: dict[str, Any]
) -> None:
    cluster = Cluster(
        pod(**how), succeeded=1, logs=PRINTED, metrics=replace(METRICS, source=source)
    )
    assert lost(cluster.outcome)
    assert cluster.launcher.observe(RUN).phase is Phase.ENDED


def test_the_output_of_a_lost_attempt_is_reported() -> None:
    seen = Cluster(pod(deleted=99), succeeded=1, logs=PRINTED).launcher.observe(RUN)
    assert seen.reports == (Report(1, {"objective": 0.5}),)


@pytest.mark.parametrize("how", [{"deleted": 110}, {"disrupted": 110}])
def test_a_pod_that_is_taken_away_well_after_its_end_has_ended_by_itself(
    how: dict[str, Any],
) -> None:
    assert values(Cluster(pod(**how), succeeded=1, logs=PRINTED).outcome) == {"objective": 0.5}


def test_clocks_may_differ_by_some_seconds() -> None:
    assert lost(Cluster(pod(deleted=103), succeeded=1, logs=PRINTED).outcome)


@pytest.mark.parametrize("source", ["stdout", "push", "file"])
def test_a_success_without_any_pod_is_lost(source: str) -> None:
    cluster = Cluster(succeeded=1, metrics=replace(METRICS, source=source))
    assert "deleted" in lost(cluster.outcome)


RECORDED = Path(__file__).parent / "pods"


def recorded(name: str, logs: str = "objective=0.5") -> Cluster:
    """A Job and its pods as a cluster of Kubernetes 1.34 had them."""
    found = json.loads((RECORDED / f"{name}.json").read_text())
    pods = found["pods"]
    return Cluster(*pods, job=found["job"], logs={each["metadata"]["name"]: logs for each in pods})


def test_a_recorded_run_that_nothing_disturbed_has_its_value() -> None:
    assert values(recorded("normal").outcome) == {"objective": 0.5}


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in RECORDED.glob("*.json") if path.stem != "normal")
)
def test_a_recorded_run_that_may_have_been_interrupted_is_lost(name: str) -> None:
    """Their trainings exited with 0 on SIGTERM, their Jobs are Complete (of one a peer failed)."""
    assert lost(recorded(name).outcome)


def test_how_long_a_pod_took_to_end_does_not_make_it_undisturbed() -> None:
    """The kubelet's own deletion may come long after the training's end."""
    cluster = recorded("deleted")
    cluster.pods[0]["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z"
    assert lost(cluster.outcome)


# Several pods


def test_the_first_of_several_pods_has_the_values() -> None:
    pods = pod("p0", index=0), pod("p1", index=1)
    logs = {"p0": "objective=0.5", "p1": "objective=99"}
    cluster = Cluster(*pods, succeeded=2, primary=FIRST, logs=logs)
    assert values(cluster.outcome) == {"objective": 0.5}


@pytest.mark.parametrize("source", ["stdout", "push"])
def test_no_other_pods_value_counts_when_the_first_is_gone(source: str) -> None:
    cluster = Cluster(
        pod("p1", index=1),
        succeeded=2,
        primary=FIRST,
        logs={"p1": "objective=99"},
        metrics=replace(METRICS, source=source),
    )
    assert lost(cluster.outcome)


def test_another_pod_that_is_gone_may_have_been_interrupted() -> None:
    cluster = Cluster(pod("p0", index=0), succeeded=2, primary=FIRST, logs=PRINTED)
    assert lost(cluster.outcome)


@pytest.mark.parametrize("how", [{"deleted": 90}, {"disrupted": 90}, {"deleted": 100}])
def test_an_interruption_of_another_pod_makes_the_run_lost(how: dict[str, Any]) -> None:
    """The others may have ended early because of it."""
    pods = pod("p0", index=0), pod("p1", index=1, **how)
    assert lost(Cluster(*pods, succeeded=2, primary=FIRST, logs=PRINTED).outcome)


def test_the_values_are_not_those_of_a_pod_that_failed_before() -> None:
    """Of the pods of a Job that may try again the one that succeeded is gone."""
    assert lost(Cluster(pod(code=1), succeeded=1, logs=PRINTED).outcome)


DISRUPTION = {
    "type": "Failed",
    "reason": "PodFailurePolicy",
    "message": "Pod a/b has condition DisruptionTarget matching FailJob rule at index 0",
}
EXHAUSTED = {"type": "Failed", "reason": "BackoffLimitExceeded"}


def test_an_eviction_explains_why_a_peer_failed_though_its_pod_is_gone() -> None:
    cluster = Cluster(pod("p1", 1, index=1), primary=FIRST, condition=DISRUPTION)
    assert "evicted" in lost(cluster.outcome)


@pytest.mark.parametrize(
    "other", [pod("p0", 0, index=0, deleted=90), pod("p0", 143, index=0, deleted=90)]
)
def test_a_deletion_explains_why_a_peer_failed_after_it(other: dict[str, Any]) -> None:
    cluster = Cluster(other, pod("p1", 1, index=1), primary=FIRST, condition=EXHAUSTED)
    assert "deleted" in lost(cluster.outcome)


def test_a_pod_that_succeeded_and_is_gone_may_be_why_a_peer_failed() -> None:
    """It was taken away, saved its checkpoint and exited with 0."""
    cluster = Cluster(pod("p1", 1, index=1), primary=FIRST, condition=EXHAUSTED, succeeded=1)
    assert "deleted" in lost(cluster.outcome)


def test_pods_that_are_deleted_after_one_failed_explain_nothing() -> None:
    pods = pod("p0", 143, ended=103, index=0, deleted=102), pod("p1", 5, index=1)
    outcome = Cluster(*pods, primary=FIRST, condition=EXHAUSTED).outcome
    assert (outcome.verdict, outcome.exit_code) == (Verdict.FAIL, 5)


def test_a_pod_that_failed_well_before_it_was_deleted_failed_by_itself() -> None:
    outcome = Cluster(pod(code=3, deleted=110), condition=EXHAUSTED).outcome
    assert (outcome.verdict, outcome.exit_code) == (Verdict.FAIL, 3)


def test_a_job_past_its_deadline_has_failed_though_its_pod_is_being_deleted() -> None:
    condition = {"type": "Failed", "reason": "DeadlineExceeded"}
    outcome = Cluster(pod(code=0, deleted=99), condition=condition).outcome
    assert outcome.verdict is Verdict.FAIL
    assert "trial_timeout_seconds" in str(outcome.reason)


def test_a_training_ended_by_sigterm_of_an_unknown_sender_is_lost() -> None:
    """A machine that is switched off may say nothing more."""
    assert "SIGTERM" in lost(Cluster(pod(code=143), condition=EXHAUSTED).outcome)


# Collectors


def test_values_count_that_a_collector_read_to_the_end() -> None:
    cluster = Cluster(pod(collector=said(True, objective=0.5)), succeeded=1, metrics=FILE)
    assert values(cluster.outcome) == {"objective": 0.5}


@pytest.mark.parametrize(
    "collector",
    [
        killed(),
        killed("Error"),
        said(False, objective=0.5),
        said(None, code=137, objective=0.5),
        said(True, ended=99, objective=0.5),
        {"state": {"running": {}}, "lastState": said(True, objective=0.5)["state"]},
        {"state": {"terminated": {"exitCode": 0, "message": '{"read":true,"values":{"obj'}}},
        {},
    ],
    ids=["memory", "killed", "not read", "old", "ended before", "began again", "cut", "absent"],
)
def test_no_value_counts_of_a_collector_that_does_not_say_that_it_read_everything(
    collector: dict[str, Any],
) -> None:
    cluster = Cluster(pod(collector=collector), succeeded=1, metrics=FILE)
    assert "collector" in lost(cluster.outcome)


def test_the_exit_code_of_an_older_collector_shows_that_it_read_everything() -> None:
    cluster = Cluster(pod(collector=said(None, objective=0.5)), succeeded=1, metrics=FILE)
    assert values(cluster.outcome) == {"objective": 0.5}


def test_the_reason_names_the_file_that_lacks_the_objective() -> None:
    cluster = Cluster(pod(collector=said(True, accuracy=0.5)), succeeded=1, metrics=FILE)
    outcome = cluster.outcome
    assert values(outcome) == {"accuracy": 0.5}
    assert "/out/m.json" in str(outcome.reason)


def test_the_output_is_read_by_the_launcher_where_its_collector_was_killed() -> None:
    cluster = Cluster(pod(collector=killed()), succeeded=1, logs=PRINTED)
    assert values(cluster.outcome) == {"objective": 0.5}
    silent = Cluster(pod(collector=killed()), succeeded=1, logs={"p0": "done"})
    assert "OOMKilled" in lost(silent.outcome)


def test_the_words_of_a_collector_count_where_the_output_is_gone() -> None:
    words = pod(collector=said(True, objective=0.5))
    assert values(Cluster(words, succeeded=1).outcome) == {"objective": 0.5}
    early = pod(collector=said(False, objective=0.5))
    assert lost(Cluster(early, succeeded=1).outcome)


def test_a_killed_collector_is_not_a_failure_of_its_pod() -> None:
    broken = pod(collector=killed())
    broken["status"]["phase"] = "Failed"
    assert lost(Cluster(broken, condition=EXHAUSTED).outcome)


# Output


class Rotating(Cluster):
    """One pod with output in lines; only the last lines are kept."""

    def __init__(self) -> None:
        super().__init__(pod(), succeeded=1, condition={"type": "Other"})
        self.lines: list[bytes] = []
        self.cut: int | None = None

    def prints(self, *lines: str) -> None:
        begun = len(self.lines)
        self.lines += [f"{at(begun + n)} {text}\n".encode() for n, text in enumerate(lines)]

    def ends(self) -> Outcome:
        self.job["status"]["conditions"][0]["type"] = "Complete"
        return self.outcome

    def rotates(self, kept: int) -> None:
        self.lines = [b""] * (len(self.lines) - kept) + self.lines[len(self.lines) - kept :]

    def stream(self, path: str, **query: str) -> Generator[bytes]:
        since = query.get("sinceTime", "").encode()
        if "tailLines" in query:
            yield from [line for line in self.lines if line][-int(query["tailLines"]) :]
            return
        data = b"".join(line for line in self.lines if line and line[: len(since)] >= since)
        yield from (data[: self.cut],) if data else ()


def test_output_is_read_on_from_where_the_last_look_ended() -> None:
    cluster = Rotating()
    cluster.prints("objective=3", "objective=2")
    assert [report.step for report in cluster.launcher.observe(RUN).reports] == [1, 2]
    cluster.prints("objective=1")
    cluster.rotates(kept=2)
    assert [report.step for report in cluster.launcher.observe(RUN).reports] == [1, 2, 3]
    assert values(cluster.ends()) == {"objective": 1.0}


def test_a_value_counts_though_the_node_no_longer_keeps_its_line() -> None:
    cluster = Rotating()
    cluster.prints("objective=3", "noise")
    cluster.launcher.observe(RUN)
    cluster.rotates(kept=1)
    assert values(cluster.ends()) == {"objective": 3.0}


def test_no_value_counts_from_before_lines_that_were_lost() -> None:
    cluster = Rotating()
    cluster.prints("objective=3")
    cluster.launcher.observe(RUN)
    cluster.prints("objective=2", "noise")
    cluster.rotates(kept=1)
    outcome = cluster.ends()
    assert outcome.verdict is Verdict.FAIL
    assert "containerLogMaxSize" in str(outcome.reason)


def test_the_last_value_counts_that_is_kept() -> None:
    cluster = Rotating()
    cluster.prints("objective=3")
    cluster.launcher.observe(RUN)
    cluster.prints("objective=2", "noise", "objective=1")
    cluster.rotates(kept=1)
    assert values(cluster.ends()) == {"objective": 1.0}


def test_a_log_that_breaks_off_is_not_taken_for_its_end() -> None:
    cluster = Rotating()
    cluster.prints("objective=3", "objective=2.75")
    for cut in (len(cluster.lines[0]), len(b"".join(cluster.lines)) - 3):
        cluster.cut = cut
        with pytest.raises(Retry, match="broke off"):
            cluster.ends()
    cluster.cut = None
    assert values(cluster.ends()) == {"objective": 2.75}


def test_a_nodes_error_about_a_lost_log_is_not_output() -> None:
    cluster = Rotating()
    cluster.lines = [b'failed to try resolving symlinks in path "/0.log": no such file']
    assert cluster.launcher.observe(RUN).reports == ()
    assert "gone" in lost(cluster.ends())


@pytest.mark.parametrize("text", ["objective=0.5", "x" * 99 + "\nobjective=0.5"])
def test_a_log_without_timestamps_is_read_from_its_start(text: str) -> None:
    cluster = Rotating()
    cluster.lines = [text.encode() + b"\n"]
    for _ in range(2):
        assert cluster.launcher.observe(RUN).reports == (Report(1, {"objective": 0.5}),)
    cluster.lines.append(b"objective=0.25")
    assert values(cluster.ends()) == {"objective": 0.25}


def running(since: int | None) -> dict[str, Any]:
    """A pod with a training that runs since this time; None: it waits."""
    found = pod()
    state = {"waiting": {}} if since is None else {"running": {"startedAt": at(since)}}
    found["status"] = {
        "phase": "Pending" if since is None else "Running",
        "containerStatuses": [{"name": "training", "state": state}],
    }
    return found


def test_a_run_is_heard_when_it_prints_or_begins() -> None:
    begun, name = datetime.fromisoformat(at(0)).timestamp(), "p0"
    active = {"type": "Suspended", "status": "False"}
    printed = Cluster(running(5), condition=active, logs={name: "one\ntwo"})
    assert printed.launcher.heard(RUN) == begun + 10
    later = Cluster(running(20), condition=active, logs={name: "of the attempt before"})
    assert later.launcher.heard(RUN) == begun + 20
    quiet = Cluster(running(5), condition=active, logs={name: ""})
    assert quiet.launcher.heard(RUN) == begun + 5


def test_a_pod_that_waits_is_not_heard_and_not_given_up() -> None:
    waits = Cluster(running(None), condition={"type": "Suspended", "status": "False"})
    assert waits.launcher.heard(RUN) is None
    assert Cluster().launcher.heard(RUN) is None

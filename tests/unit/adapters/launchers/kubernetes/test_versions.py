"""From one listing of pods it is known which runs may have news."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from adapters.launchers.kubernetes.labels import labels
from adapters.launchers.kubernetes.manifest import Place, workload
from adapters.launchers.kubernetes.sidecar import NOTHING, Sidecar
from adapters.launchers.kubernetes.versions import versions
from tests.contracts.launchers import STDOUT
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch, Run

RUN = Run("ns", "e", "u1", 3, 2)
PUSHED = msgspec.structs.replace(STDOUT, source="push")
COLLECTING = NOTHING._replace(containers=[{"name": "tunelet-collector"}])
Pod = dict[str, Any]


def pod(version: str = "7", run: Run = RUN, name: str = "p") -> Pod:
    """A pod of a Job whose containers run, with the annotations that the Job gives it."""
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "resourceVersion": version,
            "labels": labels(run, "mine"),
            "annotations": annotations(PUSHED),
            "ownerReferences": [{"kind": "Job", "name": run.name}],
        },
        "spec": {"containers": [{"name": "training"}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "training", "state": {"running": {}}}],
            "initContainerStatuses": [{"name": "tunelet-collector", "state": {"running": {}}}],
        },
    }


def annotations(metrics: MetricsSource, collector: Sidecar = NOTHING) -> dict[str, str]:
    launch = Launch(RUN, {"image": "train:1"}, command=(), args=(), env={}, metrics=metrics)
    made = workload(launch, Place("ns", "mine", 60), collector)
    return dict(made["spec"]["template"]["metadata"]["annotations"])


def test_a_run_has_the_same_version_until_something_is_written_into_one_of_its_pods() -> None:
    before = versions([pod("7"), pod("8", name="q")])
    assert before[RUN]
    assert versions([pod("8", name="q"), pod("7")]) == before
    assert versions([pod("7"), pod("9", name="q")]) != before
    assert versions([pod("7")]) != before
    other = RUN._replace(attempt=3)
    assert versions([pod(), pod(run=other, name="q")]).keys() == {RUN, other}


def waits(made: Pod) -> None:
    made["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ErrImagePull"}}


def has_ended(made: Pod) -> None:
    made["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 0}}


def has_not_begun(made: Pod) -> None:
    del made["status"]["containerStatuses"]


def lost_its_collector(made: Pod) -> None:
    made["status"]["initContainerStatuses"][0]["state"] = {"waiting": {}}


def is_being_deleted(made: Pod) -> None:
    made["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"


def is_of_another_kind(made: Pod) -> None:
    """The launcher itself ends such objects after their time."""
    made["metadata"]["ownerReferences"][0]["kind"] = "PyTorchJob"


def is_ownerless(made: Pod) -> None:
    del made["metadata"]["ownerReferences"]


def only_prints(made: Pod) -> None:
    """Its values have to be read from its output."""
    made["metadata"]["annotations"] = annotations(STDOUT)


CHANGES = (waits, has_ended, has_not_begun, lost_its_collector, is_being_deleted)


@pytest.mark.parametrize("change", [*CHANGES, is_of_another_kind, is_ownerless, only_prints])
def test_a_run_that_may_have_news_without_a_write_has_no_version(
    change: Callable[[Pod], None],
) -> None:
    made = pod(name="q")
    change(made)
    assert versions([pod(), made]) == {RUN: ""}


def test_a_run_whose_collector_reports_need_not_be_read() -> None:
    made = pod()
    made["metadata"]["annotations"] = annotations(STDOUT, COLLECTING)
    assert versions([made])[RUN]


def test_pods_of_others_are_no_runs() -> None:
    made = pod()
    made["metadata"]["labels"] = {"app": "web"}
    assert versions([made]) == {}

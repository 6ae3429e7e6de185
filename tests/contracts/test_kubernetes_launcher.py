"""The Kubernetes launcher on a real cluster: the contract of launchers, and its own."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from adapters.launchers.kubernetes.labels import COLLECTOR
from adapters.launchers.kubernetes.launcher import KubernetesLauncher, Options
from adapters.launchers.kubernetes.sidecar import Sidecar
from tests.contracts.clusters import (
    PYTHON,
    Shells,
    api,
    launcher_in,
    namespaces,
    needs_cluster,
    training,
)
from tests.contracts.launchers import RUN, STDOUT, LauncherContract, ended, until, values
from tunelet.core.run import Launch, Life, Phase
from tunelet.core.trial import Verdict
from tunelet.errors import Reject
from tunelet.ports import Launcher

pytestmark = needs_cluster


class TestKubernetesLauncher(LauncherContract):
    # The first process of a container gets no signal that it does not handle.
    DIES = "sh -c 'kill -SEGV $$'; exit $?"

    @pytest.fixture
    def launcher(self) -> Iterator[Launcher]:
        with namespaces("default", "b") as prefix:
            yield Shells(api(), Options(prefix=prefix))


@pytest.fixture(scope="module")
def prefix() -> Iterator[str]:
    with namespaces("default") as prefix:
        yield prefix


def test_output_that_the_kubelet_has_rotated_still_gives_its_last_values(prefix: str) -> None:
    launcher = launcher_in(prefix)
    text = (
        "print('objective=1')\n"
        "for _ in range(300_000): print('x' * 50)\n"
        "import time; time.sleep(12)\n"  # The kubelet looks every ten seconds.
        "print('objective=2')"
    )
    launcher.launch(training(RUN, text))
    assert ended(launcher).values == {"objective": 2.0}


def test_a_run_that_succeeded_is_lost_once_its_pod_is_gone(prefix: str) -> None:
    """It may have been cut off, and its output is gone."""
    launcher, run = launcher_in(prefix), RUN._replace(number=1)
    launcher.launch(training(run, "print('objective=1')"))
    assert ended(launcher, run).verdict is Verdict.COMPLETE
    path = f"/api/v1/namespaces/{prefix}default/pods"
    (pod,) = api().list(path, labelSelector=f"job-name={run.name}")
    api().delete(f"{path}/{pod['metadata']['name']}", "Background")
    until(lambda: api().get(f"{path}/{pod['metadata']['name']}") is None)
    outcome = ended(launcher, run)
    assert (outcome.verdict, outcome.values) == (Verdict.LOST, {})
    assert "deleted" in str(outcome.reason)


def test_installations_do_not_see_each_others_runs(prefix: str) -> None:
    mine, other = (launcher_in(prefix, installation=name) for name in ("mine", "other"))
    run = RUN._replace(number=2)
    mine.launch(training(run, "import time; time.sleep(1000)"))
    until(lambda: Life(*run[:3]) in mine.lives())
    assert list(mine.active("default", "digits")) == [run]
    assert list(other.active("default", "digits")) == []
    assert Life(*run[:3]) not in other.lives()
    assert list(launcher_in(prefix).lives()) == [], "without a name of its own nobody can be sure"
    mine.stop(run)
    until(lambda: mine.observe(run).phase is Phase.ABSENT)


def test_a_job_with_several_pods_is_active_until_all_have_ended(prefix: str) -> None:
    launcher, run = launcher_in(prefix), RUN._replace(number=3)
    text = "import os, time; time.sleep(0 if os.environ['RANK'] == '1' else 1000)"
    launcher.launch(training(run, text, {"nodes": 2}))
    path = f"/apis/batch/v1/namespaces/{prefix}default/jobs/{run.name}"
    until(lambda: (api().get(path) or {})["status"].get("succeeded"))
    assert run in launcher.active("default", "digits")
    launcher.stop(run)


def test_a_stopped_run_is_active_while_its_training_cleans_up(prefix: str) -> None:
    launcher, run = launcher_in(prefix), RUN._replace(number=4)
    text = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(3), sys.exit(0)))\n"
        "print('loss=1', flush=True)\n"
        "time.sleep(1000)"
    )
    launcher.launch(training(run, text, {"termination_grace_period_seconds": 30}))
    until(lambda: launcher.observe(run).reports)
    launcher.stop(run)
    path = f"/api/v1/namespaces/{prefix}default/pods"
    until(lambda: run not in launcher.active(run.namespace, run.experiment))
    left = api().list(path, labelSelector=f"job-name={run.name}")
    assert all(pod["status"]["phase"] in ("Succeeded", "Failed") for pod in left)
    assert launcher.observe(run).phase is Phase.ABSENT


LAST_WORDS = """
import json, pathlib, signal, sys
def end(*_):
    values = {"objective": 0.5, "loss": "Infinity"}
    reports = [{"step": 3, "values": {"objective": 0.5}}]
    said = json.dumps({"read": True, "values": values, "reports": reports})
    pathlib.Path("/dev/termination-log").write_text(said)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
signal.pause()
"""


class Collected(KubernetesLauncher):
    """With a collector that says the same of every run."""

    def _collector(self, launch: Launch) -> Sidecar:
        container = {
            "name": COLLECTOR,
            "image": PYTHON,
            "command": ["python3", "-c", LAST_WORDS],
            "restartPolicy": "Always",
        }
        return Sidecar([container], [], [])


def test_the_last_words_of_a_collector_are_the_values_of_its_run(prefix: str) -> None:
    launcher, run = Collected(api(), Options(prefix=prefix)), RUN._replace(number=5)
    metrics = replace(STDOUT, source="file", path="/out/metrics.json")
    # A moment, for the collector has to be there before it can be told to end.
    launcher.launch(training(run, "import time; time.sleep(2)", metrics=metrics))
    outcome = ended(launcher, run)
    assert outcome.verdict is Verdict.COMPLETE
    assert outcome.values == {"objective": 0.5, "loss": "Infinity"}
    assert values(launcher.observe(run)) == {3: {"objective": 0.5}}


def test_without_a_collector_a_file_of_metrics_is_refused(prefix: str) -> None:
    metrics = replace(STDOUT, source="file", path="/out/metrics.json")
    with pytest.raises(Reject, match="collector_image"):
        launcher_in(prefix).launch(training(RUN._replace(number=6), "", metrics=metrics))

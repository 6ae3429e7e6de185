"""Studies of Optuna at a service's URL, also one that is killed or that answers are lost from."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.testing.pytest_storages import StorageTestCase
from optuna.trial import TrialState

from tests.e2e.conftest import Identity, Up
from tests.faults.proxy import Fault, FaultProxy
from tests.serving import serving
from tunelet.client import Client
from tunelet.errors import Unauthorized
from tunelet.interop.optuna import TuneletStorage

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("service") / "data")
    yield up
    up.close()


class TestOverHttp(StorageTestCase):
    @pytest.fixture
    def storage(self, served: Up) -> BaseStorage:
        return TuneletStorage(served.url, namespace=f"n{token_hex(4)}")


class Careless(FaultProxy):
    """Loses requests, and more often answers: the connection is cut, or a gateway answers 503."""

    def draw(self, writes: bool) -> Fault | None:
        with self._lock:
            if self._chance.random() >= self.share:
                return None
            fault = Fault(self._chance.choice([None, 503]), self._chance.random() < 0.8)
            self.met[f"{fault.status} {fault.done}"] += 1
            return fault


@pytest.fixture(scope="module")
def careless(served: Up) -> Iterator[str]:
    proxy = Careless(served.url.removeprefix("http://"), 0.2, 1)
    with serving(proxy):
        yield f"http://{proxy.address}"
        assert proxy.met["None True"] > 20


def test_each_trial_is_there_once_though_requests_come_twice(careless: str, served: Up) -> None:
    namespace = f"n{token_hex(4)}"
    storage = TuneletStorage(careless, namespace=namespace)
    study = optuna.create_study(study_name="s", storage=storage)
    for number in range(5):
        study.enqueue_trial({"x": float(number)})
    study.optimize(choose, n_trials=40, n_jobs=4)
    seen = optuna.load_study(
        study_name="s", storage=TuneletStorage(served.url, namespace=namespace)
    )
    assert_exact(seen.trials, 40)


def choose(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -5, 5)
    kind = trial.suggest_categorical("kind", ["a", "b", None])
    trial.set_user_attr("kind", kind)
    for step in range(3):
        trial.report(x, step)
    return x**2


def assert_exact(trials: list[optuna.trial.FrozenTrial], count: int) -> None:
    """Each is there once, has ended, and has all that its objective gave it."""
    assert [trial.number for trial in trials] == list(range(count))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    for trial in trials:
        assert trial.params.keys() == {"x", "kind"}
        assert trial.value == trial.params["x"] ** 2
        assert trial.user_attrs == {"kind": trial.params["kind"]}


def test_a_service_that_is_killed_loses_no_trial_and_makes_none_twice(
    up: Callable[..., Up], wait: Callable[[Callable[[], object]], None]
) -> None:
    served = up()
    study = optuna.create_study(study_name="shared", storage=TuneletStorage(served.url))
    worker = Path(__file__).with_name("optuna_worker.py")
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, str(worker), served.url, "choose", "40"]
    env = os.environ | {"PYTHONPATH": str(root)}
    workers = [subprocess.Popen(command, cwd=root, env=env) for _ in range(3)]
    try:
        for share in (10, 50, 90):
            wait(lambda share=share: len(study.trials) > share)  # type: ignore[misc]
            served.kill()
            served.start()
        assert [each.wait(120) for each in workers] == [0] * 3
    finally:
        for each in workers:
            each.kill()
    assert_exact(study.trials, 120)


@pytest.mark.parametrize("way", ["to the service", "from the service"])
def test_a_study_is_copied(way: str, served: Up, tmp_path: Path) -> None:
    storages: list[Any] = [
        TuneletStorage(tmp_path / "store"),
        TuneletStorage(served.url, namespace=f"n{token_hex(4)}"),
    ]
    source, target = storages if way == "to the service" else storages[::-1]
    study = optuna.create_study(study_name="s", storage=source, direction="maximize")
    study.set_user_attr("who", ["me", {"nan": float("inf")}])
    study.optimize(choose, n_trials=5, n_jobs=2)
    study.enqueue_trial({"x": 0.5}, user_attrs={"queued": True})
    study.ask()
    optuna.copy_study(from_study_name="s", from_storage=source, to_storage=target)
    copied = optuna.load_study(study_name="s", storage=target)
    assert [repr(each) for each in map(shown, copied.trials)] == [
        repr(each) for each in map(shown, study.trials)
    ]
    assert (copied.user_attrs, copied.directions) == (study.user_attrs, study.directions)


def shown(trial: optuna.trial.FrozenTrial) -> tuple[object, ...]:
    return (
        *(trial.number, trial.state, trial.values, trial.params, trial.distributions),
        *(trial.intermediate_values, trial.user_attrs, trial.system_attrs),
        *(trial.datetime_start, trial.datetime_complete),
    )


def test_the_environment_names_the_service_and_the_token(
    served: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNELET_URL", served.url)
    storage = TuneletStorage(namespace=f"n{token_hex(4)}")
    study = optuna.create_study(study_name="s", storage=storage)
    assert storage.url == served.url
    study.optimize(choose, n_trials=2)
    assert [each.name for each in Client(namespace=storage.namespace).experiments()] == ["s"]


def test_only_those_who_may_reach_a_study(
    up: Callable[..., Up], identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = up("--identity", str(identity.file))
    hers = TuneletStorage(served.url, token=identity.token, heartbeat_interval=1)
    study = optuna.create_study(study_name="s", storage=hers)
    study.optimize(choose, n_trials=2)
    assert pickle.loads(pickle.dumps(hers)).get_all_studies() == hers.get_all_studies()
    with pytest.raises(Unauthorized):
        TuneletStorage(served.url).get_all_studies()
    with pytest.raises(KeyError):
        TuneletStorage(served.url, namespace="other", token=identity.token).get_study_id_from_name(
            "s"
        )
    monkeypatch.setenv("TUNELET_TOKEN", identity.token)
    assert_exact(optuna.load_study(study_name="s", storage=TuneletStorage(served.url)).trials, 2)
    changes = [(each["actor"], each["action"]) for each in identity.client(served).audit("s")]
    assert changes[0] == ("token:ci", "submit")

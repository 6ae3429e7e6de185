"""A service over a store with studies shows them, and leaves them to Optuna."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from adapters.storage import open_store
from algorithms import load_catalog
from functions.api.documents import experiment_json
from functions.events.outbox import Nowhere, Outbox
from tests.faults.training import ScriptedLauncher
from tunelet.assembly import assembled
from tunelet.cli.live_view import _bar
from tunelet.client.report import experiment_table, progress
from tunelet.errors import Conflict, Reject
from tunelet.interop.optuna import TuneletStorage
from tunelet.log.purge import PURGE_AFTER
from tunelet.service import Service


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    study = optuna.create_study(study_name="digits", storage=TuneletStorage(tmp_path))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    return study


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return service_over(tmp_path)


def service_over(folder: Path, clock: Callable[[], float] = time.time) -> Service:
    return assembled(
        *(open_store(folder.as_uri()), ScriptedLauncher(), load_catalog(), Outbox(Nowhere())),
        secret=bytes(16),
        api_url="http://127.0.0.1:8080",
        clock=clock,
    )


def shown(service: Service) -> dict[str, Any]:
    return experiment_json(service.experiment("default", "digits"))


def test_a_study_has_no_budget_to_show(study: optuna.Study, service: Service) -> None:
    study.ask()
    document = shown(service)
    assert progress(document) == "2 ended, 1 running"
    (row,) = experiment_table([document], 0.0).rows
    assert row[2] == "2"
    assert str(_bar(document, 0.0, 80)).startswith("2 ended  1 running")


def test_a_sweep_leaves_the_trials_of_a_study_alone(study: optuna.Study, service: Service) -> None:
    service.stop("default", "digits")
    service.resume("default", "digits")  # from now on it has a live marker
    running = study.ask()
    study.enqueue_trial({"x": 0.5})
    for _ in range(3):
        assert service.sweep() == 1
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "COMPLETE", "RUNNING", "WAITING"]
    study.tell(running, 0.5)


def test_a_study_without_a_marker_costs_no_sweep(study: optuna.Study, service: Service) -> None:
    assert service.sweep() == 0
    assert [each.name for each in service.experiments("default")[0]] == ["digits"]


def test_attributes_of_optuna_cannot_be_changed(study: optuna.Study, service: Service) -> None:
    with pytest.raises(Reject) as refused:
        service.extend("default", "digits", {"max_trials": 5, "hpo_algorithm": "tpe"})
    assert [error.field for error in refused.value.errors] == ["hpo_algorithm", "max_trials"]
    assert "belongs to the library" in str(refused.value)
    changed = service.extend("default", "digits", {"labels": {"team": "a"}})
    assert changed.spec["labels"] == {"team": "a"}


def test_a_paused_study_takes_no_new_trial(study: optuna.Study, service: Service) -> None:
    service.pause("default", "digits")
    with pytest.raises(Conflict, match="is paused; resume it first"):
        study.ask()
    service.resume("default", "digits")
    assert study.ask().number == 2


def test_a_sweep_removes_a_deleted_study(study: optuna.Study, tmp_path: Path) -> None:
    storage = study._storage
    assert isinstance(storage, TuneletStorage)
    storage.record_heartbeat(study.ask()._trial_id)
    left = tmp_path / "v1" / "default" / "digits"
    assert list(left.glob("trials/*/heartbeats/*"))
    optuna.delete_study(study_name="digits", storage=storage)
    later = service_over(tmp_path, lambda: time.time() + 2 * PURGE_AFTER)
    assert later.experiments("default")[0] == []
    later.sweep()
    assert not list(left.glob("trials/*/heartbeats/*"))
    assert len(list(left.glob("journal/*.json"))) == 1

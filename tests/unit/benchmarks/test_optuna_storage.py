"""The benchmark of Optuna's storages runs, and refuses a study that lacks something."""

import shutil
from pathlib import Path

import optuna
import pytest

from benchmarks import optuna_storage
from benchmarks.harness.postgres import postgres
from benchmarks.harness.service import up
from benchmarks.harness.study_worker import STORAGES, optimize


@pytest.mark.parametrize("storage", ["tunelet", "optuna_journal"])
def test_processes_share_the_study_of_a_storage(storage: str) -> None:
    assert optuna_storage.measure(storage, trials=5, width=2) > 0


def test_processes_share_one_study_after_another_of_a_service(tmp_path: Path) -> None:
    with up(tmp_path, 0) as served:
        for _ in range(2):
            assert optuna_storage.measure("tunelet_service", 4, 2, served.url) > 0
        assert served.end()["put"] > 0


@pytest.mark.skipif(shutil.which("initdb") is None, reason="PostgreSQL is not installed")
def test_processes_share_one_study_after_another_in_a_database() -> None:
    with postgres() as database:
        for _ in range(2):
            assert optuna_storage.measure("optuna_postgres", 4, 2, database) > 0


def test_a_trial_without_all_that_it_has_ends_the_benchmark(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="shared", storage=STORAGES["tunelet"](str(tmp_path)))
    optimize(study._storage, "shared", 2)
    optuna_storage._check("tunelet", study, 2)
    study.optimize(lambda _: 0.0, n_trials=1)
    with pytest.raises(SystemExit, match="tunelet has 2 whole trials of 3"):
        optuna_storage._check("tunelet", study, 3)

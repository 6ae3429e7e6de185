"""The benchmark of Optuna's storages runs, and refuses a study that lacks something."""

from pathlib import Path

import optuna
import pytest

from benchmarks import optuna_storage
from benchmarks.harness.study_worker import STORAGES, optimize


@pytest.mark.parametrize("storage", ["tunelet", "optuna_journal"])
def test_processes_share_the_study_of_a_storage(storage: str) -> None:
    assert optuna_storage.measure(storage, trials=5, width=2) > 0


def test_a_trial_without_all_that_it_has_ends_the_benchmark(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="shared", storage=STORAGES["tunelet"](tmp_path))
    optimize(study._storage, 2)
    optuna_storage._check("tunelet", study, 2)
    study.optimize(lambda _: 0.0, n_trials=1)
    with pytest.raises(SystemExit, match="tunelet has 2 whole trials of 3"):
        optuna_storage._check("tunelet", study, 3)

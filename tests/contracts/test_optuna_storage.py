"""Optuna's own tests of storages, and processes that share a study, over each cloud's store."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.testing.pytest_storages import StorageTestCase
from optuna.trial import TrialState

from tests.contracts.clouds import bucket_url
from tunelet.interop.optuna import TuneletStorage

ROOT = Path(__file__).resolve().parents[2]
WORKER = ROOT / "tests" / "e2e" / "optuna_worker.py"


class InABucket(StorageTestCase):
    variable: str

    @pytest.fixture
    def storage(self) -> BaseStorage:
        return TuneletStorage(f"{bucket_url(self.variable)}/{uuid4().hex}")

    def test_processes_share_a_study_without_a_trial_twice(self, storage: TuneletStorage) -> None:
        study = optuna.create_study(study_name="shared", storage=storage)
        command = [sys.executable, str(WORKER), storage.url, "choose", "6"]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        workers = [subprocess.Popen(command, cwd=ROOT, env=env) for _ in range(4)]
        assert [worker.wait() for worker in workers] == [0] * 4
        trials = study.get_trials()
        assert [trial.number for trial in trials] == list(range(24))
        for trial in trials:
            assert trial.state is TrialState.COMPLETE
            assert trial.value == trial.params["x"] ** 2


@pytest.mark.stores
class TestInS3(InABucket):
    variable = "TUNELET_TEST_S3_URL"


@pytest.mark.stores
class TestInGcs(InABucket):
    variable = "TUNELET_TEST_GCS_URL"


@pytest.mark.stores
class TestInAzure(InABucket):
    variable = "TUNELET_TEST_AZURE_URL"

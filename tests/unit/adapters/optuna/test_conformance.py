"""Optuna's own tests of storages, over stores in memory and in a folder."""

from pathlib import Path
from secrets import token_hex

import pytest
from optuna.storages import BaseStorage
from optuna.testing.pytest_storages import StorageTestCase

from tunelet.interop.optuna import TuneletStorage


class TestInMemory(StorageTestCase):
    @pytest.fixture
    def storage(self) -> BaseStorage:
        return TuneletStorage(f"memory://{token_hex(4)}")


class TestInAFolder(StorageTestCase):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> BaseStorage:
        return TuneletStorage(tmp_path / "store")

"""Studies of Optuna at a service's URL: `tunelet up`, and processes that share a study."""

from collections.abc import Iterator
from secrets import token_hex

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.testing.pytest_storages import StorageTestCase

from tests.e2e.conftest import Up
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

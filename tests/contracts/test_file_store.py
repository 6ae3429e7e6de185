"""The store of files in a folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.storage import open_store
from tests.contracts.stores import StoreContract
from tunelet.ports import Store


class TestFileStore(StoreContract):
    @pytest.fixture
    def again(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: open_store(tmp_path.as_uri())

"""The store in memory. Only this process can open it, so that again is the same object."""

from collections.abc import Callable

import pytest

from adapters.storage.memory import MemoryStore
from tests.contracts.stores import StoreContract
from tunelet.ports import Store


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def again(self) -> Callable[[], Store]:
        store = MemoryStore()
        return lambda: store

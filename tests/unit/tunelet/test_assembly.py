"""The service is put together from its parts, over any adapters."""

import inspect

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Nowhere, Outbox
from tests.faults.training import ScriptedLauncher
from tunelet.assembly import assembled
from tunelet.service import Service


def service_over(store: MemoryStore) -> Service:
    publisher = Outbox(Nowhere())
    return assembled(
        *(store, ScriptedLauncher(), load_catalog(), publisher),
        secret=bytes(16),
        api_url="http://127.0.0.1:8080",
    )


def test_each_step_is_a_method_of_the_class_with_a_docstring() -> None:
    """A method set on the instance is hidden from `help`, and a subclass cannot override it."""
    service = service_over(MemoryStore())
    assert not [name for name, value in vars(service).items() if inspect.ismethod(value)]
    for step in ("suggest", "launch", "collect", "sweep"):
        assert getattr(Service, step).__doc__


class Untouchable(MemoryStore):
    def __getattribute__(self, name: str) -> object:
        if name == "__class__":  # Its type may be asked for.
            return Untouchable
        raise AssertionError(f"the store's {name} was used")


def test_assembling_a_service_does_not_use_the_store() -> None:
    service_over(Untouchable())

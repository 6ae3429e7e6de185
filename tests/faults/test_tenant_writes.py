"""A tenant writes what it likes into its own store: only its own experiments suffer."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.test_tenants_store_away import House
from tunelet.log.quiet import Name, Note, QuietNotes
from tunelet.log.tenant_stores import TenantStores

NOTES = "installations/here.quiet"
TOO_LONG = 10**4300 - 1
"""Python reads an integer of 4,300 digits, and does not print one of 4,301."""


@pytest.fixture
def house() -> House:
    return House()


def forged(house: House, **changed: Any) -> bytes:
    """A note of vision's experiment, which a sweep believes at once."""
    markers = list(house.own.list("live/vision/"))
    fields: Mapping[str, Any] = {
        **{"markers": markers, "seq": 10**9, "looks": 9, "at": house.now, "holds": False},
        **{"waits": False, "again": 1e18, "checked": 0.0, "runs": ""},
        **changed,
    }
    notes = {"format": 1, "notes": {"vision/digits": list(fields.values())}}
    return json.dumps(notes).encode()


def test_a_forged_note_leaves_the_others_in_the_sweep(house: House) -> None:
    house.begin("vision", "audio")
    house.lose("vision")
    house.own.put(NOTES, forged(house, seq=TOO_LONG))
    house.lose("audio")
    house.sweep()
    assert house.running("audio") == 2


def test_a_bug_at_the_end_of_its_log_leaves_the_others_in_the_sweep(house: House) -> None:
    house.begin("vision", "audio")
    house.lose("vision")
    house.own.put(NOTES, forged(house))
    read = house.own.get

    def get(key: str) -> Any:
        if "/journal/" in key:
            raise RuntimeError("a bug")
        return read(key)

    house.own.get = get  # type: ignore[method-assign]
    house.lose("audio")
    house.sweep()
    assert house.running("audio") == 2


@pytest.mark.parametrize(
    "written",
    [
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"format":1,"notes":{"vision/\xff":[[],1,1,1,false,false,1,1]}}',
        b"[]",
    ],
    ids=["deep", "not UTF-8", "a list"],
)
def test_its_unreadable_notes_do_not_hide_those_of_others(written: bytes) -> None:
    shared, own = MemoryStore(), MemoryStore()
    stores = TenantStores(shared, {"vision": own})
    note = Note(frozenset(), 1, 3, 0.0, False, False, 0.0, 0.0)
    QuietNotes(stores, "here").write({Name("audio", "digits"): note})
    own.put(NOTES, written)
    assert QuietNotes(stores, "here").read() == {Name("audio", "digits"): note}


def test_its_expiry_objects_do_not_hide_those_of_others(house: House) -> None:
    house.process().submit(
        {
            **{"name": "digits", "namespace": "audio", "model_training_code": "image"},
            **{"hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}}, "max_trials": 1},
            **{"hpo_algorithm": "random_search", "ttl_seconds_after_finished": 1000},
        }
    )
    house.process().stop("audio", "digits")
    for _ in range(4):
        house.sweep()
    # It sorts before all others, and is due after them.
    house.own.put(f"expires/{10**16:040d}/vision/digits/ab.1", b"")
    assert list(house.shared.list("expires/"))
    house.now += 2000
    for _ in range(3):
        house.sweep()
    assert not list(house.shared.list("expires/"))
    assert not list(house.shared.list("index/audio/"))

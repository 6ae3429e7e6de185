"""The contents of inbox batches."""

import msgspec
import pytest

from adapters.storage.memory import MemoryStore
from tunelet.core import commands as c
from tunelet.log.entry import FORMAT
from tunelet.log.inbox import Inbox, Order

PATH = "v1/default/e/"
ORDERS = (Order("u", (c.Start(0, 1),)),)


def test_an_inbox_batch_is_read_as_it_was_written() -> None:
    inbox = Inbox(MemoryStore(), PATH)
    inbox.put("a", ORDERS)
    assert inbox.open(["a", "gone"]) == {"a": ORDERS}


@pytest.mark.parametrize(
    "data",
    [b"", msgspec.json.encode({"format": FORMAT + 1, "orders": ORDERS})],
    ids=["not a batch", "a newer format"],
)
def test_an_inbox_batch_that_cannot_be_read_counts_as_empty(data: bytes) -> None:
    store = MemoryStore()
    store.put(f"{PATH}inbox/a.json", data)
    assert Inbox(store, PATH).open(["a"]) == {"a": ()}

"""The common part of tests of the clouds' stores: a real server, and refusals with a remedy."""

import os
from collections.abc import Callable
from uuid import uuid4

import pytest

from adapters.storage import open_store
from tests.contracts.stores import SharedStoreContract
from tunelet.errors import Reject
from tunelet.ports import Store


def bucket_url(variable: str) -> str:
    """The test bucket's URL; skips the test where there is none."""
    url = os.environ.get(variable)
    if not url:
        pytest.skip(f"{variable} names no bucket (make test-stores says what is needed)")
    return url.rstrip("/")


class CloudStoreContract(SharedStoreContract):
    """The suite on a real server; each test below a prefix of its own."""

    variable: str
    client: str

    @pytest.fixture
    def bucket(self) -> str:
        return bucket_url(self.variable)

    @pytest.fixture
    def url(self, bucket: str) -> str:
        return f"{bucket}/{uuid4().hex}?client={self.client}"

    @pytest.fixture
    def again(self, url: str) -> Callable[[], Store]:
        return lambda: open_store(url)

    def test_prefixes_do_not_see_each_other(self, bucket: str) -> None:
        name = uuid4().hex
        one = open_store(f"{bucket}/{name}?client={self.client}")
        other = open_store(f"{bucket}/{name}0/deep/?client={self.client}")
        one.put("k", b"1")
        other.put("k", b"2")
        assert list(one.list("")) == list(other.list("")) == ["k"]
        assert other.url == f"{bucket}/{name}0/deep"

    @pytest.mark.parametrize("call", ["get", "create", "put", "replace", "delete", "list"])
    def test_a_bucket_that_does_not_exist_is_named(self, bucket: str, call: str) -> None:
        absent = f"{bucket.partition('://')[0]}://absent-{uuid4().hex[:12]}"
        store = open_store(f"{absent}?client={self.client}")
        calls: dict[str, Callable[[], object]] = {
            "get": lambda: store.get("k"),
            "create": lambda: store.create("k", b""),
            "put": lambda: store.put("k", b""),
            "replace": lambda: store.replace("k", b"", "1"),
            "delete": lambda: store.delete("k"),
            "list": lambda: list(store.list("")),
        }
        with pytest.raises(Reject, match=f"^{absent}: the .* does not exist; create it"):
            calls[call]()

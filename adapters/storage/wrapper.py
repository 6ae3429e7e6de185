"""A Store that passes every request on to another Store."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, TypeVar

from tunelet.ports import Store, Stored

T = TypeVar("T")

Kind = Literal["get", "create", "put", "replace", "copy", "delete", "ready"]


class StoreWrapper:
    """The base of stores that retry, delay, count or refuse the requests to `inner`.

    A subclass overrides `request` to change every request, or one method to change that one.
    A listing is a request for each page, so it does not pass through `request`.
    """

    def __init__(self, inner: Store) -> None:
        self.url = inner.url
        self.inner = inner

    def request(self, kind: Kind, send: Callable[[], T]) -> T:
        """Send one request of this kind, and return its answer."""
        return send()

    def get(self, key: str) -> Stored | None:
        return self.request("get", lambda: self.inner.get(key))

    def part(self, key: str, start: int, size: int) -> bytes | None:
        return self.request("get", lambda: self.inner.part(key, start, size))

    def create(self, key: str, data: bytes) -> bool:
        return self.request("create", lambda: self.inner.create(key, data))

    def put(self, key: str, data: bytes) -> None:
        self.request("put", lambda: self.inner.put(key, data))

    def replace(self, key: str, data: bytes, version: str) -> bool:
        return self.request("replace", lambda: self.inner.replace(key, data, version))

    def copy(self, key: str, to: str) -> bool:
        return self.request("copy", lambda: self.inner.copy(key, to))

    def delete(self, key: str) -> None:
        self.request("delete", lambda: self.inner.delete(key))

    def ready(self) -> None:
        self.request("ready", self.inner.ready)

    def size(self, prefix: str, most: int) -> int:
        return self.request("get", lambda: self.inner.size(prefix, most))

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        return self.inner.list(prefix, after, limit)


if TYPE_CHECKING:
    _: type[Store] = StoreWrapper

"""Every request that a client sends for a call is one that Terraform's policies allow.

The clients are the SDKs, against a server that records their requests. An object that is read is
absent, because then some clients ask further questions. Lists are bound to prefixes of keys.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from adapters.storage import connect
from tests.contracts.answering import Said, Server
from tests.contracts.test_cloud_answers import CLIENTS, Client
from tests.serving import serving
from tests.unit.infra.test_terraform import translated
from tunelet.errors import TuneletError
from tunelet.ports import Store

KEY = "v1/default/digits/journal/00000000000000000001.json"
PATTERN = "p/v1/*"
"""The right of any function on the log, below the prefix `p` of the store."""

CALLS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get(KEY),
    "part": lambda store: store.part(KEY, 0, 10),
    "create": lambda store: store.create(KEY, b"1"),
    "put": lambda store: store.put(KEY, b"1"),
    "replace": lambda store: store.replace(KEY, b"1", "1"),
    "copy": lambda store: store.copy(KEY, f"{KEY}-copy"),
    "delete": lambda store: store.delete(KEY),
    "list": lambda store: list(store.list("v1/default/")),
    "list after": lambda store: list(store.list("v1/default/", after=KEY, limit=1)),
    "ready": lambda store: store.ready(),
}


class Request(NamedTuple):
    """What a client asked: a right, and the key or the prefix that it is for."""

    right: str
    name: str


class Recorder(Server):
    """Remembers requests. Every list is empty, and every object is absent."""

    def __init__(self, client: Client, cloud: str) -> None:
        super().__init__(Said(404))
        self.RequestHandlerClass = _Handler
        self.client, self.cloud = client, cloud
        self.requests: list[Request] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = asked(self.server.cloud, self.command, self.path, body)
        self.server.requests.append(found)
        listing = found.right == "list"
        said = EMPTY[self.server.cloud] if listing else self.server.client.says(404, "NoSuchKey")
        self.send_response_only(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.body.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body.encode())

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

    def log_message(self, format: str, *args: object) -> None:
        """Log no requests into the test's output."""


XML = {"Content-Type": "application/xml"}
EMPTY = {
    "aws": Said(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>", XML),
    "azure": Said(200, "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>", XML),
    "gcp": Said(200, "{}", {"Content-Type": "application/json"}),
}
VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "POST": "write", "DELETE": "delete"}
BEFORE_KEYS = {"aws": "/bucket/", "azure": "/acc/container/", "gcp": "/b/bucket/o/"}


def asked(cloud: str, method: str, target: str, body: bytes) -> Request:
    """The verb of a request: `list` if it is for no object, whatever else it would list."""
    url = urlsplit(target)
    query = parse_qs(url.query, keep_blank_values=True)
    name = unquote(f"{url.path}/".partition(BEFORE_KEYS[cloud])[2]).rstrip("/")
    if method == "POST" and "/upload/" in url.path:
        named = re.search(rb'"name": "(.+?)"', body)
        return Request("write", named[1].decode() if named else "")
    if not name and method == "GET":
        return Request("list", query.get("prefix", [""])[0])
    return Request(VERBS[method], name.partition("/rewriteTo/")[0])


CLOUDS = {"boto3": "aws", "obstore-s3": "aws", "azure": "azure", "obstore-az": "azure"}
USED = [name for name in CLIENTS if name != "obstore-az"]
"""Clients that an installation of Terraform uses. On Azure TUNELET_STORE_CLIENT chooses one."""


@pytest.fixture(params=USED)
def recorder(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Recorder, Store]]:
    client = CLIENTS[request.param]
    server = Recorder(client, CLOUDS.get(request.param, "gcp"))
    with serving(server) as port:
        for name, value in client.environment(f"http://127.0.0.1:{port}").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        yield server, connect(client.url)


def test_each_request_is_for_a_right_and_a_key_that_the_policies_name(
    recorder: tuple[Recorder, Store],
) -> None:
    server, store = recorder
    for name, call in CALLS.items():
        server.requests.clear()
        with suppress(TuneletError):
            call(store)
        assert server.requests, name
        beyond = [each for each in server.requests if not fnmatchcase(each.name, PATTERN)]
        assert beyond == [], name


@pytest.mark.parametrize("recorder", ["obstore-az"], indirect=True)
def test_obstore_deletes_on_azure_by_a_request_without_a_key(
    recorder: tuple[Recorder, Store],
) -> None:
    """When this fails, Terraform's `environment` need not choose the other client any more."""
    server, store = recorder
    with suppress(TuneletError):
        store.delete(KEY)
    assert server.requests == [Request("write", "")]


def test_no_right_is_given_that_no_request_needs(recorder: tuple[Recorder, Store]) -> None:
    server, store = recorder
    for call in CALLS.values():
        with suppress(TuneletError):
            call(store)
    assert {each.right for each in server.requests} == set(translated(server.cloud))

"""No signature of a URL is in an error about a store, even if the server repeats the whole URL."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from adapters.storage import open_store
from tests.serving import serving
from tunelet.errors import Reject

SIGNATURE = "hunter2hunter2"


class Echo(BaseHTTPRequestHandler):
    """Refuses every request, and repeats its address in the message."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        text = f"<Error><Code>AuthorizationFailure</Code><Message>{self.path}</Message></Error>"
        self.send_response(403)
        self.send_header("x-ms-error-code", "AuthorizationFailure")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *given: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Echo.seen.clear()
    with serving(HTTPServer(("127.0.0.1", 0), Echo)) as port:
        yield f"http://127.0.0.1:{port}/account"


@pytest.mark.parametrize("client", ["obstore", "azure"])
def test_a_signature_is_not_repeated(
    client: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = f"SharedAccessSignature=sv=2024-11-04&sr=c&sp=r&se=2030-01-01&sig={SIGNATURE}"
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING", f"AccountName=account;BlobEndpoint={address};{signed}"
    )
    store = open_store(f"az://container/prefix?client={client}")
    with pytest.raises(Reject) as refusal:
        store.get("v1/key")
    assert any(SIGNATURE in path for path in Echo.seen), "the request was signed by its URL"
    assert SIGNATURE not in f"{refusal.value} {refusal.value.errors}"

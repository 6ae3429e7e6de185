"""Errors of the clouds, and the one line that each becomes.

The answers are the services' own, as their documents and users show them, given by a server
on this machine to each client that may meet them.
"""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from adapters.storage import connect
from tests.contracts.answering import Said, Server
from tests.serving import serving
from tunelet.errors import Reject, Retry, Throttled
from tunelet.ports import Store

KEY = "ZmFrZSBrZXkgb2YgYSB0ZXN0"


class Client(NamedTuple):
    url: str
    says: Callable[[int, str], Said]
    """The service's own way to say a code."""
    environment: Callable[[str], dict[str, str]]


def s3_error(status: int, code: str) -> Said:
    body = (
        f"<Error><Code>{code}</Code><Message>Said\nby S3</Message><RequestId>1</RequestId></Error>"
    )
    return Said(status, body, {"Content-Type": "application/xml"})


def azure_error(status: int, code: str) -> Said:
    body = (
        f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>Said\nby Azure</Message></Error>"
    )
    return Said(status, body, {"Content-Type": "application/xml", "x-ms-error-code": code})


def gcs_error(status: int, reason: str) -> Said:
    error = {"code": status, "message": "Said\nby Google", "errors": [{"reason": reason}]}
    return Said(status, json.dumps({"error": error}), {"Content-Type": "application/json"})


def aws(address: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_S3": address,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret-of-a-test",
        "AWS_REGION": "us-east-1",
    }


def azure(address: str) -> dict[str, str]:
    parts = f"AccountName=acc;AccountKey={KEY};BlobEndpoint={address}/acc;"
    return {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;{parts}"}


def google(address: str) -> dict[str, str]:
    return {"STORAGE_EMULATOR_HOST": address, "GOOGLE_CLOUD_PROJECT": "p"}


CLIENTS = {
    "boto3": Client("s3://bucket/p?client=boto3", s3_error, aws),
    "obstore-s3": Client("s3://bucket/p?client=obstore", s3_error, aws),
    "azure": Client("az://container/p?client=azure", azure_error, azure),
    "obstore-az": Client("az://container/p?client=obstore", azure_error, azure),
    "google": Client("gs://bucket/p?client=google", gcs_error, google),
}
S3, AZURE, GCS = ("boto3", "obstore-s3"), ("azure", "obstore-az"), ("google",)
CALLS: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.get("k"),
    "write": lambda store: store.create("k", b"1"),
    "delete": lambda store: store.delete("k"),
    "list": lambda store: list(store.list("")),
}
REFUSALS = [
    (S3, 403, "InvalidAccessKeyId", "the AWS credentials are wrong", "AWS_ACCESS_KEY_ID"),
    (S3, 403, "SignatureDoesNotMatch", "the AWS credentials are wrong", "AWS_SECRET_ACCESS_KEY"),
    (S3, 400, "ExpiredToken", "the AWS credentials have expired", "renew"),
    (S3, 403, "RequestTimeTooSkewed", "this machine's clock is wrong", "set it right"),
    (S3, 404, "NoSuchBucket", "the bucket does not exist", "create it"),
    (S3, 400, "IllegalLocationConstraintException", "in another region", "AWS_REGION"),
    (("obstore-s3",), 301, "PermanentRedirect", "the bucket is in another region", "AWS_REGION"),
    (AZURE, 403, "AuthenticationFailed", "the Azure credentials are wrong", "AZURE_STORAGE"),
    (AZURE, 401, "NoAuthenticationInformation", "the Azure credentials are wrong", "AZURE_STORAGE"),
    (AZURE, 403, "AuthorizationFailure", "the Azure credentials were refused", "firewall"),
    (AZURE, 404, "ContainerNotFound", "the container does not exist", "create it"),
    (S3, 501, "NotImplemented", "the store refused to", "documents"),
    (GCS, 401, "authError", "Google credentials", "GOOGLE_APPLICATION_CREDENTIALS"),
    (GCS, 404, "notFound", "the bucket does not exist", "create it"),
]
FORBIDDEN = [
    (S3, "AccessDenied", {"read": "s3:GetObject", "write": "s3:PutObject"}),
    (S3, "AccessDenied", {"delete": "s3:DeleteObject", "list": "s3:ListBucket"}),
    (AZURE, "AuthorizationPermissionMismatch", {"read": "Reader", "write": "Contributor"}),
    (AZURE, "AuthorizationPermissionMismatch", {"list": "Reader"}),
    (GCS, "forbidden", {"read": "storage.objects.get", "write": "storage.objects.create"}),
    (GCS, "forbidden", {"delete": "storage.objects.delete", "list": "storage.objects.list"}),
]
PASSING = [
    (S3, 503, "SlowDown", Throttled),
    (S3, 429, "TooManyRequests", Throttled),
    (S3, 500, "InternalError", Retry),
    (S3, 503, "ServiceUnavailable", Retry),
    (S3, 409, "ConditionalRequestConflict", Retry),
    (AZURE, 503, "ServerBusy", Throttled),
    (AZURE, 500, "OperationTimedOut", Retry),
    (AZURE, 409, "ContainerBeingDeleted", Retry),
    (GCS, 429, "rateLimitExceeded", Throttled),
    (GCS, 503, "backendError", Retry),
    (GCS, 409, "conflict", Retry),
]


class Clouds:
    """One server, and a store of each client that believes it to be its cloud."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stores = {name: connect(client.url) for name, client in CLIENTS.items()}

    def error_of(self, name: str, said: Said, call: str) -> Reject | Retry:
        self._server.said = said
        with pytest.raises((Reject, Retry)) as caught:
            CALLS[call](self._stores[name])
        text = str(caught.value)
        assert "\n" not in text, "one line"
        assert text.startswith(CLIENTS[name].url.partition("?")[0]), "which store"
        assert KEY not in text
        assert "secret-of-a-test" not in text
        return caught.value


@pytest.fixture(scope="module")
def clouds() -> Iterator[Clouds]:
    """For all tests: to open a client takes longer than all that it is asked here."""
    server = Server(Said(500))
    with serving(server) as port, pytest.MonkeyPatch.context() as environment:
        environment.delenv("AWS_PROFILE", raising=False)
        for client in CLIENTS.values():
            for variable, value in client.environment(f"http://127.0.0.1:{port}").items():
                environment.setenv(variable, value)
        yield Clouds(server)


@pytest.mark.parametrize(
    ("name", "status", "code", "problem", "remedy"),
    [(name, *rest) for names, *rest in REFUSALS for name in names],
)
@pytest.mark.parametrize("call", CALLS)
def test_an_error_is_one_line_with_fault_and_remedy(
    name: str,
    status: int,
    code: str,
    problem: str,
    remedy: str,
    call: str,
    clouds: Clouds,
) -> None:
    error = clouds.error_of(name, CLIENTS[name].says(status, code), call)
    assert isinstance(error, Reject)
    assert problem in str(error)
    assert remedy in str(error)


@pytest.mark.parametrize(
    ("name", "code", "call", "right"),
    [
        (name, code, call, right)
        for names, code, needed in FORBIDDEN
        for call, right in needed.items()
        for name in names
    ],
)
def test_a_missing_right_is_named(
    name: str, code: str, call: str, right: str, clouds: Clouds
) -> None:
    error = clouds.error_of(name, CLIENTS[name].says(403, code), call)
    assert isinstance(error, Reject)
    assert f"the credentials may not {call} here" in str(error)
    assert right in str(error)


@pytest.mark.parametrize(
    ("name", "status", "code", "kind"),
    [(name, *rest) for names, *rest in PASSING for name in names],
)
@pytest.mark.parametrize("call", ["read", "write"])
def test_throttling_failure_and_refusal_are_different_errors(
    name: str,
    status: int,
    code: str,
    kind: type[Retry],
    call: str,
    clouds: Clouds,
) -> None:
    assert type(clouds.error_of(name, CLIENTS[name].says(status, code), call)) is kind


@pytest.mark.parametrize("name", ["boto3", "azure", "google"])
def test_an_error_has_the_wait_that_the_server_asks_for(name: str, clouds: Clouds) -> None:
    said = CLIENTS[name].says(503, "SlowDown" if name == "boto3" else "ServerBusy")
    said = said._replace(headers={**said.headers, "Retry-After": "7"})
    error = clouds.error_of(name, said, "read")
    assert isinstance(error, Retry)
    assert error.after == 7.0


@pytest.mark.parametrize("call", ["read", "write", "list"])
@pytest.mark.parametrize("name", CLIENTS)
def test_an_absent_server_is_a_transient_fault_with_its_address_and_a_remedy(
    name: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in CLIENTS[name].environment("http://127.0.0.1:1").items():
        monkeypatch.setenv(variable, value)
    shown = (
        r"^\w\w://\w+/p could not be reached: \w+ at http://127\.0\.0\.1:1;"
        r" check the network, and [A-Z_0-9]+ if it is set$"
    )
    with pytest.raises(Retry, match=shown):
        CALLS[call](connect(CLIENTS[name].url))

"""Tenants' own buckets with credentials of their own, on the real servers of `make test-stores`."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import boto3
import jwt
import pytest
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.storage import open_store
from adapters.storage.access import KEY_FILE, of_tenant
from functions import wiring
from functions.settings import Settings
from functions.stores import TenantStore
from tests.contracts.clouds import bucket_url
from tunelet.errors import Reject
from tunelet.log.tenant_stores import TenantStores
from tunelet.store_probe import probe

Folder = Callable[[Mapping[str, str]], str]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes variables as a mounted Secret has them: a file each."""

    def written(variables: Mapping[str, str]) -> str:
        made = tmp_path / uuid4().hex
        made.mkdir()
        for name, value in variables.items():
            (made / name).write_text(value)
        (made / "..data").mkdir()
        return str(made)

    return written


@pytest.fixture
def aws() -> Any:
    bucket_url("TUNELET_TEST_S3_URL")
    return boto3.Session()


@pytest.fixture
def bucket(aws: Any) -> Iterator[str]:
    """A bucket of its own, which is removed with all that is in it."""
    name, s3 = f"tenant-{uuid4().hex[:12]}", aws.client("s3")
    s3.create_bucket(Bucket=name)
    yield name
    for each in s3.list_objects_v2(Bucket=name).get("Contents", ()):
        s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)


def lent(aws: Any, bucket: str) -> dict[str, str]:
    """Keys that may do everything in this bucket and nothing elsewhere."""
    where = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    allowed = {"Effect": "Allow", "Action": ["s3:*"], "Resource": where}
    given = aws.client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"]).assume_role(
        RoleArn="arn:aws:iam::123456789012:role/tenant",
        RoleSessionName="test",
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_REGION": "us-east-1",
    }


def settings(url: str, **stores: TenantStore) -> Settings:
    return Settings(url, bytes(16), "process:///runs", stores=stores)


@pytest.mark.stores
@pytest.mark.parametrize("client", ["boto3", "obstore"])
def test_keys_of_a_tenant_open_its_bucket_and_no_other(
    aws: Any, bucket: str, folder: Folder, client: str
) -> None:
    keys = folder(lent(aws, bucket))
    probe(open_store(f"s3://{bucket}?client={client}", of_tenant(keys, None)))
    shared = bucket_url("TUNELET_TEST_S3_URL")
    store = open_store(f"{shared}?client={client}", of_tenant(keys, None))
    for call in (lambda: store.get("identity"), lambda: list(store.list("v1/"))):
        with pytest.raises(Reject, match="may not"):
            call()


@pytest.mark.stores
@pytest.mark.parametrize("client", ["boto3", "obstore"])
def test_the_services_own_keys_need_not_open_a_tenants_bucket(
    aws: Any, bucket: str, folder: Folder, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way round: the process has keys of the shared bucket, and each tenant its own."""
    shared = bucket_url("TUNELET_TEST_S3_URL")
    theirs = folder(lent(aws, bucket))
    for name, value in lent(aws, shared.removeprefix("s3://").partition("/")[0]).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Reject, match="may not"):
        open_store(f"s3://{bucket}?client={client}").get("identity")
    prefix = f"{shared}/{uuid4().hex}"
    asked = settings(
        prefix, vision=TenantStore(f"s3://{bucket}/deep?client={client}", credentials=theirs)
    )
    stores = TenantStores(wiring.store(f"{prefix}?client={client}"), wiring.tenants(asked))
    put = [f"live/{namespace}/digits/ab.000000" for namespace in ("audio", "vision")]
    for key in put:
        assert stores.create(key, b"1")
        assert not stores.create(key, b"2")
    assert list(stores.list("live/")) == put
    assert list(stores.of("vision").list("")) == put[1:]
    assert stores.of("vision").url == f"s3://{bucket}/deep"


@pytest.mark.stores
@pytest.mark.parametrize("client", ["boto3", "obstore"])
def test_a_rotated_key_is_taken_up_without_a_restart(
    aws: Any, bucket: str, folder: Folder, client: str
) -> None:
    keys = lent(aws, bucket)
    secret = Path(folder(keys))
    mine = TenantStore(f"s3://{bucket}?client={client}", credentials=str(secret))
    store = wiring.tenants(settings("memory://shared", vision=mine))["vision"]
    assert store.create("a", b"1")
    # As if the key were withdrawn: the process has another one, and MinIO refuses it.
    (secret / "AWS_ACCESS_KEY_ID").write_text("withdrawn")
    fresh = wiring.tenants(settings("memory://shared", vision=mine))["vision"]
    with pytest.raises(Reject, match=r"TUNELET_STORES\.vision: s3://.+ credentials") as refusal:
        fresh.get("a")
    assert [each.field for each in refusal.value.errors] == ["TUNELET_STORES.vision"]
    for name, value in lent(aws, bucket).items():
        (secret / name).write_text(value)
    assert not fresh.create("a", b"2")
    assert list(fresh.list("")) == ["a"]


@pytest.mark.stores
def test_a_role_is_assumed_with_the_keys_of_the_service(
    aws: Any, bucket: str, folder: Folder
) -> None:
    """MinIO lends the rights of the one who asks, so this shows the exchange, and no trust."""
    endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
    os.environ.setdefault("AWS_ENDPOINT_URL_STS", endpoint)
    role = "arn:aws:iam::123456789012:role/vision"
    store = open_store(f"s3://{bucket}", of_tenant(None, role))
    probe(store)
    used = store.inner._client._request_signer._credentials.get_frozen_credentials()  # type: ignore[attr-defined]
    assert used.token
    assert used.access_key != os.environ["AWS_ACCESS_KEY_ID"]


@pytest.mark.stores
def test_a_signature_of_a_tenant_opens_its_container_and_no_other(folder: Folder) -> None:
    shared = bucket_url("TUNELET_TEST_AZURE_URL")
    account = BlobServiceClient.from_connection_string(
        os.environ["AZURE_STORAGE_CONNECTION_STRING"]
    )
    container = f"tenant-{uuid4().hex[:12]}"
    account.create_container(container)
    try:
        signature = generate_container_sas(
            *(str(account.account_name), container),
            account_key=account.credential.account_key,
            permission=ContainerSasPermissions(read=True, write=True, delete=True, list=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        text = f"BlobEndpoint={account.primary_endpoint};SharedAccessSignature={signature}"
        keys = folder({"AZURE_STORAGE_CONNECTION_STRING": text})
        probe(open_store(f"az://{container}", of_tenant(keys, None)))
        store = open_store(shared, of_tenant(keys, None))
        for call in (lambda: store.get("identity"), lambda: list(store.list("v1/"))):
            with pytest.raises(Reject, match=r"refused \(403 AuthorizationFailure\)"):
                call()
    finally:
        account.delete_container(container)


@pytest.mark.stores
def test_a_key_file_of_google_opens_a_bucket(folder: Folder, tokens: "Tokens") -> None:
    """The store's server checks no token: this shows that one is got with the key, and no right."""
    url = f"{bucket_url('TUNELET_TEST_GCS_URL')}/{uuid4().hex}"
    store = open_store(url, of_tenant(folder({KEY_FILE: tokens.key_file()}), None))
    probe(store)
    assert tokens.issuers == {ACCOUNT}


ACCOUNT = "vision@acme.iam.gserviceaccount.com"


class Tokens(ThreadingHTTPServer):
    """Gives tokens as Google does for an assertion that a service account's key has signed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.key = rsa.generate_private_key(65537, 2048)
        self.issuers = set[str]()

    def key_file(self) -> str:
        private = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "acme",
                "private_key": private.decode(),
                "client_email": ACCOUNT,
                "token_uri": f"http://127.0.0.1:{self.server_port}/token",
            }
        )


class _Exchange(BaseHTTPRequestHandler):
    server: Tokens

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        public = self.server.key.public_key()
        asked = jwt.decode(form["assertion"][0], public, ["RS256"], options={"verify_aud": False})
        self.server.issuers.add(asked["iss"])
        answer = {"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    with Tokens() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("url", ["s3://bucket", "az://container", "gs://bucket"])
def test_a_secret_without_a_credential_does_not_open_a_store_with_the_services(
    url: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.setenv(name, "the service's")
    with pytest.raises(Reject, match="credentials are incomplete"):
        open_store(url, of_tenant(folder({"AWS_REGION": "us-east-1"}), None))


def test_a_variable_of_the_process_is_not_mixed_with_a_tenants(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the service's")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    given = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    access = of_tenant(folder(given), None)
    assert "AWS_SESSION_TOKEN" not in access.env
    assert access.env["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:1"

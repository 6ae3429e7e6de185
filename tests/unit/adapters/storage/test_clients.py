"""Which library opens a store: the one that is named, else the best that can serve here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.storage import CLIENT, connect
from adapters.storage.access import Access
from adapters.storage.environment import azure_settings, unserved
from adapters.storage.location import locate
from tunelet.errors import Reject

ROOT = Path(__file__).resolve().parents[4]
KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
CONNECTION = (
    "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a2V5PQ==;"
    "EndpointSuffix=core.windows.net"
)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials but those that a test gives."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "STORAGE_", "TUNELET_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def opened(url: str, monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """The name of the adapter that opens the URL."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return type(connect(url)).__name__


def test_the_error_for_a_plain_folder_shows_its_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Reject, match=rf"write {(tmp_path / 'a b').as_uri()} for a folder"):
        connect("a b")


def test_obstore_serves_where_the_environment_has_the_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert opened("s3://b/p", monkeypatch, **KEYS) == "ObstoreStore"
    assert (
        opened("az://c", monkeypatch, AZURE_STORAGE_CONNECTION_STRING=CONNECTION) == "ObstoreStore"
    )


def test_the_clouds_own_library_serves_where_more_is_to_be_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile team]\nregion = eu-west-1\n")
    environment = {"AWS_PROFILE": "team", "AWS_CONFIG_FILE": str(config)}
    assert opened("s3://b/p", monkeypatch, **environment) == "S3Store"
    monkeypatch.delenv("AWS_PROFILE")
    assert opened("s3://b/p", monkeypatch, AWS_DEFAULT_REGION="eu-west-1") == "S3Store"
    assert opened("az://c", monkeypatch, AZURE_STORAGE_ACCOUNT="acc") == "AzureStore"
    emulator = {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1", "GOOGLE_CLOUD_PROJECT": "p"}
    assert opened("gs://b", monkeypatch, **emulator) == "GcsStore"


def test_the_url_chooses_before_the_environment_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened("s3://b/p?client=boto3", monkeypatch, **KEYS) == "S3Store"
    assert opened("s3://b/p", monkeypatch, **{CLIENT: "boto3"}) == "S3Store"
    assert opened("s3://b/p?client=obstore", monkeypatch) == "ObstoreStore"


@pytest.mark.parametrize("url", ["s3://b?client=azure", "az://b?client=nonsense"])
def test_a_client_that_cannot_serve_the_cloud_is_refused(url: str) -> None:
    with pytest.raises(Reject, match=r"no client '\w+'; choose obstore or (boto3|azure)"):
        connect(url)


def test_the_error_of_an_unusable_chosen_client_has_the_reason() -> None:
    with pytest.raises(Reject, match="obstore cannot serve this: the environment has no cred"):
        connect("s3://b?client=obstore")


@pytest.mark.parametrize("url", ["s3://b?clinet=boto3", "s3://b?client=", "s3://b?encryption_key="])
def test_options_are_checked(url: str) -> None:
    with pytest.raises(Reject, match=r"^s3://b: (unknown options: clinet|\w+ is empty)"):
        connect(url)


def test_no_credential_in_a_url_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CLIENT, "nonsense")
    for url in ("s3://id:secret@bucket/p", "s3://id:secret@bucket?client=azure"):
        with pytest.raises(Reject) as caught:
            connect(url)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": "arn"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"},
    ],
)
def test_workload_and_pod_identity_need_nothing_but_the_environment(
    environment: dict[str, str],
) -> None:
    location = locate("s3://b")
    assert unserved("s3", location, Access({**environment, "AWS_REGION": "eu-west-1"})) is None
    assert unserved("s3", location, Access(environment)) == "AWS_REGION is not set"


def test_azures_workload_identity_needs_nothing_but_the_environment() -> None:
    identity = {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_FEDERATED_TOKEN_FILE": "/t"}
    environment = {**identity, "AZURE_STORAGE_ACCOUNT": "acc"}
    assert unserved("az", locate("az://c"), Access(environment)) is None
    sealed = locate("az://c?encryption_key=scope")
    assert "encryption key" in (unserved("az", sealed, Access(environment)) or "")


def test_a_connection_string_is_read_as_azure_defines_it() -> None:
    assert azure_settings({"AZURE_STORAGE_CONNECTION_STRING": CONNECTION}) == {
        "account_name": "acc",
        "account_key": "a2V5PQ==",
        "endpoint": "https://acc.blob.core.windows.net",
    }


@pytest.mark.parametrize(
    ("endpoint", "account"),
    [
        ("https://acc.blob.core.windows.net", "acc"),
        ("https://acc.z1.blob.storage.azure.net", "acc"),
        ("http://127.0.0.1:10000/devstoreaccount1", "devstoreaccount1"),
    ],
)
def test_a_signatures_connection_string_names_the_account_in_its_endpoint(
    endpoint: str, account: str
) -> None:
    text = f"BlobEndpoint={endpoint}/;SharedAccessSignature=sv=2026-10-06&sig=c2ln"
    given = {"AZURE_STORAGE_CONNECTION_STRING": text, "AZURE_STORAGE_ACCOUNT": "another"}
    assert azure_settings(given) == {
        "account_name": account,
        "sas_key": "sv=2026-10-06&sig=c2ln",
        "endpoint": endpoint,
    }


def test_an_address_without_an_account_is_left_to_azures_own_library() -> None:
    text = "BlobEndpoint=https://data.acme.example/;SharedAccessSignature=sv=1&sig=c2ln"
    access = Access({"AZURE_STORAGE_CONNECTION_STRING": text})
    assert unserved("az", locate("az://c"), access) == "the storage account is not known"


@pytest.mark.parametrize(
    ("url", "absent", "extra"),
    [("s3://b", ("boto3", "obstore"), "obstore"), ("gs://b", ("google", "obstore"), "gcs")],
)
def test_a_library_that_is_missing_is_named_with_how_to_install_it(
    url: str, absent: tuple[str, ...], extra: str
) -> None:
    text = (
        "import os, sys\n"
        f"sys.modules.update(dict.fromkeys({absent!r}))\n"
        f"os.environ.update({KEYS!r})\n"
        "from adapters.storage import connect\n"
        f"try: connect({url!r})\n"
        "except Exception as error: print(type(error).__mro__[1].__name__, error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("Reject the store")
    assert f"pip install 'tunelet[{extra}]'" in ran.stdout


def test_the_clouds_own_library_is_used_without_obstore() -> None:
    text = (
        "import os, sys\n"
        "sys.modules['obstore'] = None\n"
        f"os.environ.update({KEYS!r})\n"
        "from adapters.storage import connect\n"
        "print(type(connect('s3://b')).__name__)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "S3Store\n"


def test_a_role_of_a_tenant_is_not_left_aside_for_keys_of_the_service() -> None:
    tokens = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "a", "AWS_REGION": "r"}
    location = locate("s3://b")
    role = "arn:aws:iam::123456789012:role/vision"
    assert unserved("s3", location, Access(tokens, identity=role)) is None
    why = unserved("s3", location, Access({**tokens, **KEYS}, identity=role))
    assert why == "to act as another identity needs the cloud's own library"


def test_a_signature_of_a_tenant_is_not_left_aside_for_an_identity_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.setenv(name, "the-service")
    given = {"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=theirs"}
    access = Access(given, True)
    assert type(connect("az://c", access)).__name__ == "AzureStore"
    with pytest.raises(Reject, match="a tenant's credentials need the cloud's own library"):
        connect("az://c?client=obstore", access)

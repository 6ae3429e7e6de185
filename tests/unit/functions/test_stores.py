"""Which namespaces have a store of their own is read from JSON or a file."""

import json
from pathlib import Path

import pytest

from adapters.storage.access import of_tenant
from functions import wiring
from functions.settings import Settings
from functions.stores import TenantStore
from tests.unit.functions.test_settings import ENVIRONMENT
from tunelet.errors import Reject

GIVEN = {
    "vision": {"url": "s3://vision/tunelet", "credentials": "/etc/tunelet/stores/vision"},
    "audio": {"url": "gs://audio", "identity": "audio@acme.iam.gserviceaccount.com"},
}
MEANT = {
    "vision": TenantStore("s3://vision/tunelet", credentials="/etc/tunelet/stores/vision"),
    "audio": TenantStore("gs://audio", identity="audio@acme.iam.gserviceaccount.com"),
}


def settings(value: str) -> Settings:
    return Settings.from_env({**ENVIRONMENT, "TUNELET_STORES": value})


def test_they_are_json_or_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "stores.json"
    path.write_text(json.dumps(GIVEN))
    assert settings(json.dumps(GIVEN)).stores == settings(str(path)).stores == MEANT


def test_they_are_in_a_folder_with_a_file_for_each(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    assert settings(str(tmp_path)).stores == {}
    for name, each in GIVEN.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(each))
    assert settings(str(tmp_path)).stores == MEANT


def test_each_wrong_file_in_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "vision.yaml").write_text("url: s3://vision")
    (tmp_path / "Audio.json").write_text('{"url": "s3://audio"}')
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(Reject) as refusal:
        settings(str(tmp_path))
    errors = refusal.value.errors
    assert {(each.field, each.remedy != "") for each in errors} == {
        ("TUNELET_STORES", True),
        ("TUNELET_STORES.Audio", True),
        ("TUNELET_STORES.text", True),
    }
    assert str(tmp_path / "vision.yaml") in {each.value for each in errors}


def test_tenants_may_share_a_folder_of_credentials(tmp_path: Path) -> None:
    for name in ("vision.AWS_ACCESS_KEY_ID", "vision.credentials.json", "vision2.AWS_REGION"):
        (tmp_path / name).write_text(name)
    found = of_tenant(str(tmp_path / "vision"), None).env
    assert found["AWS_ACCESS_KEY_ID"] == "vision.AWS_ACCESS_KEY_ID"
    assert found["credentials.json"] == "vision.credentials.json"
    assert "vision2.AWS_REGION" not in found.values()
    with pytest.raises(OSError, match="neither a folder"):
        of_tenant(str(tmp_path / "visio"), None)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("/no/such/file", ""),
        ("[]", ""),
        ("{", ""),
        ('{"Vision": {"url": "s3://v"}}', ".Vision"),
        ('{"vision": "s3://v"}', ".vision"),
        ('{"vision": {}}', ".vision.url"),
        ('{"vision": {"url": "bucket"}}', ".vision.url"),
        ('{"vision": {"url": 3}}', ".vision.url"),
        ('{"vision": {"url": "s3://v", "identity": ""}}', ".vision.identity"),
        ('{"vision": {"url": "s3://v", "key": "k"}}', ".vision.key"),
    ],
)
def test_what_is_wrong_is_named(value: str, field: str) -> None:
    with pytest.raises(Reject) as refusal:
        settings(value)
    (error,) = refusal.value.errors
    assert error.field == f"TUNELET_STORES{field}"
    assert error.remedy


def test_a_tenants_store_that_cannot_be_opened_is_opened_again_later(tmp_path: Path) -> None:
    folder = tmp_path / "vision"
    given = {"vision": {"url": (tmp_path / "store").as_uri(), "credentials": str(folder)}}
    (store,) = wiring.tenants(settings(json.dumps(given))).values()
    with pytest.raises(Reject) as refusal:
        store.get("identity")
    assert refusal.value.errors[0].field == "TUNELET_STORES.vision.credentials"
    folder.mkdir()
    store.put("identity", b"1")
    assert (tmp_path / "store" / "identity").read_bytes() == b"1"

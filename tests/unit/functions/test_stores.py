"""Which namespaces have a store of their own is read from JSON or a file."""

import json
from pathlib import Path

import pytest

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

"""The store in Azure's protocol, against the server that TUNELET_TEST_AZURE_URL names."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from adapters.storage import connect
from adapters.storage.environment import azure_settings
from adapters.storage.location import locate
from tests.contracts.clouds import CloudStoreContract, bucket_url
from tunelet.errors import Reject
from tunelet.ports import Store
from tunelet.store_probe import examine, probe

Opened = Callable[[str, timedelta], Store]


@pytest.mark.stores
class TestAzureStore(CloudStoreContract):
    variable = "TUNELET_TEST_AZURE_URL"
    client = "azure"

    @pytest.mark.xfail(strict=True, reason="Azurite sorts by UTF-16, as JavaScript does")
    def test_characters_beyond_the_first_plane_sort_by_their_bytes_too(self, store: Store) -> None:
        super().test_characters_beyond_the_first_plane_sort_by_their_bytes_too(store)


@pytest.fixture(params=["azure", "obstore"])
def signed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Opens the container with a signature for some permissions that lasts for some time."""
    url = bucket_url("TUNELET_TEST_AZURE_URL")
    account = azure_settings(os.environ)
    if "account_key" not in account:
        pytest.skip("no account key to sign with")

    def opened(permissions: str, lasts: timedelta) -> Store:
        signature = generate_container_sas(
            account["account_name"],
            locate(url).bucket,
            account_key=account["account_key"],
            permission=ContainerSasPermissions.from_string(permissions),
            start=datetime.now(UTC) - timedelta(hours=2),
            expiry=datetime.now(UTC) + lasts,
        )
        text = f"BlobEndpoint={account['endpoint']};SharedAccessSignature={signature};"
        monkeypatch.setenv(
            "AZURE_STORAGE_CONNECTION_STRING", f"{text}AccountName=devstoreaccount1;"
        )
        return connect(f"{url}/signed?client={request.param}")

    return opened


@pytest.mark.stores
def test_a_signature_with_all_rights_opens_the_container(signed: Opened) -> None:
    assert probe(signed("rwdlc", timedelta(hours=1))).trusted


@pytest.mark.stores
def test_an_error_names_the_rights_that_a_reader_lacks(signed: Opened) -> None:
    rights = {r.name: r.fault for r in examine(signed("rl", timedelta(hours=1))).rights}
    assert rights["read"] is rights["list"] is None
    for name in ("write", "delete"):
        assert isinstance(rights[name], Reject)
        assert f"may not {name} here" in str(rights[name])
        assert "grant Storage Blob Data Contributor" in str(rights[name])


@pytest.mark.stores
def test_an_expired_signature_is_named_in_the_error(signed: Opened) -> None:
    with pytest.raises(Reject, match=r"the Azure credentials were refused .*; renew them"):
        signed("rwdl", timedelta(hours=-1)).get("k")

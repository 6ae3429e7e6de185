"""The store in Azure's protocol, against the server that TUNELET_TEST_AZURE_URL names."""

import pytest

from tests.contracts.clouds import CloudStoreContract
from tunelet.ports import Store


@pytest.mark.stores
class TestAzureStore(CloudStoreContract):
    variable = "TUNELET_TEST_AZURE_URL"
    client = "azure"

    @pytest.mark.xfail(strict=True, reason="Azurite sorts by UTF-16, as JavaScript does")
    def test_characters_beyond_the_first_plane_sort_by_their_bytes_too(self, store: Store) -> None:
        super().test_characters_beyond_the_first_plane_sort_by_their_bytes_too(store)

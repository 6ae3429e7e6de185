"""The store in Azure's protocol, against the server that TUNELET_TEST_AZURE_URL names."""

import pytest

from tests.contracts.clouds import CloudStoreContract


@pytest.mark.stores
class TestAzureStore(CloudStoreContract):
    variable = "TUNELET_TEST_AZURE_URL"

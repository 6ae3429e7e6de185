"""The store in Google's protocol, against the server that TUNELET_TEST_GCS_URL names."""

import pytest

from tests.contracts.clouds import CloudStoreContract


@pytest.mark.stores
class TestGcsStore(CloudStoreContract):
    variable = "TUNELET_TEST_GCS_URL"
    client = "google"

"""The store in S3's protocol, against the server that TUNELET_TEST_S3_URL names."""

import pytest

from tests.contracts.clouds import CloudStoreContract


@pytest.mark.stores
class TestS3Store(CloudStoreContract):
    variable = "TUNELET_TEST_S3_URL"
    client = "boto3"

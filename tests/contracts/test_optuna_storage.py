"""Optuna's own tests of storages, over each cloud's store (make test-stores)."""

from uuid import uuid4

import pytest
from optuna.storages import BaseStorage
from optuna.testing.pytest_storages import StorageTestCase

from tests.contracts.clouds import bucket_url
from tunelet.interop.optuna import TuneletStorage


class InABucket(StorageTestCase):
    variable: str

    @pytest.fixture
    def storage(self) -> BaseStorage:
        return TuneletStorage(f"{bucket_url(self.variable)}/{uuid4().hex}")


@pytest.mark.stores
class TestInS3(InABucket):
    variable = "TUNELET_TEST_S3_URL"


@pytest.mark.stores
class TestInGcs(InABucket):
    variable = "TUNELET_TEST_GCS_URL"


@pytest.mark.stores
class TestInAzure(InABucket):
    variable = "TUNELET_TEST_AZURE_URL"

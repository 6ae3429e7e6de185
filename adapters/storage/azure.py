"""Objects in Azure Blob Storage, through azure-storage-blob.

The account comes from AZURE_STORAGE_CONNECTION_STRING, which names it with its endpoint and
key; else from AZURE_STORAGE_ACCOUNT, with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN (the
names that the az command reads), or with neither: then azure-identity finds the credential
(environment, workload identity, managed identity, az login).
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core import exceptions as faults
from azure.storage.blob import ContainerClient

from adapters.storage.access import PROCESS, Access
from adapters.storage.error_codes import AZURE
from adapters.storage.keys import added
from adapters.storage.location import CONNECT_SECONDS, READ_SECONDS, Location, locate
from tunelet.errors import Reject, Retry
from tunelet.ports import Store, Stored

_OPTIONS: dict[str, Any] = {
    # A retry inside the SDK would meet its own committed write as a conflict.
    "retry_total": 0,
    "connection_timeout": CONNECT_SECONDS,
    "read_timeout": READ_SECONDS,
}
_EXISTS = (faults.ResourceExistsError, faults.ResourceModifiedError)
"""409 BlobAlreadyExists or 412 ConditionNotMet, depending on the service's version."""

_COPY_LOOK_SECONDS = 0.2


def open_url(url: str, access: Access = PROCESS) -> "AzureStore":
    return AzureStore(locate(url), access)


class AzureStore:
    """The objects in a container, or those with a prefix. An object's version is its ETag."""

    def __init__(self, location: Location, access: Access = PROCESS) -> None:
        self.url = location.url
        self._location = location
        with self._translated("read"):
            self._container = _container(location, access)
        self._sealed: dict[str, Any] = {}
        if location.encryption_key is not None:
            self._sealed = {"encryption_scope": location.encryption_key}

    def get(self, key: str) -> Stored | None:
        with self._translated("read"):
            try:
                found = self._container.download_blob(self._location.full(key))
                return Stored(found.readall(), found.properties.etag)
            except faults.ResourceNotFoundError as error:
                self._refuse_if_no_container(error)
                return None

    def part(self, key: str, start: int, size: int) -> bytes | None:
        name = self._location.full(key)
        with self._translated("read"):
            try:
                found = self._container.download_blob(name, offset=start, length=size)
                return bytes(found.readall())
            except faults.ResourceNotFoundError as error:
                self._refuse_if_no_container(error)
                return None
            except faults.HttpResponseError as error:
                if error.status_code == 416:
                    return b""
                raise

    def create(self, key: str, data: bytes) -> bool:
        return self._write(key, data, overwrite=False)

    def put(self, key: str, data: bytes) -> None:
        if not self._write(key, data, overwrite=True):
            raise self._location.retry("an unconditional write met a condition")

    def replace(self, key: str, data: bytes, version: str) -> bool:
        condition = MatchConditions.IfNotModified
        return self._write(key, data, overwrite=True, etag=version, match_condition=condition)

    def copy(self, key: str, to: str) -> bool:
        """Copy within the container, where a copy is immediate or soon done."""
        source = self._container.get_blob_client(self._location.full(key))
        target = self._container.get_blob_client(self._location.full(to))
        with self._translated("write"):
            try:
                state: Any = target.start_copy_from_url(source.url, **self._sealed)["copy_status"]
                while state == "pending":
                    time.sleep(_COPY_LOOK_SECONDS)
                    state = target.get_blob_properties().copy.status
            except faults.ResourceNotFoundError as error:
                self._refuse_if_no_container(error)
                return False
        if state != "success":
            raise self._location.retry(f"a copy ended as {state}")
        return True

    def delete(self, key: str) -> None:
        with self._translated("delete"):
            try:
                self._container.delete_blob(self._location.full(key))
            except faults.ResourceNotFoundError as error:
                self._refuse_if_no_container(error)

    def ready(self) -> None:
        self.get("v1/ready")

    def size(self, prefix: str, most: int) -> int:
        with self._translated("list"):
            found = self._container.list_blobs(name_starts_with=self._location.prefix + prefix)
            return added((blob.size for blob in found), most)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        if limit is not None and limit <= 0:
            return
        start = self._location.prefix
        page: dict[str, Any] = {"start_from": start + after} if after else {}
        if limit is not None:
            # `start_from` is inclusive, so one more may be needed.
            page["results_per_page"] = min(limit + 1, 5000)
        with self._translated("list"):
            names = self._container.list_blob_names(name_starts_with=start + prefix, **page)
            keys = (name[len(start) :] for name in names)
            yield from islice((key for key in keys if key != after), limit)

    def _write(self, key: str, data: bytes, **condition: Any) -> bool:
        with self._translated("write"):
            try:
                self._container.upload_blob(
                    self._location.full(key), data, **condition, **self._sealed
                )
            except _EXISTS as error:
                if _code(error).startswith(AZURE.passing):
                    raise
                return False
            except faults.ResourceNotFoundError as error:
                self._refuse_if_no_container(error)
                return False
        return True

    def _refuse_if_no_container(self, error: faults.ResourceNotFoundError) -> None:
        if _code(error) == "ContainerNotFound":
            raise error

    @contextmanager
    def _translated(self, right: str) -> Iterator[None]:
        """Turn the SDK's errors into Tunelet's."""
        try:
            yield
        except (
            faults.DecodeError,
            faults.ServiceRequestError,
            faults.ServiceResponseError,
        ) as error:
            fault = type(error).__name__
            raise self._location.unreachable(fault, self._container.url) from error
        except faults.HttpResponseError as error:
            raise self._answered(error, right) from error
        except faults.AzureError as error:
            raise self._location.retry(type(error).__name__) from error
        except ValueError as error:
            raise self._location.refuse(
                "the connection string or the container's name is malformed",
                "correct AZURE_STORAGE_CONNECTION_STRING or the name",
            ) from error

    def _answered(self, error: faults.HttpResponseError, right: str) -> Retry | Reject:
        headers = getattr(error.response, "headers", None)
        status = error.status_code or 0
        if not status:
            return AZURE.no_credentials(self._location, type(error).__name__)
        return AZURE.meaning(self._location, right, status, _code(error), headers)


def _container(location: Location, access: Access) -> ContainerClient:
    env = access.env
    connection = env.get("AZURE_STORAGE_CONNECTION_STRING")
    if connection and not access.identity:
        return ContainerClient.from_connection_string(connection, location.bucket, **_OPTIONS)
    account = env.get("AZURE_STORAGE_ACCOUNT")
    if not account:
        raise location.refuse(
            "the storage account is not known",
            "set AZURE_STORAGE_ACCOUNT or AZURE_STORAGE_CONNECTION_STRING",
        )
    endpoint = f"https://{account}.blob.core.windows.net"
    return ContainerClient(endpoint, location.bucket, credential=_credential(access), **_OPTIONS)


def _credential(access: Access) -> Any:
    if access.identity:
        return _acting_as(access.identity, access.env)
    own = access.env.get("AZURE_STORAGE_KEY") or access.env.get("AZURE_STORAGE_SAS_TOKEN")
    if own:
        return own
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _acting_as(client_id: str, env: Mapping[str, str]) -> Any:
    """Return the credential of another identity that trusts the pod's ServiceAccount, or that the
    machine has."""
    from azure.identity import ManagedIdentityCredential, WorkloadIdentityCredential

    if env.get("AZURE_FEDERATED_TOKEN_FILE"):
        return WorkloadIdentityCredential(client_id=client_id)
    return ManagedIdentityCredential(client_id=client_id)


def _code(error: faults.HttpResponseError) -> str:
    """Return the service's own error code; it is in a header if there is no body."""
    given = getattr(error, "error_code", None)
    return str(getattr(given, "value", given) or type(error).__name__)


if TYPE_CHECKING:
    _: type[Store] = AzureStore

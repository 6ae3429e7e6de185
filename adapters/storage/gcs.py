"""Objects in Google Cloud Storage, through google-cloud-storage.

Credentials and project come from Google's usual places: application default
credentials (GOOGLE_APPLICATION_CREDENTIALS, gcloud, workload identity, the metadata server).
STORAGE_EMULATOR_HOST names another endpoint.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import google.auth
import requests
from google.api_core import exceptions as answers
from google.auth import exceptions as auth
from google.auth import impersonated_credentials, load_credentials_from_dict
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from adapters.storage.access import KEY_FILE, PROCESS, Access
from adapters.storage.error_codes import GCS
from adapters.storage.keys import added
from adapters.storage.location import CONNECT_SECONDS, READ_SECONDS, Location, locate
from tunelet.errors import Reject, Retry
from tunelet.ports import Store, Stored

_ABSENT = 0
"""The generation of an object that does not exist."""

_SCOPES = ["https://www.googleapis.com/auth/devstorage.read_write"]

# A retry inside the SDK would meet its own committed write as a conflict.
_ONCE: dict[str, Any] = {"retry": None, "timeout": (CONNECT_SECONDS, READ_SECONDS)}


def open_url(url: str, access: Access = PROCESS) -> "GcsStore":
    return GcsStore(locate(url), access)


class GcsStore:
    """The objects in a bucket, or those with a prefix. An object's version is its generation.

    Google allows about one write a second to one object name and answers 429 to more.
    """

    def __init__(self, location: Location, access: Access = PROCESS) -> None:
        self.url = location.url
        self._location = location
        self._exists = False
        # For attributes of traces the SDK would ask for the bucket whenever an object is absent.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        with self._translated("read"):
            self._client: Any = _client(location, access)
        self._bucket = self._client.bucket(location.bucket)

    def get(self, key: str) -> Stored | None:
        with self._translated("read"):
            blob = self._blob(key)
            try:
                data = blob.download_as_bytes(**_ONCE)
            except answers.NotFound:
                self._refuse_if_no_bucket(key)
                return None
        return Stored(data, str(blob.generation))

    def part(self, key: str, start: int, size: int) -> bytes | None:
        with self._translated("read"):
            blob = self._blob(key)
            try:
                return bytes(blob.download_as_bytes(start=start, end=start + size - 1, **_ONCE))
            except answers.RequestRangeNotSatisfiable:
                return b""
            except answers.NotFound:
                self._refuse_if_no_bucket(key)
                return None

    def create(self, key: str, data: bytes) -> bool:
        return self._write(key, data, _ABSENT)

    def put(self, key: str, data: bytes) -> None:
        if not self._write(key, data, None):
            raise self._location.retry("an unconditional write met a condition")

    def replace(self, key: str, data: bytes, version: str) -> bool:
        return self._write(key, data, int(version))

    def copy(self, key: str, to: str) -> bool:
        source, target, token = self._blob(key), self._blob(to), None
        with self._translated("write"):
            try:
                while True:
                    token, _, _ = target.rewrite(source, token=token, **_ONCE)
                    if token is None:
                        return True
            except answers.NotFound:
                self._refuse_if_no_bucket(key)
                return False

    def delete(self, key: str) -> None:
        with self._translated("delete"):
            try:
                self._blob(key).delete(**_ONCE)
            except answers.NotFound:
                self._refuse_if_no_bucket(key)

    def ready(self) -> None:
        self.get("v1/ready")

    def size(self, prefix: str, most: int) -> int:
        with self._translated("list"):
            blobs = self._client.list_blobs(
                self._bucket,
                prefix=self._location.prefix + prefix,
                fields="items(name,size),nextPageToken",
                **_ONCE,
            )
            return added((blob.size for blob in blobs), most)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        if limit is not None and limit <= 0:
            return
        start = self._location.prefix
        with self._translated("list"):
            blobs = self._client.list_blobs(
                self._bucket,
                prefix=start + prefix,
                start_offset=start + after if after else None,
                # The offset is inclusive, so one more may be needed.
                max_results=None if limit is None else limit + 1,
                fields="items(name),nextPageToken",
                **_ONCE,
            )
            keys = (blob.name[len(start) :] for blob in blobs)
            yield from islice((key for key in keys if key != after), limit)

    def _write(self, key: str, data: bytes, generation: int | None) -> bool:
        with self._translated("write"):
            try:
                self._blob(key).upload_from_string(
                    data,
                    content_type="application/octet-stream",
                    if_generation_match=generation,
                    **_ONCE,
                )
            except answers.PreconditionFailed:
                return False
        return True

    def _blob(self, key: str) -> Any:
        name, seal = self._location.full(key), self._location.encryption_key
        return self._bucket.blob(name, kms_key_name=seal)

    def _refuse_if_no_bucket(self, key: str) -> None:
        """Raise if the bucket is absent: it has the same status as an absent object. Look once.

        A policy may allow lists only where it allows the key.
        """
        if not self._exists:
            below: dict[str, Any] = {"prefix": self._location.full(key), "max_results": 1}
            next(iter(self._client.list_blobs(self._bucket, **below, **_ONCE)), None)
            self._exists = True

    @contextmanager
    def _translated(self, right: str) -> Iterator[None]:
        """Turn the SDK's errors into Tunelet's."""
        try:
            yield
        except (answers.GoogleAPICallError, InvalidResponse) as error:
            raise self._answered(error, right) from error
        except auth.GoogleAuthError as error:
            raise self._unsigned(error) from error
        except (
            requests.RequestException,
            answers.GoogleAPIError,
            DataCorruption,
            ConnectionError,
        ) as error:
            raise self._unreachable(error) from error
        except OSError as error:
            raise self._location.refuse(
                f"no project is known ({type(error).__name__})", "set GOOGLE_CLOUD_PROJECT"
            ) from error

    def _answered(self, error: Any, right: str) -> Retry | Reject:
        status = int(getattr(error, "code", None) or error.response.status_code)
        code = {404: GCS.no_bucket, 409: "Conflict"}.get(status, "")
        headers = getattr(error.response, "headers", None)
        return GCS.meaning(self._location, right, status, code, headers)

    def _unreachable(self, error: Exception) -> Retry:
        fault, request = type(error).__name__, getattr(error, "request", None)
        if request is None:
            return self._location.retry(fault)
        return self._location.unreachable(fault, str(request.url))

    def _unsigned(self, error: auth.GoogleAuthError) -> Retry | Reject:
        if error.retryable or isinstance(error, auth.TransportError | auth.TimeoutError):
            return self._location.retry(type(error).__name__)
        if isinstance(error, auth.RefreshError):
            return self._location.refuse(
                "the Google credentials have expired or were withdrawn", f"renew them: {GCS.renew}"
            )
        return GCS.no_credentials(self._location, type(error).__name__)


def _client(location: Location, access: Access) -> Any:
    credentials, project = None, None
    if access.given:
        try:
            credentials, project = load_credentials_from_dict(  # type: ignore[no-untyped-call]
                json.loads(access.env[KEY_FILE]), scopes=_SCOPES
            )
        except (ValueError, auth.DefaultCredentialsError) as error:
            raise location.refuse(
                f"{KEY_FILE} is no file of Google credentials ({type(error).__name__})",
                "put the key or federation file of a service account there",
            ) from None
    if access.identity:
        if credentials is None:
            credentials, project = google.auth.default(scopes=_SCOPES)
        credentials = impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
            credentials, access.identity, _SCOPES
        )
    return storage.Client(project, credentials)


if TYPE_CHECKING:
    _: type[Store] = GcsStore

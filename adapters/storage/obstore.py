"""Objects in S3, Azure and Google Cloud Storage through obstore, which is object_store in Rust.

It reads the environment variables of workload identity, pod identity and plain keys, but neither
profiles nor the files of a sign-in: `unserved` reports that before it is tried. Errors
come as text, from which status and code are parsed; the text lacks Retry-After.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import obstore
from obstore import exceptions as faults
from obstore.store import AzureStore, GCSStore, S3Store

from adapters.storage.access import PROCESS, Access
from adapters.storage.environment import azure_settings, unserved
from adapters.storage.error_codes import AZURE, GCS, S3
from adapters.storage.keys import added
from adapters.storage.location import CONNECT_SECONDS, READ_SECONDS, Location, locate
from tunelet.errors import Reject, Retry
from tunelet.ports import Store, Stored

_DIALECTS = {"s3": S3, "az": AZURE, "gs": GCS}
_WHOLE_SECONDS = 30.0
"""The limit of a whole request with its body; the other limits apply to the next bytes."""
_ONCE: dict[str, Any] = {
    # A retry inside the library would meet its own committed write as a conflict.
    "retry_config": {"max_retries": 0, "retry_timeout": timedelta(seconds=READ_SECONDS)},
}
_PAGE = 1000
_STATUS = re.compile(r"(?:non-2xx status code: |\(code: )(\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_ASKED = re.compile(r"Error performing [A-Z]+ (https?://\S+)")
_TRANSPORT = re.compile(r"kind: (\w+)")
_WRONG_REGION = "incorrectly configured region"
_RAISED = (faults.BaseError, FileNotFoundError, ValueError)
"""The errors that obstore raises; an absent object is a FileNotFoundError."""
_CONDITION_FAILED = (faults.AlreadyExistsError, faults.PreconditionError, FileNotFoundError)
"""A condition did not hold. A 409 that only asks for another try is one of these, too."""


def open_url(url: str, access: Access = PROCESS) -> "ObstoreStore":
    return ObstoreStore(urlsplit(url).scheme, locate(url), access)


class ObstoreStore:
    """The objects in a bucket, or those with a prefix. Versions are the cloud adapter's."""

    def __init__(self, scheme: str, location: Location, access: Access = PROCESS) -> None:
        if why := unserved(scheme, location, access):
            raise location.refuse(f"obstore cannot serve this: {why}", "choose another client")
        self.url = location.url
        self._location, self._dialect = location, _DIALECTS[scheme]
        with self._translated("read"):
            self._bucket: Any = _opened(scheme, location, access)

    def get(self, key: str) -> Stored | None:
        name = self._location.full(key)
        with self._translated("read"):
            try:
                found = obstore.get(self._bucket, name)
                return Stored(bytes(found.bytes()), _version(found.meta))
            except FileNotFoundError as error:
                self._refuse_if_no_bucket(error)
                return None

    def part(self, key: str, start: int, size: int) -> bytes | None:
        """Ask for the size first, because stores answer differently beyond the end."""
        name = self._location.full(key)
        with self._translated("read"):
            try:
                end = min(start + size, int(obstore.head(self._bucket, name)["size"]))
                if end <= start:
                    return b""
                return bytes(obstore.get_range(self._bucket, name, start=start, end=end))
            except FileNotFoundError as error:
                self._refuse_if_no_bucket(error)
                return None

    def create(self, key: str, data: bytes) -> bool:
        return self._write(key, data, "create")

    def put(self, key: str, data: bytes) -> None:
        if not self._write(key, data, "overwrite"):
            raise self._location.retry("an unconditional write met a condition")

    def replace(self, key: str, data: bytes, version: str) -> bool:
        token = "version" if self._dialect is GCS else "e_tag"
        return self._write(key, data, {token: version})

    def copy(self, key: str, to: str) -> bool:
        source, target = self._location.full(key), self._location.full(to)
        with self._translated("write"):
            try:
                obstore.copy(self._bucket, source, target)
            except FileNotFoundError as error:
                self._refuse_if_no_bucket(error)
                return False
        return True

    def delete(self, key: str) -> None:
        name = self._location.full(key)
        with self._translated("delete"):
            try:
                obstore.delete(self._bucket, name)
            except FileNotFoundError as error:
                self._refuse_if_no_bucket(error)

    def ready(self) -> None:
        self.get("v1/ready")

    def size(self, prefix: str, most: int) -> int:
        with self._translated("list"):
            found = self._found(self._location.prefix + prefix, "")
            return added((int(each["size"]) for each in found), most)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        if limit is not None and limit <= 0:
            return
        start = self._location.prefix
        with self._translated("list"):
            names = self._names(start + prefix, after)
            yield from (name[len(start) :] for name in islice(names, limit))

    def _names(self, prefix: str, after: str) -> Iterator[str]:
        return (str(each["path"]) for each in self._found(prefix, after))

    def _found(self, prefix: str, after: str) -> Iterator[Any]:
        """Yield objects with the prefix. obstore lists folders only; the rest is filtered here."""
        folder = prefix.rpartition("/")[0]
        last = self._location.prefix + after if after else None
        for page in obstore.list(self._bucket, folder or None, offset=last, chunk_size=_PAGE):
            for each in page:
                name = str(each["path"])
                if name.startswith(prefix) and (last is None or name.encode() > last.encode()):
                    yield each

    def _write(self, key: str, data: bytes, mode: Any) -> bool:
        name = self._location.full(key)
        with self._translated("write"):
            try:
                obstore.put(self._bucket, name, data, mode=mode, use_multipart=False)
            except _CONDITION_FAILED as error:
                if _code(error).startswith(self._dialect.passing):
                    raise
                self._refuse_if_no_bucket(error)
                return False
        return True

    def _refuse_if_no_bucket(self, error: Exception) -> None:
        """Raise if the bucket is absent. Azure's batch deletes report that only in the text."""
        text = str(error)
        if _code(error) == self._dialect.no_bucket or f"specified {self._dialect.bucket}" in text:
            raise self._dialect.meaning(self._location, "read", 404, self._dialect.no_bucket)

    @contextmanager
    def _translated(self, right: str) -> Iterator[None]:
        """Turn the library's errors into Tunelet's."""
        try:
            yield
        except _RAISED as error:
            raise self._answered(error, right) from error

    def _answered(self, error: Exception, right: str) -> Retry | Reject:
        text, location = str(error), self._location
        status, asked = _STATUS.search(text), _ASKED.search(text)
        if status is not None and asked is not None and location.bucket not in asked[1]:
            # The error is not the store's, but that of a credential provider.
            if int(status[1]) < 500:
                return self._dialect.no_credentials(location, status[1])
            return location.retry(f"no credential yet, {status[1]}")
        if status is not None:
            return self._dialect.meaning(location, right, int(status[1]), _code(error))
        if _WRONG_REGION in text:
            return self._dialect.meaning(location, right, 301, "PermanentRedirect")
        if "Missing" in text or isinstance(error, ValueError):
            return self._dialect.no_credentials(location, type(error).__name__)
        transport = _TRANSPORT.search(text)
        fault = transport[1] if transport else type(error).__name__
        return location.unreachable(fault, asked[1]) if asked else location.retry(fault)


def _opened(scheme: str, location: Location, access: Access) -> Any:
    if scheme == "s3":
        return S3Store(
            location.bucket,
            client_options=_client_options(_aws_endpoint(access.env)),
            config=_s3(location, access),
            credential_provider=_keys(access.env) if access.given else None,
            **_ONCE,
        )
    if scheme == "az":
        settings: Any = azure_settings(access.env)
        options = _client_options(settings.get("endpoint", ""))
        return AzureStore(location.bucket, client_options=options, config=settings, **_ONCE)
    return GCSStore(location.bucket, client_options=_client_options(), **_ONCE)


def _keys(env: Mapping[str, str]) -> Any:
    """Return what gives the keys in `env`, and none of those in the process's environment."""
    keys = {
        "access_key_id": env["AWS_ACCESS_KEY_ID"],
        "secret_access_key": env["AWS_SECRET_ACCESS_KEY"],
        "token": env.get("AWS_SESSION_TOKEN"),
        "expires_at": None,
    }
    return lambda: keys


def _aws_endpoint(env: Mapping[str, str]) -> str:
    return env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL", "")


def _s3(location: Location, access: Access) -> Any:
    # Deletes one by one: look-alikes differ in what they answer to a batch.
    config: dict[str, Any] = {"disable_bulk_delete": True}
    if location.encryption_key is not None:
        config |= {"server_side_encryption": "aws:kms", "sse_kms_key_id": location.encryption_key}
    if access.given:
        region = access.env.get("AWS_REGION") or access.env.get("AWS_DEFAULT_REGION")
        endpoint = _aws_endpoint(access.env)
        config |= {"region": region} | ({"endpoint": endpoint} if endpoint else {})
    if access.identity:
        # The pod's own token is exchanged for the tenant's role.
        config["role_arn"] = access.identity
    return config


def _client_options(endpoint: str = "") -> Any:
    """Time-outs, and plain HTTP if the endpoint's address asks for it, as with the SDKs."""
    return {
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=READ_SECONDS),
        "timeout": timedelta(seconds=_WHOLE_SECONDS),
        "allow_http": endpoint.startswith("http://"),
    }


def _version(meta: Any) -> str:
    return str(meta["version"] or meta["e_tag"])


def _code(error: Exception) -> str:
    found = _CODE.search(str(error))
    return found[1] if found else ""


if TYPE_CHECKING:
    _: type[Store] = ObstoreStore

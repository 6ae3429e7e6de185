"""Objects in S3, or in a store with its protocol, through boto3.

Credentials, region, profile and endpoint come from boto3's usual places: the
environment (AWS_ENDPOINT_URL_S3 for MinIO, Ceph or R2), profiles, workload and pod identity.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore import exceptions as faults
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.parsers import ResponseParserError
from botocore.session import get_session

from adapters.storage.access import PROCESS, Access
from adapters.storage.error_codes import S3
from adapters.storage.keys import added
from adapters.storage.location import CONNECT_SECONDS, READ_SECONDS, Location, locate
from tunelet.errors import Reject, Retry
from tunelet.ports import Store, Stored

_SIGN_IN = (
    faults.NoCredentialsError,
    faults.PartialCredentialsError,
    faults.CredentialRetrievalError,
    faults.NoAuthTokenError,
    faults.TokenRetrievalError,
    faults.SSOError,
    faults.ProfileNotFound,
)
_BROKEN = (
    faults.ConnectionError,
    faults.HTTPClientError,
    faults.IncompleteReadError,
    faults.ChecksumError,
    ResponseParserError,
)


def open_url(url: str, access: Access = PROCESS) -> "S3Store":
    return S3Store(locate(url), access)


class S3Store:
    """The objects in a bucket, or those with a prefix. An object's version is its ETag."""

    def __init__(self, location: Location, access: Access = PROCESS) -> None:
        if location.bucket.endswith("--x-s3"):
            raise location.refuse(
                "a directory bucket (S3 Express) does not list in order", "use a general bucket"
            )
        self.url = location.url
        self._location = location
        self._sealed: dict[str, str] = {}
        if location.encryption_key is not None:
            key = location.encryption_key
            self._sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        with self._translated("read"):
            self._client: Any = _client(access)

    def get(self, key: str) -> Stored | None:
        with self._translated("read"):
            try:
                found = self._client.get_object(**self._at(key))
                return Stored(found["Body"].read(), found["ETag"])
            except faults.ClientError as error:
                if _code(error) == "NoSuchKey":
                    return None
                raise

    def part(self, key: str, start: int, size: int) -> bytes | None:
        wanted = f"bytes={start}-{start + size - 1}"
        with self._translated("read"):
            try:
                return bytes(self._client.get_object(**self._at(key), Range=wanted)["Body"].read())
            except faults.ClientError as error:
                if _code(error) == "NoSuchKey":
                    return None
                if _code(error) in ("InvalidRange", "416"):
                    return b""
                raise

    def create(self, key: str, data: bytes) -> bool:
        return self._write(key, data, IfNoneMatch="*")

    def put(self, key: str, data: bytes) -> None:
        if not self._write(key, data):
            raise self._location.retry("an unconditional write met a condition")

    def replace(self, key: str, data: bytes, version: str) -> bool:
        return self._write(key, data, IfMatch=version)

    def copy(self, key: str, to: str) -> bool:
        """Copy, in parts if the object is larger than one request may copy (5 GiB)."""
        with self._translated("write"):
            try:
                self._client.copy(
                    self._at(key),
                    **self._at(to),
                    ExtraArgs=self._sealed,
                    Config=TransferConfig(use_threads=False),
                )
            except faults.ClientError as error:
                if _code(error) in ("NoSuchKey", "404"):
                    return False
                raise
        return True

    def delete(self, key: str) -> None:
        with self._translated("delete"):
            self._client.delete_object(**self._at(key))

    def ready(self) -> None:
        self.get("v1/ready")

    def size(self, prefix: str, most: int) -> int:
        return added((found["Size"] for page in self._pages(prefix) for found in page), most)

    def _pages(self, prefix: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        query = {"Bucket": self._location.bucket, "Prefix": self._location.prefix + prefix}
        while True:
            with self._translated("list"):
                page = self._client.list_objects_v2(**query)
            yield page.get("Contents", ())
            if not page["IsTruncated"]:
                return
            query["ContinuationToken"] = page["NextContinuationToken"]

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        start, own = self._location.prefix, len(self._location.prefix)
        query = {"Bucket": self._location.bucket, "Prefix": start + prefix}
        if after:
            query["StartAfter"] = start + after
        while limit is None or limit > 0:
            with self._translated("list"):
                page = self._client.list_objects_v2(MaxKeys=min(limit or 1000, 1000), **query)
            keys = [found["Key"][own:] for found in page.get("Contents", ())]
            yield from keys
            if not page["IsTruncated"]:
                return
            query["ContinuationToken"] = page["NextContinuationToken"]
            limit = None if limit is None else limit - len(keys)

    def _write(self, key: str, data: bytes, **condition: str) -> bool:
        with self._translated("write"):
            try:
                self._client.put_object(**self._at(key), Body=data, **condition, **self._sealed)
            except faults.ClientError as error:
                if condition and _code(error) in ("PreconditionFailed", "NoSuchKey"):
                    return False
                raise
        return True

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._location.bucket, "Key": self._location.full(key)}

    @contextmanager
    def _translated(self, right: str) -> Iterator[None]:
        """Turn the SDK's errors into Tunelet's."""
        try:
            yield
        except faults.ClientError as error:
            raise self._answered(error, right) from error
        except _BROKEN as error:
            raise self._unreachable(error) from error
        except _SIGN_IN as error:
            raise S3.no_credentials(self._location, type(error).__name__) from error
        except faults.NoRegionError as error:
            raise self._location.refuse("the region is not known", "set AWS_REGION") from error
        except (faults.BotoCoreError, ValueError) as error:
            raise self._location.refuse(
                f"boto3 refused to send the request ({type(error).__name__})",
                "check the bucket's name and the AWS_ variables",
            ) from error

    def _unreachable(self, error: Exception) -> Retry:
        fault, asked = type(error).__name__, getattr(error, "kwargs", {}).get("endpoint_url")
        return self._location.unreachable(fault, asked) if asked else self._location.retry(fault)

    def _answered(self, error: faults.ClientError, right: str) -> Retry | Reject:
        if error.operation_name == "AssumeRole" and _code(error) == "AccessDenied":
            return self._location.refuse(
                "the tenant's role may not be assumed",
                "allow sts:AssumeRole to the service, and let the role trust it",
            )
        answer = error.response.get("ResponseMetadata", {})
        status = int(answer.get("HTTPStatusCode", 0))
        return S3.meaning(self._location, right, status, _code(error), answer.get("HTTPHeaders"))


def _client(access: Access) -> Any:
    # The default session would keep the first credentials that it found.
    session, endpoint = boto3.Session(), None
    if access.given:
        env = access.env
        endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL")
        session = boto3.Session(
            env.get("AWS_ACCESS_KEY_ID"),
            env.get("AWS_SECRET_ACCESS_KEY"),
            env.get("AWS_SESSION_TOKEN"),
            region_name=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION"),
        )
    if access.identity:
        session = _assumed(session, access.identity)
    return session.client("s3", endpoint_url=endpoint, config=_config())


def _assumed(source: boto3.Session, role: str) -> boto3.Session:
    """Return a session with the role's credentials, which are renewed before they expire."""
    fetcher = AssumeRoleCredentialFetcher(
        lambda service, **options: source.client(service, region_name=source.region_name),
        source.get_credentials(),
        role,
        extra_args={"RoleSessionName": "tunelet"},
    )
    renewed = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    core = get_session()
    core.register_component("credential_provider", _Fixed(renewed))
    return boto3.Session(botocore_session=core, region_name=source.region_name)


class _Fixed:
    """A resolver of botocore that looks nowhere."""

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Any:
        return self._credentials


def _config() -> Config:
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        # A retry inside the SDK would meet its own committed write as a conflict.
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=64,
        # The log has checksums of its own, and S3 look-alikes refuse those that boto3 would add.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        tcp_keepalive=True,
    )


def _code(error: faults.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


if TYPE_CHECKING:
    _: type[Store] = S3Store

"""The common part of the clouds' stores: URLs, keys, time-outs and refusals.

A URL is `scheme://bucket/prefix?encryption_key=NAME&client=NAME`. It never contains a
credential: each cloud's own tools define where credentials come from.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from adapters.storage.keys import checked
from tunelet.errors import FieldError, Reject, Retry, Throttled

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
"""Less than a commit's deadline, so that a hanging connection leaves time to read again."""

SETTING = "TUNELET_STORE"
ENDPOINTS = {
    "s3": "AWS_ENDPOINT_URL_S3",
    "gs": "STORAGE_EMULATOR_HOST",
    "az": "AZURE_STORAGE_CONNECTION_STRING",
}
"""For each scheme the variable that may name another server."""
OPTIONS = ("client", "encryption_key")


class Location(NamedTuple):
    """A bucket (on Azure: a container), and the prefix of the store's keys in it."""

    url: str
    """Without options, so that a key can be appended."""
    bucket: str
    prefix: str
    """Empty, or ends with a slash."""
    encryption_key: str | None
    """The cloud's name of the key that encrypts the objects; None: its default."""
    client: str | None = None
    """The client library to use; None: the best one."""

    def full(self, key: str) -> str:
        """Return the object's name in the bucket. Raises `Reject` if `key` is invalid."""
        return self.prefix + checked(key)

    def refuse(self, message: str, remedy: str) -> Reject:
        """Make an error of one line: the store, the fault and the remedy."""
        problem = FieldError(SETTING, self.url, message, remedy)
        return Reject(f"{self.url}: {message}; {remedy}", [problem])

    def retry(self, fault: object, headers: Mapping[str, str] | None = None) -> Retry:
        """Make an error for a transient fault. `fault` describes it without any secret."""
        return Retry(f"{self.url} could not be reached: {fault}", _asked(headers))

    def unreachable(self, fault: object, address: str) -> Retry:
        """Make an error for a server that does not answer. Shows scheme and host of `address`."""
        parts = urlsplit(address)
        server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "?"
        variable = ENDPOINTS[urlsplit(self.url).scheme]
        remedy = f"check the network, and {variable} if it is set"
        return self.retry(f"{fault} at {server}; {remedy}")

    def throttled(self, fault: object, headers: Mapping[str, str] | None = None) -> Throttled:
        return Throttled(f"{self.url} asks for fewer requests: {fault}", _asked(headers))


def locate(url: str) -> Location:
    """Parse a URL. Raises `Reject` if it has no bucket, unknown options or a credential."""
    parts = urlsplit(url)
    bucket, prefix = parts.netloc, unquote(parts.path).strip("/")
    shown = f"{parts.scheme}://{bucket.rpartition('@')[2]}/{prefix}".rstrip("/")
    location = Location(shown, bucket, f"{prefix}/" if prefix else "", None)
    if "@" in bucket or ":" in bucket:
        raise location.refuse(
            "the URL holds more than a bucket's name",
            "write scheme://bucket/prefix; credentials and endpoint come from the environment",
        )
    if not bucket:
        raise location.refuse("the URL names no bucket", f"write {parts.scheme}://bucket/prefix")
    if prefix:
        checked(prefix)
    return location._replace(**_options(location, parts.query))


def _options(location: Location, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(options.keys() - OPTIONS):
        remedy = f"the options are {' and '.join(OPTIONS)}"
        raise location.refuse(f"unknown options: {', '.join(unknown)}", remedy)
    if empty := sorted(name for name, value in options.items() if not value):
        raise location.refuse(f"{empty[0]} is empty", "give it a value, or leave the option out")
    return options


def _asked(headers: Mapping[str, str] | None) -> float | None:
    """Return the seconds that a Retry-After header asks for. Its name is in any case."""
    given = (headers or {}).items()
    return seconds(next((value for name, value in given if name.lower() == "retry-after"), None))


def seconds(retry_after: str | None) -> float | None:
    """Return the seconds that a Retry-After value asks for, in either form (RFC 9110, 10.2.3)."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds())

"""A client of the Kubernetes API for the launcher: JSON in, JSON out, Tunelet's errors.

No request that may have succeeded is sent twice: the caller of a `Retry` decides. Every request
has a connect time-out and a read time-out.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from adapters.launchers.kubernetes.access import Access
from tunelet.errors import Forbidden, NotFound, Reject, Retry, TuneletError

TIMEOUT = urllib3.Timeout(connect=5.0, read=30.0)
PAGE = 500
_CHUNK = 1 << 16
_CONNECTIONS = 16

Object = dict[str, Any]


class KubernetesApi:
    """Threads may share one. Every method may raise `Retry` and `Reject`."""

    def __init__(self, access: Access) -> None:
        self._access = access
        kwargs: dict[str, Any] = {
            "maxsize": _CONNECTIONS,
            "timeout": TIMEOUT,
            "retries": False,
            "cert_file": access.cert_file,
            "key_file": access.key_file,
            "ca_certs": access.ca_file,
            "cert_reqs": "CERT_REQUIRED" if access.verified else "CERT_NONE",
        }
        self._pool: urllib3.PoolManager = (
            urllib3.ProxyManager(access.proxy, **kwargs)
            if access.proxy
            else urllib3.PoolManager(**kwargs)
        )

    def get(self, path: str) -> Object | None:
        """Return the object; None if there is none."""
        try:
            return self._json("GET", path)
        except NotFound:
            return None

    def list(self, path: str, **query: str) -> Iterator[Object]:
        """Yield all objects at `path`, fetched page by page; none if the kind is unknown."""
        continued: str | None = ""
        while continued is not None:
            page = {**query, "limit": PAGE, **({"continue": continued} if continued else {})}
            found = self.get(f"{path}?{urlencode(page)}") or {}
            yield from found.get("items") or ()
            continued = (found.get("metadata") or {}).get("continue") or None

    def create(self, path: str, thing: Object, **query: str) -> Object | None:
        """Create the object and return it; None if one with its name exists."""
        where = f"{path}?{urlencode(query)}" if query else path
        try:
            return self._json("POST", where, thing)
        except _Exists:
            return None

    def patch(self, path: str, change: Object) -> None:
        """Merge the change into the object, if it still exists."""
        with suppress(NotFound):
            self._json("PATCH", path, change, "application/merge-patch+json")

    def replace(self, path: str, change: Object) -> Object | None:
        """Merge the change into the object; None if it is not of the `resourceVersion` in it.

        Raises `NotFound` if there is no object.
        """
        try:
            return self._json("PATCH", path, change, "application/merge-patch+json")
        except _Exists:
            return None

    def delete(self, path: str, propagation: str) -> None:
        """Begin to delete the object, if it exists."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        # A conflict means that it changed just now; the next look finds it again.
        with suppress(NotFound, _Exists):
            self._json("DELETE", path, options)

    def stream(self, path: str, **query: str) -> Iterator[bytes]:
        """Yield the text as it comes. Raises `NotFound` at once if there is none."""
        answer = self._send("GET", f"{path}?{urlencode(query)}", None, "")
        return self._chunks(answer)

    def _chunks(self, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            yield from answer.stream(_CHUNK)
        except HTTPError as error:
            raise Retry(f"the Kubernetes API broke off: {error}") from error
        finally:
            answer.close()

    def _json(
        self, method: str, path: str, body: Object | None = None, kind: str = "application/json"
    ) -> Object:
        answer = self._send(method, path, body, kind)
        try:
            found: Object = json.loads(answer.read())
        except (HTTPError, ValueError) as error:
            raise Retry(f"the Kubernetes API broke off: {error}") from error
        finally:
            answer.release_conn()
        return found

    def _send(
        self, method: str, path: str, body: Object | None, kind: str
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._sent(method, path, body, kind)
        except Forbidden as refusal:
            self._knows_roles(refusal)
        return self._sent(method, path, body, kind)

    def _knows_roles(self, refusal: Forbidden) -> None:
        """Raise `Retry` if the server is not ready: until then it refuses every request."""
        try:
            self._sent("GET", "/readyz", None, "").close()
        except TuneletError as early:
            raise Retry(f"the Kubernetes API is not ready: {refusal}") from early

    def _sent(
        self, method: str, path: str, body: Object | None, kind: str
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Content-Type": kind} if body is not None else {}
        try:
            if authorization := self._access.authorization():
                headers["Authorization"] = authorization
            answer = self._pool.request(
                method,
                self._access.host + path,
                body=None if body is None else json.dumps(body),
                headers=headers,
                preload_content=False,
                redirect=False,
            )
            if answer.status < 300:
                return answer
            raise _fault(answer.status, answer.read(), answer.headers)
        except (HTTPError, OSError) as error:
            raise Retry(f"the Kubernetes API does not answer: {error}") from error


class _Exists(Reject):
    """409: an object with this name exists, or it changed meanwhile."""


def _fault(status: int, raw: bytes, headers: Mapping[str, str]) -> Exception:
    """Return the error to raise for an answer that is not a success."""
    message = _message(raw) or f"the Kubernetes API answered {status}"
    # The API answers 403 for an exceeded quota too, but there may be room later.
    if status in (401, 408, 410, 429) or status >= 500 or "exceeded quota" in message:
        after = headers.get("Retry-After", "")
        return Retry(message, float(after) if after.isdecimal() else None)
    if status == 403:
        remedy = "the service account of Tunelet needs a Role that allows it (infra/)"
        return Forbidden(f"the cluster does not allow it: {message}; {remedy}")
    if status == 404:
        return NotFound(message)
    if status == 409:
        return _Exists(message)
    return Reject(f"the cluster refuses it: {message}")


def _message(raw: bytes) -> str:
    try:
        found = json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")[:500]
    return str(found.get("message", "")) if isinstance(found, dict) else ""

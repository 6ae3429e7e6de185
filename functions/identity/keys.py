"""The public keys of an issuer (JWKS), fetched when they are needed and kept for some minutes.

An issuer that does not answer is no reason to refuse a token, nor to accept one: without its keys
the call is answered 503. Keys that were fetched before remain valid for an hour meanwhile.
"""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunelet.errors import Retry

if TYPE_CHECKING:
    import urllib3
    from jwt import PyJWK

KEPT = 600.0
"""Seconds after which keys are fetched again."""
STALE = 3600.0
"""Seconds for which keys serve while the issuer does not answer."""
PAUSE = 10.0
"""The least seconds between two requests, whatever key identifiers callers make up."""
CONNECT, READ = 2.0, 3.0
MOST_BYTES = 1 << 20


class Keys:
    """The keys of one issuer. Threads may share one; one of them fetches for all."""

    def __init__(
        self,
        issuer: str,
        jwks_url: str | None = None,
        ca_file: str | None = None,
        token_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without `jwks_url` the issuer's discovery document names it.

        `ca_file` has the certificates to trust; `token_file` the bearer token to send.
        """
        self._issuer, self._jwks_url = issuer, jwks_url
        self._ca_file, self._token_file = ca_file, token_file
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, PyJWK] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._answered = False
        """Whether the last request for the keys was answered."""

    def find(self, kid: str | None) -> "PyJWK | None":
        """Return the key; None if the issuer has no such key. Without `kid`, its only key.

        Raises `Retry` if the issuer does not answer and its keys are not known.
        """
        found = self._known(kid)
        # A caller with a known key does not wait for another one's request.
        if self._due(found is None) and self._lock.acquire(blocking=found is None):
            try:
                if self._due(self._known(kid) is None):
                    self._refresh()
            finally:
                self._lock.release()
            found = self._known(kid)
        if found is None and not self._answered:
            raise Retry(f"the keys of {self._issuer} cannot be fetched now", PAUSE)
        return found

    def _known(self, kid: str | None) -> "PyJWK | None":
        if self._age() >= STALE:
            return None
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._clock() - self._fetched

    def _due(self, unknown: bool) -> bool:
        if self._tried is not None and self._clock() - self._tried < PAUSE:
            return False
        return unknown or self._age() >= KEPT

    def _refresh(self) -> None:
        """Fetch the keys. A failure leaves those that are known."""
        import logging

        try:
            self._keys = _usable(self._document(self._jwks_url or self._discovered()))
            self._fetched, self._answered = self._clock(), True
        except (OSError, ValueError) as fault:
            self._answered = False
            logging.getLogger("tunelet.identity").warning(
                "the keys of %s cannot be fetched: %s", self._issuer, fault
            )
        self._tried = self._clock()

    def _discovered(self) -> str:
        found = self._document(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        url = found.get("jwks_uri")
        if found.get("issuer") != self._issuer or not isinstance(url, str):
            raise ValueError("the discovery document is of another issuer, or names no keys")
        if url.partition(":")[0] != self._issuer.partition(":")[0]:
            raise ValueError(f"the discovery document names keys at {url}, by another scheme")
        return url

    def _document(self, url: str) -> dict[str, Any]:
        from urllib3.exceptions import HTTPError

        try:
            with self._pool() as pool:
                answer = pool.request(
                    "GET", url, headers=self._headers(), redirect=False, preload_content=False
                )
                body = answer.read(MOST_BYTES, decode_content=True)
        except HTTPError as fault:
            raise OSError(f"{url}: {fault}") from fault
        if answer.status != 200:
            raise OSError(f"{url} answers {answer.status}")
        found = json.loads(body)
        if not isinstance(found, dict):
            raise ValueError(f"{url} is not a JSON object")
        return found

    def _pool(self) -> "urllib3.PoolManager":
        import urllib3

        limits = urllib3.Timeout(connect=CONNECT, read=READ)
        return urllib3.PoolManager(timeout=limits, retries=False, ca_certs=self._ca_file)

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        return {"Authorization": f"Bearer {Path(self._token_file).read_text().strip()}"}


def _usable(document: dict[str, Any]) -> "dict[str, PyJWK]":
    """Return the keys for signatures, by identifier. Skips shared secrets and unknown kinds."""
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    listed, found = document.get("keys"), dict[str, PyJWK]()
    if not isinstance(listed, list):
        raise ValueError("the document has no keys")
    for each in listed:
        if not isinstance(each, dict) or each.get("kty") == "oct" or each.get("use") == "enc":
            continue
        try:
            found[str(each.get("kid", ""))] = PyJWK(each)
        except (PyJWTError, ValueError):
            continue  # of a kind that this version does not know
    return found

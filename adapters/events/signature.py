"""The signature of an event: only Tunelet's own functions can make it.

It is an extension attribute, which brokers keep: an HMAC-SHA-256 over the attributes that name the
event, and over its data. The key is derived from TUNELET_SECRET, and is not that of the trials'
tokens.
"""

import hmac
import json
import os
from collections.abc import Mapping
from hashlib import sha256

ATTRIBUTE = "ce-tuneletsignature"
_SIGNED = ("ce-id", "ce-source", "ce-type", "ce-subject")
"""Not the time: brokers write it in a form of their own."""


class Signature:
    """Signs events and recognizes signed ones. Both as HTTP messages in binary mode."""

    def __init__(self, secret: bytes | None = None) -> None:
        """Without a secret it recognizes only what it has signed itself."""
        given = os.urandom(32) if secret is None else secret
        self._key = hmac.digest(given, b"tunelet event", "sha256")

    def signed(self, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """Return the headers with the signature; their names are in lower case."""
        return {**headers, ATTRIBUTE: self._of(headers, body)}

    def is_on(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the event is one of ours, unchanged. The names of `headers` are in lower case."""
        given = headers.get(ATTRIBUTE, "").encode(errors="replace")
        return hmac.compare_digest(given, self._of(headers, body).encode())

    def _of(self, headers: Mapping[str, str], body: bytes) -> str:
        event = [headers.get(name) for name in _SIGNED]
        text = json.dumps([*event, sha256(body).hexdigest()]).encode()
        return hmac.digest(self._key, text, "sha256").hex()

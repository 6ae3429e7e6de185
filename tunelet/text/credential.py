"""Static tokens of a service: 32 random bytes, of which the service keeps a SHA-256 only.

They are random, so a plain hash cannot be reversed by guessing.
"""

import secrets
from hashlib import sha256

PREFIX = "tunelet_"


def generated() -> str:
    """Return a new token."""
    return PREFIX + secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    """Return the SHA-256 of a token, in hex, as it is configured."""
    return sha256(token.encode(errors="surrogateescape")).hexdigest()

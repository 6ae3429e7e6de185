"""The lease of a worker on an attempt, as the log records it in the attempt's `by`. Pure.

    lease/{seconds}/{hash}

The hash is of the request that took the attempt, so that the same request finds its trials again.
An installation's id never begins like that.
"""

from hashlib import sha256

SHORTEST, USUAL, LONGEST = 5.0, 60.0, 86400.0
"""The seconds that a worker may ask for; `USUAL` is the default everywhere."""

MOST = 1000
"""The most trials that one request takes: as many as can run at a time."""

MOST_OUTPUT = 1 << 18
"""The most characters of output that a worker sends."""

_PREFIX = "lease/"


def leased_by(seconds: float, key: str) -> str:
    """Return the `by` of the attempts that the request `key` takes, for `seconds` at a time."""
    return f"{_PREFIX}{seconds:g}/{sha256(key.encode()).hexdigest()[:16]}"


def lease_seconds(by: str) -> float | None:
    """Return for how long the lease holds; None if `by` is an installation."""
    return float(by.split("/")[1]) if by.startswith(_PREFIX) else None

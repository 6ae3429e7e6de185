"""The names of actors and groups: each source of identity has its own, so none takes another's."""

import re

TOKEN, PROXY, SYSTEM = "token:", "proxy:", "system:"
"""The prefixes of static tokens, of a proxy's users, and of Kubernetes."""

MOST_GROUPS = 1000
_RESERVED = (TOKEN, PROXY, SYSTEM)
_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff,]{1,256}")


def plain(name: object) -> str | None:
    """Return a name of 1 to 256 printable characters without commas; None if it is not one."""
    return name if isinstance(name, str) and _NAME.fullmatch(name) else None


def prefixed(prefix: str, name: object) -> str | None:
    """Return the name of an issuer's actor or group.

    None if it is no name, or if it would be one of another source.
    """
    whole = plain(f"{prefix}{name}") if isinstance(name, str) and name else None
    return None if whole is None or whole.startswith(_RESERVED) else whole

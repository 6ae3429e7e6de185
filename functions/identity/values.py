"""Check the values in the file of TUNELET_IDENTITY.

Each function returns the value, or raises `ValueError`, as `Fields.take` expects.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from functions.events.training import Fields
from functions.identity.issuer import ALGORITHMS
from functions.identity.names import plain
from functions.identity.rights import EVERYWHERE
from tunelet.text.limits import NAME

T = TypeVar("T")

LONGEST_LEEWAY = 300
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_HASH = re.compile(r"[0-9a-f]{64}")


def optional(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else read(value)


def items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError
    return value


def text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 256:
        raise ValueError
    return value


def name(value: Any) -> str:
    if (found := plain(value)) is None:
        raise ValueError
    return found


def names(value: Any) -> list[str]:
    return [name(each) for each in items(value)]


def some_names(value: Any) -> list[str]:
    if not value:
        raise ValueError
    return names(value)


def namespaces(value: Any) -> list[str]:
    named = some_names(value)
    if any(each != EVERYWHERE and not re.fullmatch(NAME, each, re.ASCII) for each in named):
        raise ValueError
    return named


def digest(fields: Fields, name: str, remedy: str, optional: bool = False) -> str | None:
    """Take a SHA-256 in hex. A wrong value may be the secret itself, so it is not shown."""
    found = fields.take(name, lambda value: value, remedy, None)
    if found is None and optional:
        return None
    if not isinstance(found, str) or not _HASH.fullmatch(found):
        shown = None if found is None else "(not shown)"
        fields.wrong(name, shown, "is missing" if found is None else "is not a SHA-256", remedy)
        return None
    return found


def header(value: Any) -> str:
    return _matching(value, _HEADER)


def _matching(value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def leeway(value: Any) -> float:
    if isinstance(value, bool) or not 0 <= value <= LONGEST_LEEWAY:
        raise ValueError
    return float(value)


def algorithms(value: Any) -> list[str]:
    named = some_names(value)
    if not set(named) <= set(ALGORITHMS):
        raise ValueError
    return named


def kind(value: Any) -> str:
    if value not in ("access_token", "id_token"):
        raise ValueError
    return str(value)


def networks(value: Any) -> list[IPv4Network | IPv6Network]:
    return [ip_network(text(each)) for each in items(value)]


def file(value: Any) -> str:
    if not Path(text(value)).is_file():
        raise ValueError
    return str(value)


def url(value: Any) -> str:
    """Return an https address; http only for this machine, because keys come from there."""
    parts = urlsplit(text(value))
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.netloc or not (parts.scheme == "https" or local) or parts.query or parts.fragment:
        raise ValueError
    return str(value)

"""Actors: people and programs that call the API."""

from typing import NamedTuple


class Actor(NamedTuple):
    """Who calls, as a credential or a proxy says."""

    name: str
    """Unique among all sources of identity; it is written into the log. Empty: not known."""
    groups: tuple[str, ...] = ()
    how: str = "none"
    """How the actor was authenticated: token, oidc, kubernetes, header; none."""


ANYONE = Actor("")
"""The actor of every call where no identity is configured."""

"""Static tokens of small installations: the service knows their hashes only."""

import hmac
from collections.abc import Sequence
from typing import NamedTuple

from functions.identity.actor import Actor
from functions.identity.names import TOKEN
from tunelet.text.credential import hashed


class StaticToken(NamedTuple):
    name: str
    sha256: str
    """Of the token's text, in hex."""
    groups: tuple[str, ...] = ()


class StaticTokens:
    """Knows actors by their tokens."""

    def __init__(self, tokens: Sequence[StaticToken]) -> None:
        self._tokens = tuple(tokens)

    def actor(self, token: str) -> Actor | None:
        """Return the token's actor; None if it is not one of these tokens.

        It is compared with all of them, so the time that this takes says nothing about any.
        """
        digest = hashed(token)
        fits = [each for each in self._tokens if hmac.compare_digest(each.sha256, digest)]
        return Actor(TOKEN + fits[0].name, fits[0].groups, "token") if fits else None

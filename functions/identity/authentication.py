"""Which actor calls: by a bearer token, or else by the header of a proxy."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from werkzeug.wrappers import Request

from functions.identity import denied
from functions.identity.actor import Actor
from functions.identity.proxy import Proxy
from functions.identity.static_tokens import StaticTokens
from tunelet.text.credential import PREFIX

if TYPE_CHECKING:
    from functions.identity.issuer import Issuer


class Reviewer(Protocol):
    """Finds the actors of tokens that only another system can read, such as a cluster's."""

    def actor(self, token: str) -> Actor:
        """Return the token's actor. Raises `Refused` if it is invalid, `Retry` for no answer."""
        ...


class Authentication:
    """Knows the actor of a request by the credentials that are configured."""

    def __init__(
        self,
        tokens: StaticTokens,
        issuers: "Mapping[str, Issuer]",
        proxy: Proxy | None = None,
        reviewer: Reviewer | None = None,
    ) -> None:
        """`issuers` are by URL. `reviewer` gets the tokens that none of the others knows."""
        self._tokens, self._issuers = tokens, issuers
        self._proxy, self._reviewer = proxy, reviewer

    def actor(self, request: Request) -> Actor:
        """Return the actor. Raises `Refused` (401), or `Retry` if it cannot be known now.

        A token counts more than a header, so that a proxy may pass on what its users send.
        """
        header = request.headers.get("Authorization")
        if header is not None:
            return self._of_token(_bearer(header))
        actor = self._proxy.actor(request) if self._proxy else None
        if actor is None:
            raise denied.missing()
        return actor

    def _of_token(self, token: str) -> Actor:
        if token.startswith(PREFIX):
            return self._static(token)
        from functions.identity.issuer import issuer_of

        issuer = self._issuers.get(issuer_of(token) or "") if self._issuers else None
        if issuer is not None:
            return issuer.actor(token)
        if self._reviewer is not None:
            return self._reviewer.actor(token)
        raise denied.invalid("is not one of this service")

    def _static(self, token: str) -> Actor:
        actor = self._tokens.actor(token)
        if actor is None:
            raise denied.invalid("is not one of this service")
        return actor


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise denied.invalid("is not a bearer token")
    return token.strip()

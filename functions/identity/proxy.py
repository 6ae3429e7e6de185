"""Actors that a proxy names in a header. Trusted only with its secret, or from its address."""

import hmac
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from werkzeug.wrappers import Request

from functions.identity import denied
from functions.identity.actor import Actor
from functions.identity.names import PROXY, plain
from tunelet.text.credential import hashed


class Proxy(NamedTuple):
    """How the proxy names the actor, and proves itself: by all that is configured here."""

    user_header: str
    groups_header: str | None = None
    """Groups, separated by commas."""
    secret_header: str | None = None
    secret_sha256: str | None = None
    """Of the secret that the proxy sends in `secret_header`, in hex."""
    peers: Sequence[IPv4Network | IPv6Network] = ()
    """The networks that the proxy calls from."""

    def actor(self, request: Request) -> Actor | None:
        """Return the actor that the header names; None without the header.

        Raises `Refused` if the request is not from the proxy, or the header is no name.
        """
        given = request.headers.get(self.user_header)
        if given is None:
            return None
        if not (self._knows_secret(request) and self._is_peer(request.remote_addr)):
            raise denied.invalid(f"is missing, and {self.user_header} is for the proxy alone")
        name = plain(given)
        if name is None:
            raise denied.invalid(f"is missing, and {self.user_header} is not a name")
        return Actor(PROXY + name, self._groups(request), "header")

    def _knows_secret(self, request: Request) -> bool:
        if self.secret_header is None or self.secret_sha256 is None:
            return True
        sent = request.headers.get(self.secret_header, "")
        return hmac.compare_digest(hashed(sent), self.secret_sha256)

    def _is_peer(self, address: str | None) -> bool:
        if not self.peers:
            return True
        try:
            peer = ip_address(address or "")
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self.peers)

    def _groups(self, request: Request) -> tuple[str, ...]:
        listed = request.headers.get(self.groups_header, "") if self.groups_header else ""
        named = (plain(each.strip()) for each in listed.split(","))
        return tuple(PROXY + each for each in named if each is not None)

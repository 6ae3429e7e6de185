"""OpenID Connect: bearer tokens that an issuer has signed (RFC 7519, RFC 8725)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from functions.identity import denied
from functions.identity.actor import Actor
from functions.identity.names import MOST_GROUPS, SYSTEM, plain, prefixed

if TYPE_CHECKING:
    from functions.identity.keys import Keys

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""Those with a key pair. With HS256 a public key could be used as the secret."""

_SERVICE_ACCOUNT = f"{SYSTEM}serviceaccount:"
LONGEST_TOKEN = 1 << 14


class IssuerOptions(NamedTuple):
    """What is expected of an issuer's tokens."""

    url: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    name_claim: str = "sub"
    groups_claim: str = "groups"
    prefix: str = ""
    """Before the names of its actors and groups."""
    kubernetes: bool = False
    """Whether it is a cluster's: its actors are ServiceAccounts, with their usual groups."""
    leeway_seconds: float = 30.0
    """How far the clocks may differ."""


class Issuer:
    """Knows actors by the tokens of one issuer."""

    def __init__(self, options: IssuerOptions, keys: "Keys") -> None:
        self.options, self._keys = options, keys

    def actor(self, token: str) -> Actor:
        """Return the token's actor. Raises `Refused` if it is invalid, `Retry` without keys."""
        claims = self._verified(token)
        return self._of_cluster(claims) if self.options.kubernetes else self._named(claims)

    def _verified(self, token: str) -> Mapping[str, Any]:
        import jwt

        options = self.options
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in options.algorithms:
                raise denied.invalid("is signed by an algorithm that is not configured")
            key = self._keys.find(_kid(header))
            if key is None:
                raise denied.invalid("is signed by a key that the issuer does not publish")
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                # Only what fits the key's own kind, of those that are configured.
                algorithms=[each for each in options.algorithms if _fits(each, key.key_type)],
                audience=list(options.audiences),
                issuer=options.url,
                leeway=options.leeway_seconds,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise denied.invalid("has expired", "sign in again: tunelet login") from None
        except jwt.InvalidAudienceError:
            asked = ", ".join(options.audiences)
            raise denied.invalid("is for another audience", f"ask for {asked}") from None
        except jwt.PyJWTError as fault:
            raise denied.invalid(f"is not valid ({type(fault).__name__})") from None
        return claims

    def _named(self, claims: Mapping[str, Any]) -> Actor:
        options = self.options
        if options.name_claim == "email" and claims.get("email_verified", True) is not True:
            raise denied.invalid("has an address that the issuer has not verified")
        name = prefixed(options.prefix, _claim(claims, options.name_claim))
        if name is None:
            raise denied.invalid(f"has no usable name in its claim {options.name_claim}")
        listed = _claim(claims, options.groups_claim)
        groups = [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else ()
        named = (prefixed(options.prefix, each) for each in groups[:MOST_GROUPS])
        return Actor(name, tuple(each for each in named if each is not None), "oidc")

    def _of_cluster(self, claims: Mapping[str, Any]) -> Actor:
        name = plain(claims.get("sub")) or ""
        namespace, _, account = name.removeprefix(_SERVICE_ACCOUNT).partition(":")
        if not name.startswith(_SERVICE_ACCOUNT) or not namespace or not account:
            raise denied.invalid("is not of a ServiceAccount")
        every = f"{SYSTEM}serviceaccounts"
        groups = (every, f"{every}:{namespace}", f"{SYSTEM}authenticated")
        return Actor(name, groups, "kubernetes")


def issuer_of(token: str) -> str | None:
    """Return the issuer that a JWT names, unverified; None if it is no JWT."""
    import jwt

    if token.count(".") != 2 or len(token) > LONGEST_TOKEN:
        return None
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    named = claims.get("iss")
    return named if isinstance(named, str) else None


def _kid(header: Mapping[str, Any]) -> str | None:
    kid = header.get("kid")
    return kid if isinstance(kid, str) else None


def _fits(algorithm: str, kind: str | None) -> bool:
    kinds = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
    return kinds[algorithm[:2]] == kind


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim by its name, else by its path, such as realm_access.roles."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found

"""The gate that a configuration describes."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from functions.identity.authentication import Authentication
from functions.identity.config import Config, IssuerConfig, load
from functions.identity.gate import Gate
from functions.identity.roles import Roles
from functions.identity.static_tokens import StaticTokens
from tunelet.errors import FieldError, Reject

if TYPE_CHECKING:
    from adapters.launchers.kubernetes.api import KubernetesApi
    from functions.identity.code_flow import CodeFlow
    from functions.identity.issuer import Issuer
    from functions.identity.rights import Authorizer


def gate(path: str) -> Gate:
    """The gate of the configuration at `path`. Raises `Reject` with all faults of the file."""
    return configured(load(path))


def configured(config: Config) -> Gate:
    """The gate of this configuration. It asks no issuer and no cluster before the first call."""
    cluster = config.kubernetes
    reviewing = cluster is not None and (cluster.token_review or cluster.access_review)
    api = _api() if reviewing else None
    reviewer = authorizer = None
    if cluster is not None and api is not None:
        from functions.identity.kubernetes import AccessReviews, TokenReviews

        reviewer = TokenReviews(api, cluster.audiences) if cluster.token_review else None
        authorizer = AccessReviews(api, cluster.namespace_prefix) if cluster.access_review else None
    issuers = {each.options.url: _issuer(each) for each in config.issuers}
    known = Authentication(StaticTokens(config.tokens), issuers, config.proxy, reviewer)
    chosen: Authorizer = authorizer or Roles(config.roles)
    return Gate(known.actor, chosen, config.login, _code_flow(config), config.open_metrics)


def _code_flow(config: Config) -> "CodeFlow | None":
    if config.login is None:
        return None
    from functions.identity.code_flow import CodeFlow

    named = (each.ca_file for each in config.issuers if each.options.url == config.login["issuer"])
    return CodeFlow(config.login, next(named, None))


def _issuer(config: IssuerConfig) -> "Issuer":
    if find_spec("jwt") is None:
        message, remedy = "need the package PyJWT", "install tunelet[identity]"
        error = FieldError("issuers", config.options.url, message, remedy)
        raise Reject(f"issuers {message}: {remedy}", [error])
    from functions.identity.issuer import Issuer
    from functions.identity.keys import Keys

    keys = Keys(config.options.url, config.jwks_url, config.ca_file, config.token_file)
    return Issuer(config.options, keys)


def _api() -> "KubernetesApi":
    from adapters.launchers.kubernetes.access import access
    from adapters.launchers.kubernetes.api import KubernetesApi

    return KubernetesApi(access())

"""The file of TUNELET_IDENTITY: which credentials count, and what their actors may do.

YAML or JSON; docs/operations/identity.md describes each member. It holds hashes and addresses, no
secret.
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from functions.events.training import Fields
from functions.identity import values
from functions.identity.issuer import ALGORITHMS, IssuerOptions
from functions.identity.proxy import Proxy
from functions.identity.rights import EVERYWHERE
from functions.identity.roles import Grant, Role
from functions.identity.static_tokens import StaticToken
from tunelet.errors import FieldError, Reject

T = TypeVar("T")


class IssuerConfig(NamedTuple):
    options: IssuerOptions
    jwks_url: str | None
    ca_file: str | None
    token_file: str | None


class KubernetesConfig(NamedTuple):
    token_review: bool
    access_review: bool
    audiences: tuple[str, ...]
    namespace_prefix: str


class Config(NamedTuple):
    tokens: tuple[StaticToken, ...] = ()
    issuers: tuple[IssuerConfig, ...] = ()
    proxy: Proxy | None = None
    kubernetes: KubernetesConfig | None = None
    roles: tuple[Grant, ...] = ()
    open_metrics: bool = False
    """Whether /metrics needs no credential."""
    login: dict[str, str] | None = None
    """Where people sign in: issuer, client_id, scope, audience, token, page_client_id."""


def load(path: str) -> Config:
    """Read the file. Raises `Reject` with all its faults."""
    from functions.identity.yaml_file import Unreadable, read

    try:
        written = read(Path(path).read_text(encoding="utf-8"))
    except OSError as fault:
        raise _unreadable(path, f"cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise _unreadable(path, "is not UTF-8") from fault
    except Unreadable as fault:
        raise _unreadable(path, str(fault), fault.remedy) from fault
    return parse(written)


def parse(written: Any) -> Config:
    """Return the configuration. Raises `Reject` with all faults, each with its field."""
    fields = Fields(written)
    errors = list[FieldError]()
    parts: dict[str, Any] = {
        name: tuple(_each(fields, name, read, errors))
        for name, read in (("tokens", _token), ("issuers", _issuer), ("roles", _grant))
    }
    for name, read_one in (("proxy", _proxy), ("kubernetes", _kubernetes), ("login", _login)):
        parts[name] = _one(fields, name, read_one, errors)
    flag = fields.take("open_metrics", values.flag, "write true or false", False)
    parts["open_metrics"] = bool(flag)
    errors = fields.done(*parts) + errors
    if not errors:
        errors = _conflicts(Config(**parts))
    if errors:
        raise Reject("the identity configuration is invalid", errors)
    return Config(**parts)


def _each(
    fields: Fields, name: str, read: Callable[[Fields], T], errors: list[FieldError]
) -> list[T]:
    listed = fields.take(name, values.items, "write a list", []) or []
    found = []
    for index, each in enumerate(listed):
        below = Fields(each, f"{name}[{index}]")
        found.append(read(below))
        errors += below.errors
    return found


def _one(
    fields: Fields, name: str, read: Callable[[Fields], T], errors: list[FieldError]
) -> T | None:
    written = fields.take(name, lambda value: value, "", None)
    if written is None:
        return None
    below = Fields(written, name)
    found = read(below)
    errors += below.errors
    return found


def _token(fields: Fields) -> StaticToken:
    remedy = "write the line that `tunelet token new` shows: 64 hex digits, never the token itself"
    sha256 = values.digest(fields, "sha256", remedy)
    name = fields.take(
        "name", values.name, "write a name of at most 256 printable characters, no comma"
    )
    groups = fields.take("groups", values.names, "write a list of names", [])
    fields.done("name", "sha256", "groups")
    return StaticToken(str(name), str(sha256), tuple(groups or ()))


def _issuer(fields: Fields) -> IssuerConfig:
    url = fields.take(
        "url", values.url, "write its https:// address, exactly as its tokens have it"
    )
    audiences = fields.take("audiences", values.some_names, "write a list of at least one audience")
    remedy = f"write a list of {', '.join(ALGORITHMS)}"
    usual = IssuerOptions("", ())
    algorithms = fields.take("algorithms", values.algorithms, remedy, list(usual.algorithms))
    cluster = fields.take("kubernetes", values.flag, "write true or false", False)
    options = IssuerOptions(
        url=str(url),
        audiences=tuple(audiences or ()),
        algorithms=tuple(algorithms or ()),
        name_claim=fields.take("name_claim", values.name, "write a claim's name", usual.name_claim),
        groups_claim=fields.take(
            "groups_claim", values.name, "write a claim's name", usual.groups_claim
        ),
        prefix=fields.take("prefix", values.text, "write a text, such as example:", f"{url}#"),
        kubernetes=bool(cluster),
        leeway_seconds=fields.take(
            "leeway_seconds",
            values.leeway,
            f"write 0 to {values.LONGEST_LEEWAY}",
            usual.leeway_seconds,
        ),
    )
    jwks_url = fields.take(
        "jwks_url", values.optional(values.url), "write an https:// address", None
    )
    ca_file = fields.take("ca_file", values.optional(values.file), "name a file that exists", None)
    token_file = fields.take(
        "token_file", values.optional(values.file), "name a file that exists", None
    )
    fields.done(
        *("url", "audiences", "algorithms", "name_claim", "groups_claim", "prefix", "kubernetes"),
        *("leeway_seconds", "jwks_url", "ca_file", "token_file"),
    )
    return IssuerConfig(options, jwks_url, ca_file, token_file)


def _proxy(fields: Fields) -> Proxy:
    remedy = "write the name of a header"
    user = fields.take("user_header", values.header, remedy)
    groups = fields.take("groups_header", values.optional(values.header), remedy, None)
    secret = fields.take("secret_header", values.optional(values.header), remedy, None)
    sha256 = values.digest(
        fields, "secret_sha256", "write the SHA-256 of the secret in hex", secret is None
    )
    peers = fields.take("peers", values.networks, "write a list of networks such as 10.0.0.0/8", [])
    if (secret is None) != (sha256 is None):
        fields.wrong("secret_header", secret, "and secret_sha256 belong together", "write both")
    if sha256 is None and not peers and not fields.errors:
        remedy = "write secret_header and secret_sha256, or peers, or both"
        fields.wrong("", None, "would trust a header that anyone can send", remedy)
    fields.done("user_header", "groups_header", "secret_header", "secret_sha256", "peers")
    return Proxy(str(user), groups, secret, sha256, tuple(peers or ()))


def _kubernetes(fields: Fields) -> KubernetesConfig:
    flag = "write true or false"
    reviews_tokens = fields.take("token_review", values.flag, flag, False)
    reviews_access = fields.take("access_review", values.flag, flag, False)
    audiences = fields.take(
        "audiences", values.some_names, "write a list of audiences", ["tunelet"]
    )
    remedy = "write the prefix of the launcher's namespaces"
    prefix = fields.take("namespace_prefix", values.text, remedy, "")
    fields.done("token_review", "access_review", "audiences", "namespace_prefix")
    return KubernetesConfig(
        bool(reviews_tokens), bool(reviews_access), tuple(audiences or ()), str(prefix)
    )


def _grant(fields: Fields) -> Grant:
    role = fields.take("role", Role, f"write one of {', '.join(Role)}")
    remedy = f'write a list of namespaces, or "{EVERYWHERE}" in it for all'
    namespaces = fields.take("namespaces", values.namespaces, remedy)
    actors = fields.take("actors", values.names, "write a list of names", [])
    groups = fields.take("groups", values.names, "write a list of names", [])
    if not actors and not groups and not fields.errors:
        fields.wrong("actors", None, "and groups are empty", "write who gets the role")
    fields.done("role", "namespaces", "actors", "groups")
    return Grant(
        role, frozenset(namespaces or ()), frozenset(actors or ()), frozenset(groups or ())
    )


def _login(fields: Fields) -> dict[str, str]:
    issuer = fields.take("issuer", values.url, "write the address of one of the issuers")
    client = fields.take(
        "client_id", values.name, "write the client that is registered at the issuer"
    )
    scope = fields.take(
        "scope", values.text, "write the scopes, with spaces", "openid offline_access"
    )
    audience = fields.take("audience", values.text, "write the audience to ask for", "")
    kind = fields.take("token", values.kind, "write access_token or id_token", "access_token")
    page = fields.take("page_client_id", values.text, "write the page's client", "")
    fields.done("issuer", "client_id", "scope", "audience", "token", "page_client_id")
    return {
        "issuer": str(issuer),
        "client_id": str(client),
        "scope": str(scope),
        "audience": str(audience),
        "token": str(kind),
        "page_client_id": str(page),
    }


def _conflicts(config: Config) -> list[FieldError]:
    """Return what contradicts itself among parts that are right one by one."""
    errors = []
    if not (config.tokens or config.issuers or config.proxy or _reviews_tokens(config)):
        message, remedy = "has no source of identity", "write tokens, issuers, proxy or kubernetes"
        errors.append(FieldError("body", None, message, remedy))
    if config.roles and config.kubernetes and config.kubernetes.access_review:
        message, remedy = "count for nothing with access_review", "leave out one of the two"
        errors.append(FieldError("roles", None, message, remedy))
    for field, named in (
        ("tokens", [each.name for each in config.tokens]),
        ("tokens", [each.sha256 for each in config.tokens]),
        ("issuers", [each.options.url for each in config.issuers]),
    ):
        if len(set(named)) < len(named):
            message = "have a name, hash or url twice"
            errors.append(FieldError(field, None, message, "make each its own"))
    if sum(each.options.kubernetes for each in config.issuers) > 1:
        message = "are several clusters, whose ServiceAccounts have the same names"
        remedy = "write kubernetes: true for one, and for the others a prefix of their own"
        errors.append(FieldError("issuers", None, message, remedy))
    prefixes = sorted(each.options.prefix for each in config.issuers if not each.options.kubernetes)
    for first, second in pairwise(prefixes):
        if second.startswith(first):
            message, remedy = "begins with another issuer's prefix", "make each its own"
            errors.append(FieldError("issuers", second, message, remedy))
    return errors


def _reviews_tokens(config: Config) -> bool:
    return config.kubernetes is not None and config.kubernetes.token_review


def _unreadable(
    path: str, message: str, remedy: str = "name a file as 'tunelet docs operations/identity' shows"
) -> Reject:
    error = FieldError("TUNELET_IDENTITY", path, message, remedy)
    return Reject("the identity configuration cannot be used", [error])

"""Which credentials the API accepts, of real issuers over HTTP, and which not."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from werkzeug.test import TestResponse

from functions.identity.config import parse
from functions.identity.configured import configured
from functions.identity.gate import Gate
from functions.identity.issuer import Issuer, IssuerOptions
from functions.identity.keys import KEPT, PAUSE, STALE, Keys
from functions.identity.static_tokens import StaticToken, StaticTokens
from functions.problem import Refused
from tests.unit.functions.api.test_openapi import fits
from tests.unit.functions.conftest import World
from tests.unit.functions.identity.issuer import AUDIENCE, Provider, serving
from tunelet.errors import Retry
from tunelet.text.credential import generated, hashed

TOKEN, OTHER = generated(), generated()


@pytest.fixture(scope="module")
def shared() -> Iterator[Provider]:
    with serving(Provider()) as provider:
        yield provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving(Provider()) as provider:
        yield provider


def written(provider: Provider, **more: Any) -> dict[str, Any]:
    issuer = {"url": provider.url, "audiences": [AUDIENCE], "prefix": "ours:"} | more
    return {"tokens": [{"name": "ci", "sha256": hashed(TOKEN)}], "issuers": [issuer]}


def whoami(world: World, document: Any, headers: dict[str, str], **environ: str) -> TestResponse:
    api = world.client("api", configured(parse(document)))
    return api.get("/api/whoami", headers=headers, environ_overrides=environ)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def accepted(answer: TestResponse) -> tuple[str, list[str], str]:
    assert answer.status_code == 200, answer.text
    fits("Actor", answer.json)
    return answer.json["name"], answer.json["groups"], answer.json["how"]


def refused(answer: TestResponse) -> str:
    """The reason. The answer is a challenge, and shows no credential."""
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="tunelet"')
    assert answer.json["errors"][0]["field"] == "Authorization"
    assert answer.json["errors"][0]["value"] is None
    return str(answer.json["detail"])


@pytest.mark.parametrize("kid", ["rsa", "ec"])
def test_a_token_of_an_issuer_names_its_actor_and_groups(
    world: World, shared: Provider, kid: str
) -> None:
    token = shared.token(kid, groups=["team-a", "b"])
    answer = whoami(world, written(shared), bearer(token))
    assert accepted(answer) == ("ours:ann", ["ours:team-a", "ours:b"], "oidc")


def encoded(provider: Provider, more: dict[str, Any]) -> str:
    """A signed token with claims that a library refuses to write."""
    header, _, _ = provider.token().split(".")
    claims = base64.urlsafe_b64encode(json.dumps(provider.claims() | more).encode())
    signed = f"{header}.{claims.rstrip(b'=').decode()}"
    key = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    signature = key.sign(signed.encode(), provider.keys["rsa"])
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def confused(provider: Provider) -> str:
    """HS256 with the issuer's public key as the secret (RFC 8725, 2.1)."""
    public = provider.keys["rsa"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return by_hmac(provider, pem)


def by_hmac(provider: Provider, secret: bytes) -> str:
    import hmac

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    header = part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "rsa"}).encode())
    signed = f"{header}.{part(json.dumps(provider.claims()).encode())}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), 'sha256'))}"


def altered(token: str) -> str:
    header, claims, signature = token.split(".")
    document = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(document | {"sub": "eve"}).encode())
    return f"{header}.{changed.rstrip(b'=').decode()}.{signature}"


FORGED: dict[str, Callable[[Provider], str]] = {
    "expired": lambda p: p.token(exp=time.time() - 120),
    "not yet valid": lambda p: p.token(nbf=time.time() + 120),
    "without an expiry": lambda p: p.token(exp=None),
    "without an audience": lambda p: p.token(aud=None),
    "of another audience": lambda p: p.token(aud="other"),
    "of another issuer": lambda p: p.token(iss="https://evil.example"),
    "without a name": lambda p: p.token(sub=None),
    "of an empty name": lambda p: p.token(sub=""),
    "of a name that is no text": lambda p: encoded(p, {"sub": ["ann"]}),
    "with a control character in its name": lambda p: p.token(sub="ann\nadmin"),
    "of an unknown key": lambda p: jwt.encode(p.claims(), p.keys["rsa"], "RS256", {"kid": "no"}),
    "without a key's name": lambda p: jwt.encode(p.claims(), p.keys["rsa"], "RS256"),
    "signed by another key": lambda p: jwt.encode(
        p.claims(), Provider().keys["rsa"], "RS256", {"kid": "rsa"}
    ),
    "unsigned": lambda p: jwt.encode(p.claims(), None, "none", {"kid": "rsa"}),
    "signed with the public key as a secret": confused,
    "of the other kind of key": lambda p: jwt.encode(
        p.claims(), p.keys["ec"], "ES256", {"kid": "rsa"}
    ),
    "by an algorithm that is not configured": lambda p: p.token(alg="RS512"),
    "altered": lambda p: altered(p.token()),
    "cut off": lambda p: p.token()[:-10],
    "a text": lambda _: "nonsense",
    "three texts": lambda _: "a.b.c",
    "of another service": lambda _: OTHER,
    "a trial's": lambda _: f"1.{'0' * 64}",
    "the hash of one": lambda _: hashed(TOKEN),
    "the beginning of one": lambda _: TOKEN[:-1],
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_token_is_refused_and_nowhere_shown(
    world: World,
    shared: Provider,
    forged: Callable[[Provider], str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    token = forged(shared)
    answer = whoami(world, written(shared), bearer(token))
    assert refused(answer).startswith("the token ")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    shown = answer.text + caplog.text + "".join(capfd.readouterr())
    assert token not in shown
    assert len(token) < 40 or token[-40:] not in shown


def test_only_the_configured_scheme_is_a_credential(world: World, shared: Provider) -> None:
    for header in (f"Basic {TOKEN}", "Bearer", "Bearer ", TOKEN, "", f"Token {TOKEN}"):
        refused(whoami(world, written(shared), {"Authorization": header}))
    assert refused(whoami(world, written(shared), {})) == "this needs a token"


def test_a_static_token_names_its_actor(world: World, shared: Provider) -> None:
    for scheme in ("Bearer", "bearer"):
        answer = whoami(world, written(shared), {"Authorization": f"{scheme} {TOKEN}"})
        assert accepted(answer) == ("token:ci", [], "token")
    assert shared.url not in answer.text


def test_no_token_is_among_the_settings_of_a_service() -> None:
    known = StaticTokens([StaticToken("ci", hashed(TOKEN), ("a",))])
    actor = known.actor(TOKEN)
    assert actor is not None
    assert actor.groups == ("a",)
    assert TOKEN not in repr(vars(known))
    assert generated() != generated()


def test_a_secret_among_the_published_keys_is_no_key(world: World, provider: Provider) -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    k = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    provider.published = {"rsa": {"kty": "oct", "kid": "rsa", "k": k, "alg": "HS256"}}
    refused(whoami(world, written(provider), bearer(by_hmac(provider, secret))))


def test_an_issuer_cannot_sign_for_another(world: World, provider: Provider) -> None:
    with serving(Provider()) as second:
        document = written(provider)
        document["issuers"] += written(second, prefix="theirs:")["issuers"]
        assert accepted(whoami(world, document, bearer(second.token())))[0] == "theirs:ann"
        stolen = second.token(iss=provider.url)
        assert "is not valid" in refused(whoami(world, document, bearer(stolen)))


def test_an_issuer_cannot_name_the_actors_of_another_source(world: World, shared: Provider) -> None:
    document = written(shared, prefix="")
    for name in ("token:ci", "system:serviceaccount:a:b", "proxy:ann", "system:admin"):
        refused(whoami(world, document, bearer(shared.token(sub=name))))
    token = shared.token(groups=["system:masters", "proxy:x", "token:y", "team", 7, ""])
    assert accepted(whoami(world, document, bearer(token)))[:2] == ("ann", ["team"])


def test_claims_are_found_by_name_or_by_path(world: World, shared: Provider) -> None:
    document = written(shared, name_claim="email", groups_claim="realm_access.roles", prefix="")
    claims = {"email": "ann@example.com", "realm_access": {"roles": ["a"]}}
    answer = whoami(world, document, bearer(shared.token(**claims)))
    assert accepted(answer)[:2] == ("ann@example.com", ["a"])
    unverified = shared.token(**claims, email_verified=False)
    assert "has not verified" in refused(whoami(world, document, bearer(unverified)))


def test_a_clusters_issuer_names_service_accounts(world: World, shared: Provider) -> None:
    document = written(shared, kubernetes=True)
    token = shared.token(sub="system:serviceaccount:team-a:runner")
    name, groups, how = accepted(whoami(world, document, bearer(token)))
    assert (name, how) == ("system:serviceaccount:team-a:runner", "kubernetes")
    assert "system:serviceaccounts:team-a" in groups
    for sub in ("ann", "system:admin", "system:serviceaccount:team-a", "system:serviceaccount::x"):
        refused(whoami(world, document, bearer(shared.token(sub=sub))))


class Hours:
    """A clock that stands still unless it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hours:
    return Hours()


@pytest.fixture
def issuer(provider: Provider, clock: Hours) -> Issuer:
    return Issuer(IssuerOptions(provider.url, (AUDIENCE,)), Keys(provider.url, clock=clock))


def test_keys_are_fetched_once_and_kept(provider: Provider, issuer: Issuer) -> None:
    for _ in range(3):
        assert issuer.actor(provider.token()).name == "ann"
    assert provider.paths == ["/.well-known/openid-configuration", "/jwks"]


def test_a_key_that_is_added_counts_at_once_and_one_that_is_removed_soon_not(
    provider: Provider, issuer: Issuer, clock: Hours
) -> None:
    old = provider.token()
    issuer.actor(old)
    clock.now += PAUSE
    provider.add_rsa("new")
    provider.published.pop("rsa")
    assert issuer.actor(provider.token("new")).name == "ann"
    clock.now += PAUSE
    with pytest.raises(Refused, match="does not publish"):
        issuer.actor(old)


def test_made_up_key_names_do_not_make_requests(provider: Provider, issuer: Issuer) -> None:
    issuer.actor(provider.token())
    for number in range(5):
        made_up = jwt.encode(
            provider.claims(), provider.keys["rsa"], "RS256", {"kid": f"k{number}"}
        )
        with pytest.raises(Refused):
            issuer.actor(made_up)
    assert provider.paths.count("/jwks") == 1


def test_an_issuer_that_does_not_answer_is_503_and_not_401(
    world: World, provider: Provider
) -> None:
    api = world.client("api", configured(parse(written(provider))))
    provider.down = True
    answer = api.get("/api/whoami", headers=bearer(provider.token()))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert provider.token() not in answer.text
    assert api.get("/api/whoami", headers=bearer(TOKEN)).status_code == 200


def test_known_keys_serve_while_the_issuer_is_away_for_an_hour(
    provider: Provider, issuer: Issuer, clock: Hours
) -> None:
    issuer.actor(provider.token())
    provider.down = True
    clock.now += KEPT
    assert issuer.actor(provider.token()).name == "ann"
    unknown = jwt.encode(provider.claims(), provider.keys["rsa"], "RS256", {"kid": "new"})
    with pytest.raises(Retry):
        issuer.actor(unknown)
    clock.now += STALE
    with pytest.raises(Retry):
        issuer.actor(provider.token())
    provider.down = False
    clock.now += PAUSE
    assert issuer.actor(provider.token()).name == "ann"


def test_a_discovery_document_of_another_issuer_is_not_believed(
    provider: Provider, issuer: Issuer
) -> None:
    provider.discovered_issuer = "https://evil.example"
    with pytest.raises(Retry):
        issuer.actor(provider.token())
    assert "/jwks" not in provider.paths


def with_proxy(**members: Any) -> dict[str, Any]:
    return {"proxy": {"user_header": "X-User", "groups_header": "X-Groups"} | members}


SECRET = with_proxy(secret_header="X-Secret", secret_sha256=hashed("the secret"))


def test_a_proxys_header_counts_only_where_it_is_configured(world: World, shared: Provider) -> None:
    refused(whoami(world, written(shared), {"X-User": "ann"}))
    headers = {"X-User": "ann", "X-Groups": "a, b", "X-Secret": "the secret"}
    assert accepted(whoami(world, SECRET, headers)) == (
        "proxy:ann",
        ["proxy:a", "proxy:b"],
        "header",
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"X-User": "ann"},
        {"X-User": "ann", "X-Secret": "wrong"},
        {"X-User": "ann", "X-Secret": ""},
        {"X-User": "ann", "X-Secret": hashed("the secret")},
        {"X-User": "ann,admin", "X-Secret": "the secret"},
        {"X-User": "", "X-Secret": "the secret"},
        {"X-Groups": "a", "X-Secret": "the secret"},
    ],
)
def test_a_header_that_the_proxy_did_not_send_is_refused(
    world: World, headers: dict[str, str]
) -> None:
    refused(whoami(world, SECRET, headers))


@pytest.mark.parametrize(
    ("address", "status"),
    [("10.1.2.3", 200), ("::ffff:10.1.2.3", 200), ("11.0.0.1", 401), ("fd00::1", 401), ("", 401)],
)
def test_a_proxy_is_known_by_its_address(world: World, address: str, status: int) -> None:
    document = with_proxy(peers=["10.0.0.0/8"])
    answer = whoami(world, document, {"X-User": "ann"}, REMOTE_ADDR=address)
    assert answer.status_code == status


def test_a_token_counts_more_than_a_header(world: World, shared: Provider) -> None:
    document = written(shared) | SECRET
    headers = {"X-User": "ann", "X-Secret": "the secret"}
    assert accepted(whoami(world, document, headers | bearer(TOKEN)))[0] == "token:ci"
    refused(whoami(world, document, headers | bearer(OTHER)))


def test_the_document_describes_the_refusals(world: World) -> None:
    described = world.api.get("/api/openapi.json").json["paths"]
    answers = described["/api/experiments/{name}"]["get"]["responses"]
    assert "WWW-Authenticate" in answers["401"]["headers"]
    assert {"403", "404"} <= set(answers)
    assert "401" not in described["/api/health"]["get"]["responses"]


def test_a_gate_without_identities_names_no_actor(world: World) -> None:
    assert world.api.get("/api/whoami").json == {"name": None, "groups": [], "how": "none"}
    assert world.api.get("/api/login").status_code == 404
    assert isinstance(configured(parse(SECRET)), Gate)

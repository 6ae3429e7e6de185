"""A real cluster names the actors of its tokens, and its RBAC decides."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.launchers.kubernetes.access import access
from adapters.launchers.kubernetes.api import KubernetesApi
from functions.identity.actor import Actor
from functions.identity.issuer import Issuer, IssuerOptions
from functions.identity.keys import Keys
from functions.identity.kubernetes import AccessReviews, TokenReviews
from functions.identity.rights import Resource, Right, Verb
from functions.identity.roles import RIGHTS, Role
from functions.problem import Refused
from tests.cluster.conftest import INFRA, Kubectl

pytestmark = pytest.mark.cluster
ROLES = {Role.VIEWER: "view", Role.EDITOR: "edit", Role.ADMIN: "admin"}


@pytest.fixture(scope="module")
def tenant(kubectl: Kubectl) -> Iterator[str]:
    """A namespace with an account for each of the cluster's own roles."""
    name = f"tenant-{uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("apply", "-f", str(INFRA / "identity" / "roles.yaml"))
    for role in ROLES.values():
        kubectl("-n", name, "create", "serviceaccount", role)
        given = f"--serviceaccount={name}:{role}"
        kubectl("-n", name, "create", "rolebinding", role, f"--clusterrole={role}", given)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def api(kubectl: Kubectl) -> KubernetesApi:
    return KubernetesApi(access())


def token(kubectl: Kubectl, tenant: str, account: str, audience: str = "tunelet") -> str:
    return kubectl("-n", tenant, "create", "token", account, f"--audience={audience}").strip()


def test_a_clusters_token_names_its_account(
    kubectl: Kubectl, tenant: str, api: KubernetesApi
) -> None:
    reviews = TokenReviews(api, ("tunelet",))
    actor = reviews.actor(token(kubectl, tenant, "view"))
    assert actor.name == f"system:serviceaccount:{tenant}:view"
    assert f"system:serviceaccounts:{tenant}" in actor.groups
    with pytest.raises(Refused):
        reviews.actor(token(kubectl, tenant, "view", "https://kubernetes.default.svc"))
    with pytest.raises(Refused):
        reviews.actor("nonsense")


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.5)


def test_the_clusters_own_roles_give_the_rights_of_the_static_roles(
    tenant: str, api: KubernetesApi
) -> None:
    for role, name in ROLES.items():
        actor = Actor(f"system:serviceaccount:{tenant}:{name}")
        # The controller puts the aggregated rules together after a while.
        until(lambda who=actor: AccessReviews(api).allows(who, Verb.GET, tenant, Resource.TRIALS))
        reviews = AccessReviews(api)
        for verb in Verb:
            for resource in Resource:
                expected = Right(verb, resource) in RIGHTS[role]
                assert reviews.allows(actor, verb, tenant, resource) == expected
                assert not reviews.allows(actor, verb, "default", resource)


def test_the_cluster_is_an_issuer_by_its_keys(
    kubectl: Kubectl, tenant: str, tmp_path: Path
) -> None:
    """Its tokens are checked without a question about each. Any account may read the keys."""
    found = json.loads(kubectl("get", "--raw", "/.well-known/openid-configuration"))
    reader = tmp_path / "token"
    reader.write_text(kubectl("-n", tenant, "create", "token", "view"))
    cluster = access()
    keys = Keys(found["issuer"], f"{cluster.host}/openid/v1/jwks", cluster.ca_file, str(reader))
    algorithms = tuple(found["id_token_signing_alg_values_supported"])
    options = IssuerOptions(found["issuer"], ("tunelet",), algorithms, kubernetes=True)
    issuer = Issuer(options, keys)
    actor = issuer.actor(token(kubectl, tenant, "edit"))
    assert actor.name == f"system:serviceaccount:{tenant}:edit"
    with pytest.raises(Refused, match="another audience"):
        issuer.actor(token(kubectl, tenant, "edit", "other"))

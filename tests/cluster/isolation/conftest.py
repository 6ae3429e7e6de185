"""Two tenants, by `tunelet tenant create`, of the plain overlay with identities by the cluster.

Each has the same things, and a person who is its admin. NetworkPolicies are enforced meanwhile.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from benchmarks.harness.installed import Installed, installed
from tests.cluster.conftest import INFRA, ROOT, Kubectl, own_prefix
from tests.cluster.isolation.world import ROLE, Tenant, World, buried, submitted
from tests.contracts.launchers import until
from tunelet.cli import main
from tunelet.client import Client
from tunelet.errors import NotFound

DNS = ("--dns", "10.244.0.1/32")
"""Names are resolved by a process of the node, which is no pod."""
POLICIES = ROOT / ".ci" / "policies"


@pytest.fixture(scope="package")
def enforced(kubectl: Kubectl) -> Iterator[None]:
    """NetworkPolicies have an effect here, as with most network plugins."""
    started = subprocess.run([POLICIES, "up"], capture_output=True, text=True, check=False)
    if started.returncode:
        pytest.skip(f"NetworkPolicies cannot be enforced here: {started.stderr}")
    yield
    subprocess.run([POLICIES, "down"], check=True)


@pytest.fixture(scope="package")
def world(kubectl: Kubectl, enforced: None) -> Iterator[World]:
    bucket = own_prefix()
    settings = {"TUNELET_STORE": bucket.url}
    with ExitStack() as held:
        service = held.enter_context(
            installed(kubectl, settings, bucket.credentials, components=["identity"])
        )
        kubectl("apply", "-f", str(INFRA / "cluster" / "rights.yaml"))
        made = [held.enter_context(tenant(kubectl, service, name)) for name in ("iso-a", "iso-b")]
        yield World(kubectl, service, bucket, *(_furnished(service, each) for each in made))


def _furnished(service: Installed, tenant: Tenant) -> Tenant:
    client = Client(service.url, tenant.name, tenant.person, timeout=60)
    # The cluster's decision that the person has no right yet counts for a while.
    until(lambda: _admitted(client))
    made = submitted(service.url, tenant)
    return made._replace(letter=buried(service.events, made, client))


def _admitted(client: Client) -> bool:
    try:
        list(client.experiments())
    except NotFound:
        return False
    return True


@contextmanager
def tenant(kubectl: Kubectl, service: Installed, name: str) -> Iterator[Tenant]:
    prefix = service.trials.removesuffix("default")
    namespace, person = prefix + name, "ann"
    where = ("-n", namespace)
    given = ["--prefix", prefix, "--service-namespace", service.namespace, "--overlay", "plain"]
    try:
        with pytest.MonkeyPatch.context() as patch:
            beside = Path(os.environ["KUBECONFIG"]).parent
            patch.setenv("PATH", f"{beside}:{os.environ['PATH']}")
            assert main(["tenant", "create", name, *given, *DNS, "--apply"]) == 0
        kubectl(*where, "create", "serviceaccount", person)
        bound = (
            f"--clusterrole={ROLE}-{service.namespace}",
            f"--serviceaccount={namespace}:{person}",
        )
        kubectl(*where, "create", "rolebinding", person, *bound)
        token = kubectl(*where, "create", "token", person, "--audience=tunelet").strip()
        yield Tenant(name, namespace, token)
    finally:
        kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")

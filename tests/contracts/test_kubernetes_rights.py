"""The rights in docs/guides/kubernetes.md are enough; without one, the error names it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.launchers.kubernetes.access import access
from adapters.launchers.kubernetes.api import KubernetesApi, Object
from adapters.launchers.kubernetes.launcher import KubernetesLauncher, Options
from tests.contracts.clusters import api, namespaces, needs_cluster, training
from tests.contracts.launchers import ended, until
from tunelet.core.run import Phase, Run
from tunelet.core.trial import Verdict
from tunelet.errors import Forbidden

pytestmark = needs_cluster

DOCUMENT = Path(__file__).parents[2] / "docs" / "guides" / "kubernetes.md"
RUN = Run("rights", "least", "u1", 0, 1)
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/"


def documented() -> list[Object]:
    """The rules in the table under "Rights"."""
    table = DOCUMENT.read_text().partition("## Rights")[2]
    rules = []
    for resources, verbs in re.findall(r"^\| (`.+?) \| (.+?) \|$", table, re.MULTILINE):
        for resource in re.findall(r"`(.+?)`", resources):
            group = "batch" if resource.startswith("batch/") else ""
            rules.append(
                {
                    "apiGroups": [group],
                    "resources": [resource.removeprefix("batch/")],
                    "verbs": re.findall(r"\w+", verbs.partition("(")[0]),
                }
            )
    return rules


def launcher_of(account: str, prefix: str) -> KubernetesLauncher:
    """As the service account that it makes."""
    path = f"/api/v1/namespaces/{prefix}rights/serviceaccounts"
    api().create(
        path, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}
    )
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    made = api().create(f"{path}/{account}/token", request) or {}
    token = made["status"]["token"]
    admin = access()
    own = admin._replace(authorization=lambda: f"Bearer {token}", cert_file=None, key_file=None)
    return KubernetesLauncher(KubernetesApi(own), Options(prefix=prefix))


@pytest.fixture(scope="module")
def prefix() -> Iterator[str]:
    with namespaces("rights") as prefix:
        yield prefix


def test_the_documented_rights_are_enough(prefix: str) -> None:
    launcher, rights = launcher_of("tunelet", prefix), RBAC.format(f"{prefix}rights")
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "tunelet"}}
    api().create(f"{rights}roles", {**kind, "kind": "Role", "rules": documented()})
    binding = {
        **kind,
        "kind": "RoleBinding",
        "subjects": [{"kind": "ServiceAccount", "name": "tunelet"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tunelet"},
    }
    api().create(f"{rights}rolebindings", binding)
    second = RUN._replace(number=1)
    until(lambda: _may(launcher))
    launcher.launch(training(RUN, "print('objective=1')", {"nodes": 2}))
    launcher.launch(training(second, "", {"node_selector": {"no": "where"}}))
    assert ended(launcher, RUN).verdict is Verdict.COMPLETE
    assert b"".join(launcher.logs(RUN)) == b"objective=1\n"
    until(lambda: launcher.observe(second).waiting)
    assert list(launcher.active("rights", "least")) == [second]
    launcher.stop(second)
    until(lambda: launcher.observe(second).phase is Phase.ABSENT)
    launcher.remove("rights", "least", "u1")
    assert launcher.observe(RUN).phase is Phase.ABSENT


def _may(launcher: KubernetesLauncher) -> bool:
    """The API takes a moment to know of new rights."""
    try:
        return list(launcher.active("rights", "least")) == []
    except Forbidden:
        return False


def test_the_error_names_missing_rights(prefix: str) -> None:
    with pytest.raises(Forbidden, match=r'cannot create resource "jobs".*Role'):
        launcher_of("nobody", prefix).launch(training(RUN._replace(number=9), ""))

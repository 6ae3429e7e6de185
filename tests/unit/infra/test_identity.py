"""The component of identities gives the API its configuration, on Knative and without it."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.unit.infra.conftest import Check, Resource
from tests.unit.infra.test_manifests import ROOT, rendered

pytestmark = pytest.mark.xdist_group("manifests")


@pytest.fixture(params=["knative", "plain"])
def with_identity(request: pytest.FixtureRequest) -> Iterator[list[Resource]]:
    with TemporaryDirectory(dir=ROOT / "tests" / "manifests") as folder:
        up = "../../../infra/knative"
        overlay = {
            "resources": [f"{up}/overlays/{request.param}"],
            "components": [f"{up}/identity"],
        }
        Path(folder, "kustomization.yaml").write_text(json.dumps(overlay))
        yield rendered(folder)


def test_the_api_gets_the_file_and_the_right_to_ask(with_identity: list[Resource]) -> None:
    pods = [
        each["spec"]["template"]["spec"]
        for each in with_identity
        if each["kind"] in ("Service", "Deployment") and "template" in each["spec"]
    ]
    asking = [pod for pod in pods if "TUNELET_IDENTITY" in json.dumps(pod)]
    assert len(asking) == 1
    (container,) = asking[0]["containers"]
    (variable,) = [each for each in container["env"] if each["name"] == "TUNELET_IDENTITY"]
    (mounted,) = [each for each in container["volumeMounts"] if each["name"] == "identity"]
    (volume,) = [each for each in asking[0]["volumes"] if each["name"] == "identity"]
    assert variable["value"].startswith(mounted["mountPath"])
    names = [each["metadata"]["name"] for each in with_identity if each["kind"] == "ConfigMap"]
    assert volume["configMap"]["name"] in names
    (binding,) = [each for each in with_identity if each["metadata"]["name"] == "tunelet-review"]
    accounts = [each["name"] for each in binding["subjects"]]
    assert asking[0]["serviceAccountName"] in accounts


def test_the_manifests_with_identities_are_valid(
    with_identity: list[Resource], check: Check
) -> None:
    assert check(with_identity) == []

"""`make deploy CLOUD=aws` on a real cluster, with an S3 server standing in for S3."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Bucket, Kubectl
from tests.unit.infra.test_platform import DEPLOY, given
from tunelet import __version__

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

HERE = ("-n", "tunelet")


def outputs(bucket: Bucket) -> dict[str, Any]:
    """Terraform's outputs for this bucket, with images that are on the nodes."""
    found = given("aws", "plain")
    found["store_url"]["value"] = bucket.url
    found["images"]["value"] = {
        name: f"dev.local/{name}" for name in ("tunelet", "tunelet-collector")
    }
    return found


@pytest.fixture
def deploy(kubectl: Kubectl, bucket: Bucket, tmp_path: Path) -> Iterator[Any]:
    """Runs deploy.py. On this cluster no role gives credentials to pods: a Secret does."""
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(outputs(bucket)))
    path = f"{Path(os.environ['KUBECONFIG']).parent}{os.pathsep}{os.environ['PATH']}"
    context = kubectl("config", "current-context").strip()

    def run(action: str) -> str:
        command = [sys.executable, str(DEPLOY), action, "aws", "--tag", __version__]
        command += ["--outputs", str(file), "--folder", str(tmp_path / "overlay")]
        ran = subprocess.run(
            [*command, "--context", context],
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    kubectl("create", "namespace", "tunelet")
    literals = [f"--from-literal={name}={value}" for name, value in bucket.credentials.items()]
    kubectl(*HERE, "create", "secret", "generic", "tunelet-store", *literals)
    yield run
    run("destroy")


def test_the_platform_runs_from_terraforms_outputs_and_is_removed(
    deploy: Any, kubectl: Kubectl
) -> None:
    said = deploy("deploy")
    # The pods are ready only if they reach the store and the cluster.
    assert "successfully rolled out" in said
    account = json.loads(kubectl(*HERE, "get", "serviceaccount", "tunelet", "-o", "json"))
    wanted = given("aws", "plain")["service_accounts"]["value"]["tunelet/tunelet"]["annotations"]
    assert wanted.items() <= account["metadata"]["annotations"].items()
    kubectl("-n", "tunelet-trials-team-a", "get", "rolebinding", "tunelet-launch")

    secret = kubectl(*HERE, "get", "secret", "tunelet", "-o", "jsonpath={.data}")
    deploy("deploy")
    assert kubectl(*HERE, "get", "secret", "tunelet", "-o", "jsonpath={.data}") == secret

    deploy("destroy")
    left = kubectl("get", "namespace", "-o", "name")
    assert "namespace/tunelet\n" not in left
    assert "tunelet-trials-" not in left

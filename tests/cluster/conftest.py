"""The real cluster that KUBECONFIG names, and the S3 server that its pods can reach.

The cluster must have the images localhost/python:3.11, dev.local/tunelet and
dev.local/tunelet-collector; AWS_ENDPOINT_URL_S3 and TUNELET_TEST_S3_URL name the store.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra" / "knative"
AWS = ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")

Kubectl = Callable[..., str]


class Bucket(NamedTuple):
    url: str
    credentials: dict[str, str]
    host: str
    """An address of this machine that pods can reach."""


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """Runs kubectl and returns its output; unless it `fails`, its exit code must be 0."""
    config = os.environ.get("KUBECONFIG")
    if not config:
        pytest.skip("KUBECONFIG names no cluster")
    program = shutil.which("kubectl", path=f"{Path(config).parent}:{os.environ['PATH']}")
    if program is None:
        pytest.skip("needs kubectl")

    def run(*arguments: str, fails: bool = False) -> str:
        ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        assert fails or ran.returncode == 0, f"kubectl {' '.join(arguments)}: {ran.stderr}"
        return ran.stdout

    return run


@pytest.fixture(scope="session")
def core() -> Any:
    """The pods and namespaces of the cluster."""
    from kubernetes import client, config

    config.load_kube_config()
    return client.CoreV1Api()


@pytest.fixture(scope="module")
def bucket() -> Bucket:
    """A prefix of its own in the test's bucket."""
    return own_prefix()


def own_prefix() -> Bucket:
    url, endpoint = (os.environ.get(n, "") for n in ("TUNELET_TEST_S3_URL", AWS[0]))
    host = urlsplit(endpoint).hostname or ""
    if not url or host in ("", "127.0.0.1", "localhost"):
        pytest.skip("AWS_ENDPOINT_URL_S3 and TUNELET_TEST_S3_URL name no store that pods can reach")
    credentials = {name: os.environ[name] for name in AWS} | {"AWS_ALLOW_HTTP": "true"}
    return Bucket(f"{url}/{uuid4().hex}", credentials, host)


def overlay(folder: Path, resources: Sequence[str], **parts: object) -> Path:
    """A kustomization in the folder, as a user writes one; `resources` are folders of infra/."""
    paths = [os.path.relpath(INFRA / each, folder) for each in resources]
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (folder / "kustomization.yaml").write_text(
        yaml.safe_dump({**head, "resources": paths, **parts})
    )
    return folder

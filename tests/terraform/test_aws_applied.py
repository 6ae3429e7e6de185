"""The AWS configuration applied to moto's server, which imitates AWS, and destroyed.

The server knows neither add-ons nor access entries of EKS, and forgets some settings of a cluster
and its nodes. The copy that is applied lacks the former, and does not compare the latter.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.platform.overlay import Ways, overlay, read_outputs
from tests.terraform.conftest import TERRAFORM, Command

SERVER = TERRAFORM.parents[1] / ".venv-terraform" / "bin" / "moto_server"
ACCOUNT, REGION, BUCKET = "123456789012", "eu-central-1", "acme-tunelet"
OWN = "acme-team-a"
"""The bucket of the tenant team-a."""
KEY = "experiments/v1/default/digits/journal/00000000000000000001.json"
INPUTS = f"""
account            = "{ACCOUNT}"
region             = "{REGION}"
bucket             = "{BUCKET}"
kubernetes_version = "1.33"
tenants            = ["default", "team-a"]
tenant_buckets     = {{ team-a = "{OWN}" }}
"""
OVERRIDE = """
provider "aws" {
  access_key              = "test"
  secret_key              = "test"
  s3_use_path_style       = true
  skip_metadata_api_check = true
  endpoints {
%s
  }
}
terraform {
  backend "local" {}
}
"""
FORGOTTEN = """
resource "aws_eks_cluster" "main" {
  lifecycle {
    ignore_changes = [access_config, bootstrap_self_managed_addons]
  }
}
resource "aws_launch_template" "pool" {
  lifecycle {
    ignore_changes = [tag_specifications]
  }
}
resource "aws_eks_node_group" "system" {
  lifecycle {
    ignore_changes = all
  }
}
resource "aws_eks_node_group" "training" {
  lifecycle {
    ignore_changes = all
  }
}
"""
SERVICES = ("ec2", "ecr", "eks", "iam", "logs", "s3", "sts")
ADDONS = re.compile(r'^(#[^\n]*\n)*resource "aws_eks_addon" "\w+" \{\n.*?^\}\n', re.M | re.S)
pytestmark = pytest.mark.terraform


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with nothing in it."""
    if not SERVER.exists():
        pytest.skip("needs moto, which `make test-terraform` installs into .venv-terraform")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    # Without this it does not have the policies that AWS manages.
    env = os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    log = tmp_path_factory.mktemp("moto") / "log"
    command = [str(SERVER), "-H", "127.0.0.1", "-p", str(port)]
    with (
        log.open("w") as output,
        subprocess.Popen(command, env=env, stdout=output, stderr=output) as server,
    ):
        try:
            _until_listening(port, server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _until_listening(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        assert server.poll() is None, log.read_text()
        with closing(socket.socket()) as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)


@pytest.fixture(scope="module")
def folder(moto: str, tmp_path_factory: pytest.TempPathFactory, terraform: Command) -> Path:
    target = tmp_path_factory.mktemp("applied") / "terraform"
    shutil.copytree(TERRAFORM, target, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    for file in (target / "modules/aws/cluster").glob("*.tf"):
        file.write_text(re.sub(r"aws_eks_addon\.\w+(, )?", "", ADDONS.sub("", file.read_text())))
    (target / "modules/aws/cluster/override.tf").write_text(FORGOTTEN)
    root = target / "aws"
    endpoints = "\n".join(f'    {service} = "{moto}"' for service in SERVICES)
    (root / "override.tf").write_text(OVERRIDE % endpoints)
    (root / "terraform.tfvars").write_text(INPUTS)
    done = terraform("init", "-input=false", "-no-color", folder=root)
    if "Failed to query available provider packages" in done.stderr:
        pytest.skip("needs AWS's provider")
    assert done.returncode == 0, done.stderr
    return root


def client(moto: str, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=moto,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def named(policy: dict[str, Any]) -> set[str]:
    """The roles that a bucket's policy gives rights."""
    found: set[str] = set()
    for statement in policy["Statement"]:
        if statement["Effect"] == "Allow":
            roles = statement["Principal"]["AWS"]
            found.update([roles] if isinstance(roles, str) else roles)
    return found


def test_the_account_gets_an_installation_and_loses_it_again(
    folder: Path, moto: str, terraform: Command
) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        done = terraform(*arguments, "-input=false", "-no-color", folder=folder)
        said = done.stdout[done.stdout.find("\nTerraform will perform") :] + done.stderr
        assert done.returncode == code, said
        return done.stdout + done.stderr

    run("apply", "-auto-approve")
    # A second plan has nothing to change: 2 would mean that it has.
    run("plan", "-detailed-exitcode")
    buckets, roles, clusters = client(moto, "s3"), client(moto, "iam"), client(moto, "eks")
    assert "tunelet-trials-team-a" in {role["RoleName"] for role in roles.list_roles()["Roles"]}
    assert clusters.describe_nodegroup(clusterName="tunelet", nodegroupName="cpu")["nodegroup"][
        "scalingConfig"
    ] == {"minSize": 0, "maxSize": 10, "desiredSize": 0}

    platform = read_outputs(terraform("output", "-json", folder=folder).stdout)
    given = {
        account: each["annotations"]["eks.amazonaws.com/role-arn"]
        for account, each in platform.service_accounts.items()
    }
    assert set(given.values()) <= {role["Arn"] for role in roles.list_roles()["Roles"]}
    assert overlay(platform, "1.2.3", Ways("../knative", "../platform"))
    assert platform.stores == {"team-a": {"url": f"s3://{OWN}/experiments"}}
    policy = json.loads(buckets.get_bucket_policy(Bucket=OWN)["Policy"])
    functions = {arn for account, arn in given.items() if account.startswith("tunelet/")}
    assert named(policy) == functions

    # The server keeps to the bucket's policy, and this address has no TLS.
    for bucket in (BUCKET, OWN):
        with pytest.raises(ClientError, match="403"):
            buckets.put_object(Bucket=bucket, Key=KEY, Body=b"{}")
    run("destroy", "-auto-approve", "-target=module.installation.aws_s3_bucket_policy.store")
    for bucket in (BUCKET, OWN):
        buckets.put_object(Bucket=bucket, Key=KEY, Body=b"{}")
    # A tenant without its bucket would lose its experiments, too.
    kept = run("apply", "-auto-approve", "-var=tenant_buckets={}", code=1)
    assert "BucketNotEmpty" in kept
    kept = run("destroy", "-auto-approve", "-target=module.installation", code=1)
    assert kept.count("BucketNotEmpty") >= 2
    for bucket in (BUCKET, OWN):
        assert buckets.get_object(Bucket=bucket, Key=KEY)["Body"].read() == b"{}"

    gone = ("-auto-approve", "-var=destroy_data=true")
    run("apply", *gone, "-target=module.installation.aws_s3_bucket.store")
    run("destroy", *gone)
    for bucket in (BUCKET, OWN):
        with pytest.raises(ClientError, match="404"):
            buckets.head_bucket(Bucket=bucket)
    assert clusters.list_clusters()["clusters"] == []
    assert [role for role in roles.list_roles()["Roles"] if "tunelet" in role["RoleName"]] == []

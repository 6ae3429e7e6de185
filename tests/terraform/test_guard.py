"""On Azure, Terraform keeps the experiments. On AWS and Google the providers see to it."""

import json
import re
from pathlib import Path

import pytest

from tests.terraform.conftest import TERRAFORM, Command

GUARD = TERRAFORM / "modules/azure/installation/guard.tf"
CONTAINER = re.compile(r"azurerm_storage_container\.store\b")
NAMES = """
variable "destroy_data" {
  type = bool
}
variable "account" {
  default = "acmetunelet"
}
variable "containers" {
  type    = map(string)
  default = { shared = "store", "tenant/team-a" = "team-a" }
}
resource "terraform_data" "container" {
  for_each         = var.containers
  input            = each.value
  triggers_replace = [var.account, each.value]
}
locals {
  containers = {
    for store, each in terraform_data.container : store => { name = each.triggers_replace[1] }
  }
}
"""
KEEP, DELETE = "-var=destroy_data=false", "-var=destroy_data=true"
CHANGES = {
    "another storage account": "-var=account=acmeother",
    "a tenant without its container": '-var=containers={shared="store"}',
    "another container": '-var=containers={shared="store","tenant/team-a"="other"}',
}
pytestmark = pytest.mark.terraform


@pytest.fixture
def guarded(tmp_path: Path, terraform: Command) -> Path:
    """The guard over containers that Terraform makes by itself, applied to keep them."""
    text = GUARD.read_text().replace("azurerm_storage_account.store.name", "var.account")
    assert CONTAINER.search(text)
    (tmp_path / "main.tf").write_text(NAMES + CONTAINER.sub("local.containers", text))
    assert terraform("init", folder=tmp_path).returncode == 0
    assert terraform("apply", "-auto-approve", KEEP, folder=tmp_path).returncode == 0
    return tmp_path


def test_destroy_is_refused_until_destroy_data_was_applied(
    guarded: Path, terraform: Command
) -> None:
    # Only what was applied counts.
    for word in (KEEP, DELETE):
        refused = terraform("destroy", "-auto-approve", word, folder=guarded)
        assert refused.returncode == 1
        assert "apply destroy_data = true first" in refused.stdout + refused.stderr
    assert terraform("apply", "-auto-approve", DELETE, folder=guarded).returncode == 0
    assert terraform("destroy", "-auto-approve", DELETE, folder=guarded).returncode == 0


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_deletes_a_container_is_refused(
    change: str, guarded: Path, terraform: Command
) -> None:
    before = terraform("state", "pull", folder=guarded).stdout
    refused = terraform("apply", "-auto-approve", KEEP, CHANGES[change], folder=guarded)
    assert refused.returncode == 1
    assert "apply destroy_data = true first" in refused.stdout + refused.stderr
    assert containers(terraform("state", "pull", folder=guarded).stdout) == containers(before)
    assert terraform("apply", "-auto-approve", DELETE, folder=guarded).returncode == 0
    done = terraform("apply", "-auto-approve", DELETE, CHANGES[change], folder=guarded)
    assert done.returncode == 0, done.stdout + done.stderr


def containers(state: str) -> set[str]:
    found = [each for each in json.loads(state)["resources"] if each["name"] == "container"]
    return {one["attributes"]["id"] for each in found for one in each["instances"]}

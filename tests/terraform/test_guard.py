"""On Azure, terraform destroy keeps the experiments. On AWS and Google the providers see to it."""

from pathlib import Path

import pytest

from tests.terraform.conftest import TERRAFORM, Command

GUARD = TERRAFORM / "modules/azure/installation/guard.tf"
pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("terraform")]


@pytest.fixture
def guarded(tmp_path: Path) -> Path:
    """The guard alone, with a name for the storage account."""
    text = GUARD.read_text().replace("azurerm_storage_account.store.name", '"acmetunelet"')
    variable = 'variable "destroy_data" {\n  type = bool\n}\n'
    (tmp_path / "main.tf").write_text(variable + text)
    return tmp_path


def test_destroy_is_refused_until_destroy_data_was_applied(
    guarded: Path, terraform: Command
) -> None:
    kept, ended = (
        ["-auto-approve", "-var=destroy_data=false"],
        ["-auto-approve", "-var=destroy_data=true"],
    )
    assert terraform("init", folder=guarded).returncode == 0
    assert terraform("apply", *kept, folder=guarded).returncode == 0
    # Only what was applied counts.
    for arguments in (kept, ended):
        refused = terraform("destroy", *arguments, folder=guarded)
        assert refused.returncode == 1
        assert "apply destroy_data = true first" in refused.stdout + refused.stderr
    assert terraform("apply", *ended, folder=guarded).returncode == 0
    assert terraform("destroy", *ended, folder=guarded).returncode == 0

"""Terraform accepts the configurations, and its own tests of them pass with mock providers."""

import pytest

from tests.terraform.conftest import TERRAFORM, Command, Prepare

CONFIGURATIONS = sorted(
    {str(file.parent.relative_to(TERRAFORM)) for file in TERRAFORM.rglob("versions.tf")}
)
TESTED = [name for name in CONFIGURATIONS if (TERRAFORM / name / "tests").is_dir()]
pytestmark = pytest.mark.terraform


def test_the_files_are_formatted(terraform: Command) -> None:
    done = terraform("fmt", "-check", "-recursive", "-no-color")
    assert done.returncode == 0, f"terraform fmt -recursive changes {done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_is_valid(name: str, terraform: Command, prepared: Prepare) -> None:
    done = terraform("validate", "-no-color", folder=prepared(name))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", TESTED)
def test_the_tests_of_a_configuration_pass(
    name: str, terraform: Command, prepared: Prepare
) -> None:
    done = terraform("test", "-no-color", folder=prepared(name))
    assert done.returncode == 0, done.stdout + done.stderr


WRONG = {
    "an attribute that the provider does not know": ("project  ", "projekt  "),
    "an attribute where the provider takes a block": ("  versioning {", "  versioning = {"),
    "a value of another type": ("force_destroy = var.destroy_data", 'force_destroy = "never"'),
    "a resource without what it needs": ("  location      = var.region\n", ""),
    "a type that the provider lacks": (
        '"google_storage_bucket" "store"',
        '"google_buckets" "store"',
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_the_frozen_schema_refuses(fault: str, terraform: Command, prepared: Prepare) -> None:
    """So that a configuration which passes would also pass with the real provider's schema."""
    bucket = prepared("modules/gcp/installation") / "bucket.tf"
    right, (old, new) = bucket.read_text(), WRONG[fault]
    assert old in right
    bucket.write_text(right.replace(old, new))
    try:
        assert terraform("validate", "-no-color", folder=bucket.parent).returncode == 1
    finally:
        bucket.write_text(right)

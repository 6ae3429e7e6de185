"""checkov finds nothing but what a comment beside it accepts, with a reason."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.conftest import TERRAFORM

CHECKOV = TERRAFORM.parents[1] / ".venv-terraform" / "bin" / "checkov"
pytestmark = pytest.mark.terraform


def checked(folder: Path) -> dict[str, Any]:
    """checkov's report on a folder, from the rules that it has: it asks no server for others."""
    if not CHECKOV.exists():
        pytest.skip("needs checkov, which `make test-terraform` installs into .venv-terraform")
    command = [str(CHECKOV), "--directory", str(folder), "--framework", "terraform"]
    ran = subprocess.run(
        [*command, "--skip-download", "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def test_what_checkov_finds_is_accepted_with_a_reason(copied: Path) -> None:
    report = checked(copied)
    found = {(each["check_id"], each["resource"]) for each in report["results"]["failed_checks"]}
    assert found == set()
    assert report["summary"]["passed"] > 100
    reasons = [
        each["check_result"]["suppress_comment"] for each in report["results"]["skipped_checks"]
    ]
    assert all(len(reason) > 10 for reason in reasons)


def test_checkov_sees_a_bucket_that_the_public_may_read(tmp_path: Path) -> None:
    bucket = (TERRAFORM / "modules/gcp/installation/bucket.tf").read_text()
    enforced = 'public_access_prevention    = "enforced"'
    assert enforced in bucket
    (tmp_path / "bucket.tf").write_text(bucket.replace(enforced, ""))
    found = {each["check_id"] for each in checked(tmp_path)["results"]["failed_checks"]}
    assert "CKV_GCP_114" in found

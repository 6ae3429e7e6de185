"""What Terraform's files say agrees with the code and the documents.

Reads text only; tests/terraform runs Terraform.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TERRAFORM = ROOT / "infra" / "terraform"
RIGHTS = TERRAFORM / "modules/aws/installation/rights.tf"


def test_each_provider_is_pinned_to_one_version() -> None:
    """No lock file is in the repository, so a range would mean another provider each day."""
    for file in TERRAFORM.rglob("versions.tf"):
        pins = re.findall(r'^      version = "(.+)"$', file.read_text(), re.M)
        assert pins, file
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", pin) for pin in pins), file


def test_the_rights_are_on_the_key_prefixes_of_the_protocol() -> None:
    """A new kind of key that no policy names would be refused in each cloud."""
    keys = (ROOT / "docs/protocol.md").read_text().partition("## Keys")[2].partition("\n## ")[0]
    stored = set(re.findall(r"^    (\w+)", keys, re.M))
    rights = RIGHTS.read_text()
    granted = re.search(r"log_keys\s+= \[(.+)\]\n\s+dead_keys\s+= \[(.+)\]", rights)
    assert granted is not None
    assert set(re.findall(r'"(\w+)', "".join(granted.groups()))) == stored


def test_the_rights_are_those_that_the_documents_name() -> None:
    """`docs/stores.md` and the policies name the same actions."""
    row = re.search(r"^\| S3 \| (s3:.+) \|$", (ROOT / "docs/stores.md").read_text(), re.M)
    assert row is not None
    rights = RIGHTS.read_text()
    assert set(re.findall(r'"(s3:\w+)"', rights)) - {"s3:prefix"} == set(row[1].split(" | "))

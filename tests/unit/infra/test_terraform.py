"""What Terraform's files say agrees with the code and the documents.

Reads text only; tests/terraform runs Terraform.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TERRAFORM = ROOT / "infra" / "terraform"
IDENTITIES = TERRAFORM / "modules/identities/main.tf"
CLOUDS = {"aws": "S3", "gcp": "Google", "azure": "Azure"}
"""Each cloud's folder, and its name in docs/operations/stores.md."""
RIGHTS_OF_STORES = (ROOT / "docs/operations/stores.md").read_text().partition("\n## Rights")[2]
VERBS = ("read", "write", "list", "delete")


def test_each_provider_is_pinned_to_one_version() -> None:
    """No lock file is in the repository, so a range would mean another provider each day."""
    for file in TERRAFORM.rglob("versions.tf"):
        pins = re.findall(r'^      version = "(.+)"$', file.read_text(), re.M)
        assert pins, file
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", pin) for pin in pins), file


def test_the_rights_are_on_the_key_prefixes_of_the_protocol() -> None:
    """A new kind of key that no policy names would be refused in each cloud."""
    protocol = (ROOT / "docs/concepts/protocol.md").read_text()
    keys = protocol.partition("## Keys")[2].partition("\n## ")[0]
    stored = set(re.findall(r"^(\w+)", keys.split("```")[1].removeprefix("text"), re.M))
    granted = re.search(r"log_keys\s+= \[(.+)\]\n\s+dead_keys\s+= \[(.+)\]", IDENTITIES.read_text())
    assert granted is not None
    assert set(re.findall(r'"(\w+)', "".join(granted.groups()))) == stored


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_rights_are_those_that_the_documents_name(cloud: str) -> None:
    """`docs/operations/stores.md` and the translation of each verb name the same right."""
    named = dict(zip(VERBS, documented(CLOUDS[cloud]), strict=True))
    assert translated(cloud) == named


def documented(name: str) -> list[str]:
    """The first right in each cell of the cloud's row; further words are for overwriting."""
    row = re.search(rf"^\| {name} \| (.+) \|$", RIGHTS_OF_STORES, re.M)
    assert row is not None, name
    return [re.split("[, ]", cell)[0] for cell in row[1].split(" | ")]


def translated(cloud: str) -> dict[str, str]:
    """The right for each verb, in the order of VERBS."""
    rights = (TERRAFORM / f"modules/{cloud}/installation/rights.tf").read_text()
    given = dict(re.findall(r'^    (read|write|delete|list) +?= "(.+)"$', rights, re.M))
    return {verb: given[verb] for verb in VERBS}


def declared(kind: str, folder: str) -> dict[str, str]:
    """The description and type of each variable or output of a configuration, by name."""
    text = "".join(file.read_text() for file in sorted((TERRAFORM / folder).glob("*.tf")))
    blocks = re.findall(rf'^{kind} "(\w+)" \{{\n(.+?)^\}}', text, re.M | re.S)
    return {name: _interface(block) for name, block in blocks}


def _interface(block: str) -> str:
    """Its lines on description and type; the defaults of attributes belong to a cloud."""
    lines = re.findall(r"^  (?:description|type) .+?(?=^  [a-z}#]|\Z)", block, re.M | re.S)
    text = re.sub(
        r"optional\((\w+(?:\(\w+\))?), .+\)$", r"optional(\1)", "".join(lines), flags=re.M
    )
    return " ".join(text.split())


@pytest.mark.parametrize("folder", ["{}", "modules/{}/installation"])
@pytest.mark.parametrize("kind", ["variable", "output"])
@pytest.mark.parametrize("cloud", list(CLOUDS)[1:])
def test_the_clouds_have_the_same_interface(folder: str, kind: str, cloud: str) -> None:
    expected = declared(kind, folder.format("aws"))
    assert len(expected) > 5
    assert declared(kind, folder.format(cloud)) == expected

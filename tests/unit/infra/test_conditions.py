"""Google's and Azure's conditions on a tenant's trials, evaluated on the keys that Tunelet writes.

The texts are those that `terraform test` requires of the configurations.
"""

import re
from fnmatch import fnmatchcase
from types import SimpleNamespace

import pytest

from tests.unit.infra.test_terraform import TERRAFORM
from tunelet.core.run import Run
from tunelet.log.keys import trial_prefix
from tunelet.log.reader import entry_key

OWN = trial_prefix(Run("team-a", "digits", "5f0c", 7, 1))
ODD = trial_prefix(Run("team-a", "trials", "5f0c", 7, 1))
ALLOWED = [f"{OWN}/model.pt", f"{OWN}/epochs/1/model.pt", f"{OWN}-1b2c3d4e/m", f"{ODD}/model.pt"]
REFUSED = [
    f"{trial_prefix(Run('team-b', 'digits', '5f0c', 7, 1))}/model.pt",
    f"{trial_prefix(Run('team-ab', 'digits', '5f0c', 7, 1))}/model.pt",
    f"{OWN}.1.lease",
    f"{OWN}.place",
    f"{ODD}.1.lease",
    entry_key("v1/team-a/digits/", 1),
    entry_key("v1/team-a/trials/", 1),
    "index/team-a/digits/5f0c",
    "dead/1",
    # An object of another tenant with the name of one of team-a.
    "v1/team-b/digits/trials/u/1/projects/_/buckets/acme-tunelet/objects/experiments/v1/team-a/e/trials/u/1/m",
]


class Text(str):
    """A string of IAM's conditions; https://cloud.google.com/iam/docs/conditions-attribute-reference."""

    def startsWith(self, start: str) -> bool:
        return self.startswith(start)

    def extract(self, template: str) -> "Text":
        """What is between the template's two texts, at the first place of the first; or nothing."""
        before, _, after = re.split(r"\{(\w+)\}", template)
        _, found, rest = self.partition(before)
        if not found or after not in rest:
            return Text("")
        return Text(rest[: rest.index(after)] if after else rest)


def google(key: str) -> bool:
    tests = (TERRAFORM / "modules/gcp/installation/tests/rights.tftest.hcl").read_text()
    run = tests.partition("a_tenant_reaches_its_own_checkpoints_only")[2].partition("\nrun ")[0]
    expression = "".join(re.findall(r'^ +"(resource\.name.+)",$', run, re.M))
    assert expression.count("&&") == 1
    name = Text(f"projects/_/buckets/acme-tunelet/objects/experiments/{key}")
    python = expression.replace("&&", "and").replace("||", "or")
    return bool(eval(python, {"resource": SimpleNamespace(name=name)}))


def azure(key: str) -> bool:
    tests = (TERRAFORM / "modules/azure/installation/tests/rights.tftest.hcl").read_text()
    run = tests.partition("a_tenant_reaches_its_own_checkpoints_only")[2].partition("\nrun ")[0]
    [pattern] = re.findall(r"@Resource.+StringLike \{'([^']+)'\}", run)
    return fnmatchcase(f"experiments/{key}", pattern)


@pytest.mark.parametrize("allowed", [google, azure])
def test_a_trial_reaches_its_checkpoints_and_nothing_else(allowed: object) -> None:
    assert callable(allowed)
    assert [key for key in ALLOWED if not allowed(key)] == []
    assert [key for key in REFUSED if allowed(key)] == []

"""The page of costs repeats its calculation, and its nodes are those that Terraform makes."""

import re
import tomllib

import pytest

from infra.terraform import costs
from tests.unit.infra.test_terraform import TERRAFORM

PRICES = tomllib.loads((TERRAFORM / "prices.toml").read_text())


def test_the_page_follows_from_the_prices() -> None:
    assert (TERRAFORM / "costs.md").read_text() == costs.page(PRICES), "run `make docs`"


def test_an_idle_installation_costs_its_parts() -> None:
    """Calculated by hand, from other numbers: 2 nodes at 0.1 for 100 hours are 20."""
    given = {"hours": 100, "idle": {"system_nodes": 2, "disk_gb": 50, "image_gb": 1, "log_gb": 2}}
    hourly = {f"{name}_hour": 0.1 for name in ("control_plane", "system_node", "nat", "address")}
    other = {"disk_gb_month": 0.2, "image_gb_month": 5, "log_gb": 0.5}
    parts = costs.idle({**given, "aws": hourly | other}, "aws")
    assert list(parts.values()) == pytest.approx([10, 20, 20, 20, 5, 1, 0])


def test_trials_cost_their_nodes_requests_and_objects() -> None:
    """600 trials of 10 minutes, 2 on a node, are 50 hours of nodes."""
    given = {"number": 600, "minutes": 10, "per_node": 2, "writes": 10, "reads": 5}
    given |= {"megabytes": 10, "nodes": 6, "minutes_to_remove": 10}
    each = {"training_node_hour": 0.2, "writes_1000": 0.01, "reads_1000": 0.001}
    parts = costs.trials({"trials": given, "gcp": each | {"store_gb_month": 0.02}}, "gcp")
    assert list(parts.values()) == pytest.approx([10, 0.2, 0.06, 0.003, 0.12])


@pytest.mark.parametrize("cloud", costs.CLOUDS)
def test_the_prices_are_of_the_nodes_that_terraform_makes(cloud: str) -> None:
    variables = (TERRAFORM / cloud / "variables.tf").read_text()
    system = re.search(r"variable \"system_pool\" \{.+?^\}", variables, re.M | re.S)
    assert system is not None
    assert f'["{PRICES[cloud]["system_node"]}"]' in system[0]
    assert re.search(rf"nodes +=.+, {PRICES['idle']['system_nodes']}\)", system[0])
    assert re.search(rf"disk_gb +=.+, {PRICES['idle']['disk_gb']}\)", system[0])
    training = re.search(r'cpu = \{ instance_types = \["([^"]+)".+spot = true', variables)
    assert training is not None
    assert PRICES[cloud]["training_node"] == f"{training[1]}, spot"

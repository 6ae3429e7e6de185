#!/usr/bin/env python3
"""Computes costs.md from prices.toml: idle, and for 1,000 trials. `make docs` runs it."""

import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CLOUDS = {"aws": "AWS", "gcp": "Google", "azure": "Azure"}
Prices = dict[str, Any]

PAGE = """\
# What an installation costs

`make docs` computes this page from [prices.toml](prices.toml): list prices of {dated}, in US
dollars. They were not compared with the clouds' own lists: check them before you rely on them.
The nodes are the defaults of each cloud's configuration.

## Idle, a month

{idle}
While no experiment is live, Tunelet itself costs nothing: functions and training pools are at
zero, and the store gets a few requests an hour. A cluster that exists anyway needs none of
the rows above: there `modules/CLOUD/installation` costs what the store holds.

## {number:,} trials

Each takes {minutes} minutes, {per_node} run on a node, and each stores {megabytes} MB for a
month.

{trials}
A trial has ten reports, and here shares no entry of the log with others: {writes} writes and
lists, {reads} reads. With many at a time it is less than one write
([measured](../../docs/benchmarks.md#requests)).
"""


def idle(prices: Prices, cloud: str) -> dict[str, float]:
    """Dollars a month while no experiment is live, by part."""
    each, given, hours = prices[cloud], prices["idle"], prices["hours"]
    nodes = given["system_nodes"]
    return {
        "control plane": each["control_plane_hour"] * hours,
        f"{nodes} system nodes": each["system_node_hour"] * nodes * hours,
        "their disks": each["disk_gb_month"] * nodes * given["disk_gb"],
        "NAT gateway and its address": (each["nat_hour"] + each["address_hour"]) * hours,
        "registry": each["image_gb_month"] * given["image_gb"],
        "logs of the control plane": each["log_gb"] * given["log_gb"],
        "training pools, functions, store": 0.0,
    }


def trials(prices: Prices, cloud: str) -> dict[str, float]:
    """Dollars that the trials add, by part; the objects stay for a month."""
    each, given = prices[cloud], prices["trials"]
    number = given["number"]
    hours = number * given["minutes"] / 60 / given["per_node"]
    removal = given["nodes"] * given["minutes_to_remove"] / 60
    return {
        "training nodes": each["training_node_hour"] * hours,
        "the same, until they are removed": each["training_node_hour"] * removal,
        "writes and lists of the store": each["writes_1000"] * given["writes"] * number / 1000,
        "reads from the store": each["reads_1000"] * given["reads"] * number / 1000,
        "checkpoints and the log": each["store_gb_month"] * given["megabytes"] * number / 1000,
    }


def page(prices: Prices) -> str:
    return PAGE.format(
        **prices["trials"],
        dated=prices["dated"],
        idle=_table({cloud: idle(prices, cloud) for cloud in CLOUDS}, prices, "system_node"),
        trials=_table({cloud: trials(prices, cloud) for cloud in CLOUDS}, prices, "training_node"),
    )


def _table(parts: dict[str, dict[str, float]], prices: Prices, node: str) -> str:
    names = [f"{CLOUDS[cloud]}, {prices[cloud]['region']}" for cloud in parts]
    rows = [[name, *(f"{parts[cloud][name]:.2f}" for cloud in parts)] for name in parts["aws"]]
    total = ["**sum**", *(f"**{sum(each.values()):.2f}**" for each in parts.values())]
    kinds = ["node", *(prices[cloud][node] for cloud in parts)]
    head = [["", *names], ["---", *("---:" for _ in names)]]
    return "".join(f"| {' | '.join(row)} |\n" for row in [*head, kinds, *rows, total])


def main() -> None:
    prices = tomllib.loads((HERE / "prices.toml").read_text())
    Path(sys.argv[1]).write_text(page(prices))


if __name__ == "__main__":
    main()

"""`python -m benchmarks NAME [--quick]`: a table for people, then one JSON object on one line.

Figures of one run are measured by turns on the same machine, so their ratios mean more
than they do themselves.
"""

import argparse
import importlib

from benchmarks.figures import line

BENCHMARKS = (
    "overhead",
    "suggest",
    "quality",
    "coldstart",
    "writers",
    "load",
    "reports",
    "requests",
    "stores",
    "clients",
    "cluster",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, rougher figures")
    options = parser.parse_args()
    print(line(importlib.import_module(f"benchmarks.{options.name}").run(quick=options.quick)))


if __name__ == "__main__":
    main()

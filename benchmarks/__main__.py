"""`python -m benchmarks NAME [--quick]`: prints a readable table, then one JSON object on one line.

The figures of one run are measured in alternation on the same machine, so their ratios mean more
than the figures themselves.
"""

import argparse
import importlib

from benchmarks.harness.figures import line

BENCHMARKS = (
    "overhead",
    "optuna_storage",
    "suggest",
    "quality",
    "failing",
    "coldstart",
    "start",
    "writers",
    "machines",
    "workers",
    "fairness",
    "load",
    "reports",
    "requests",
    "sweep",
    "stores",
    "page",
    "listing",
    "clients",
    "functions",
    "cluster",
    "flood",
    "zero",
    "soak",
)
BY_HAND = ("flood", "soak", "zero")
"""Benchmarks that `make bench` leaves out, because they take half an hour or more."""

OF_ALGORITHMS = ("suggest", "quality", "failing")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, rougher figures")
    parser.add_argument(
        "--only",
        metavar="ALGORITHM",
        action="append",
        help=f"only this one; may be repeated ({' and '.join(OF_ALGORITHMS)})",
    )
    parser.add_argument(
        "--seconds", metavar="N", type=int, help="how long soak lasts; by default an hour"
    )
    options = parser.parse_args()
    run = importlib.import_module(f"benchmarks.{options.name}").run
    if options.only and options.name not in OF_ALGORITHMS:
        parser.error(f"{options.name} does not compare algorithms, so it takes no --only")
    if options.seconds is not None and (options.name != "soak" or options.seconds < 1):
        parser.error("--seconds is for soak, and is 1 or more")
    given = {"only": options.only, "seconds": options.seconds}
    chosen = {name: value for name, value in given.items() if value}
    print(line(run(quick=options.quick, **chosen)))


if __name__ == "__main__":
    main()

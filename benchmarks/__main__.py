"""`python -m benchmarks NAME [--quick]`: a table for people, then one JSON object on one line.

Figures of one run are measured by turns on the same machine, so their ratios mean more
than they do themselves.
"""

import argparse
import importlib

from benchmarks.harness.figures import line

BENCHMARKS = (
    "overhead",
    "suggest",
    "quality",
    "failing",
    "coldstart",
    "writers",
    "load",
    "reports",
    "requests",
    "stores",
    "clients",
    "functions",
    "cluster",
    "soak",
)
BY_HAND = ("soak",)
"""Those that `make bench` leaves out: they take an hour."""

OF_ALGORITHMS = ("suggest", "quality", "failing")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, rougher figures")
    parser.add_argument(
        "--only",
        metavar="ALGORITHM",
        action="append",
        help=f"just this one; may be repeated ({' and '.join(OF_ALGORITHMS)})",
    )
    parser.add_argument(
        "--seconds", metavar="N", type=int, help="how long soak lasts; an hour unless given"
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

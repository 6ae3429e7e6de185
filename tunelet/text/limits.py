"""How large names and numbers may be, each limit in one place."""

METRIC_LENGTH = 128
"""Characters of a metric's name."""

METRICS = 1_000
"""Different metrics of a trial, besides those that its experiment names."""

STEPS = 10_000
"""Steps at which a trial has values."""

REPORTS_BYTES = 4 << 20
"""What the reports of a trial may take of its experiment's log, and of each snapshot while it
runs: 10,000 steps of ten metrics."""

CONDITIONS = 64
"""How many conditions may depend on each other: some libraries go down them by recursion."""


def is_metric_name(name: str) -> bool:
    """Whether a metric may be called so: no control characters, which a terminal would obey."""
    return 0 < len(name) <= METRIC_LENGTH and name.isprintable()

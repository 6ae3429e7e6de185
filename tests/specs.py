"""A spec in the form of the log, for tests that begin after requests are parsed."""

from typing import Any

SPEC: dict[str, Any] = {
    "name": "e",
    "namespace": "default",
    "objectives": [{"metric": "objective", "direction": "minimize", "goal": None}],
    "max_trials": 10_000,
    "parallel_trials": 4,
    "max_attempts": 3,
    "enqueue": [],
}

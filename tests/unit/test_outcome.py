"""From how a process ended, and what it printed, to the outcome of its attempt."""

from typing import Any

from adapters.launchers import verdict
from tunelet.metrics import Parser
from tunelet.trial import Outcome, Verdict

METRICS: dict[str, Any] = {
    "source": "stdout",
    "format": "text",
    "path": None,
    "pattern": None,
    "step": "step",
    "objectives": ["objective"],
}


def outcome(printed: str, objective: str = "objective", **metrics: Any) -> Outcome:
    """Of a training that printed this and exited with 0."""
    read = METRICS | {"objectives": [objective]} | metrics
    parser = Parser(read)
    parser.feed(printed.encode())
    parser.close()
    return verdict.exited(0, read, parser.values, printed, parser.remarks())


def test_the_reason_of_a_missing_objective_names_the_metrics_that_were_there() -> None:
    ended = outcome("val_loss=0.5\nAccuracy=0.93\n", "accuracy")
    assert ended.verdict is Verdict.FAIL
    assert "gave no value of 'accuracy'" in (ended.reason or "")
    assert 'found: Accuracy, val_loss; did you mean "Accuracy"?' in (ended.reason or "")

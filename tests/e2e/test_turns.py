"""Experiments of one `tunelet up` share its few places for processes."""

from collections.abc import Callable
from typing import Any


def test_a_late_experiment_gets_its_turn_before_an_early_one_is_done(
    up: Callable[..., Any], wait: Callable[[Callable[[], object]], None]
) -> None:
    service = up("--alias", "train=sh -c 'sleep 0.3; echo objective=1'", "--max-processes", "2")
    request = {
        "model_training_code": "train",
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "hpo_algorithm": "random_search",
        "parallel_trials": 3,
    }
    client = service.client
    client.submit({**request, "name": "early", "max_trials": 40})
    wait(lambda: client.experiment("early").json["counts"]["running"] > 1)
    late = client.submit({**request, "name": "late", "max_trials": 3})
    assert late.wait(timeout=60).state == "COMPLETE"
    assert client.experiment("early").state == "RUNNING"
    client.stop("early")

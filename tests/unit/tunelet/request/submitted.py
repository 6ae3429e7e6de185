"""Requests, and what becomes of them when they are parsed."""

from collections.abc import Mapping
from typing import Any

import pytest

from tunelet.core.problem import Demands
from tunelet.errors import FieldError, Reject
from tunelet.ports import Algorithm
from tunelet.request.spec import parse

SMALLEST: dict[str, Any] = {
    "model_training_code": "docker_image_url",
    "hyperparameters": {
        "learning_rate": {"type": "float", "min": 0.01, "max": 0.1},
        "batch_size": {"type": "int", "min": 32, "max": 128},
    },
    "hpo_algorithm": "random_search",
}


JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "train"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "train",
                        "args": [
                            "${hyperparameters.batch_size}",
                            "${hyperparameters.learning_rate}",
                        ],
                    }
                ]
            }
        }
    },
}


FULL: dict[str, Any] = {
    "name": "full",
    "namespace": "team-a",
    "model_training_code": {
        "image": "train:1",
        "command": ["python", "train.py"],
        "args": ["--out=${checkpoint.url}", "--home=${HOME}", "${hyperparameters.model}"],
        "env": {"TRIAL": "${trial.name}"},
        "resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": 2, "memory": "4Gi"}},
    },
    "hyperparameters": {
        "rate": {
            "type": "float",
            "min": 1e-4,
            "max": 1,
            "log": True,
            "when": {"model": ["svm", "net"]},
        },
        "momentum": {"type": "float", "min": 0, "max": 0.999, "reverse_log": True},
        "dropout": {"type": "float", "min": 0, "max": 0.5, "step": 0.1},
        "layers": {"type": "int", "min": 1, "max": 64, "scale": "log", "when": {"model": "net"}},
        "units": {
            "type": "int",
            "min": 16,
            "max": 64,
            "step": 16,
            "when": {"layers": {"min": 2}, "model": "net"},
        },
        "model": {
            "type": "categorical",
            "choices": ["svm", {"value": "net", "weight": 2}, {"value": None}, True, 3],
        },
        "gain": {"type": "normal", "mean": 0, "std": 1, "step": 0.5},
        "width": {"type": "lognormal", "mean": 2, "std": 1, "integer": True},
        "depth": {"type": "quantized", "min": 1, "max": 9, "log": True, "integer": True},
    },
    "hpo_algorithm": {"name": "tpe", "settings": {"startup": 5}},
    "objectives": [
        {"metric": "accuracy", "direction": "maximize", "goal": 0.99},
        {"metric": "latency"},
    ],
    "metrics": {"source": "file", "path": "out.txt", "pattern": r"(?P<name>\w+): (?P<value>\S+)"},
    "max_trials": 100,
    "parallel_trials": 10,
    "max_failed_trials": 0,
    "max_seconds": 3600,
    "trial_timeout_seconds": 60.5,
    "max_cost": 10,
    "cost_per_hour": 0.5,
    "max_attempts": 5,
    "enqueue": [{"momentum": 0, "dropout": 0.1, "model": True, "gain": 1, "width": 7, "depth": 2}],
    "seed": 42,
    "labels": {"team": "vision", "example.com/tier": ""},
}


class Algorithms:
    """Two algorithms without settings; `grid_search` needs a finite space."""

    def names(self) -> list[str]:
        return ["grid_search", "random_search", "tpe"]

    def describe(self) -> list[Mapping[str, Any]]:
        return []

    def problems(
        self, name: str, settings: Mapping[str, Any], demands: Demands
    ) -> list[FieldError]:
        space = demands.space
        if name not in self.names():
            return [FieldError("hpo_algorithm.name", name, "is not installed", "use tpe")]
        if name == "grid_search" and space is not None and space.size() is None:
            return [FieldError("hpo_algorithm.name", name, "needs a finite space", "add steps")]
        return []

    def load(self, name: str, settings: Mapping[str, Any]) -> Algorithm:
        raise NotImplementedError

    def rules(self) -> list[Mapping[str, Any]]:
        return []

    def rule_problems(
        self, name: str, settings: Mapping[str, Any], demands: Demands, field: str
    ) -> list[FieldError]:
        if name == "median":
            return []
        return [FieldError(f"{field}.name", name, "is not installed", "use median")]


def parsed(raw: object, namespace: str | None = None) -> dict[str, Any]:
    return parse(raw, Algorithms(), namespace)


def errors(raw: object, namespace: str | None = None) -> list[FieldError]:
    with pytest.raises(Reject) as caught:
        parsed(raw, namespace)
    assert caught.value.errors
    return list(caught.value.errors)


def spec_or_reject(raw: object) -> dict[str, Any] | Reject:
    try:
        return parsed(raw)
    except Reject as reject:
        return reject


def errors_with(**fields: Any) -> list[FieldError]:
    return errors({**SMALLEST, **fields})


def errors_of(**form: Any) -> list[FieldError]:
    """Those of a request with the hyperparameters `x`, and `c` and `f` to depend on."""
    return errors_with(
        hyperparameters={
            "c": {"type": "categorical", "choices": ["a", "b"]},
            "f": {"type": "float", "min": 0, "max": 1},
            "x": form,
        }
    )

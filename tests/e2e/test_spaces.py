"""A search space as Hyperopt's documentation has it, through the whole service."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hyperopt import hp

from tunelet.interop import assemble

# The training code gets the active hyperparameters, choices by their labels. What it makes of them
# is invented, for scikit-learn takes seconds to import.
TRAIN = """
import json, os

known = json.loads(os.environ["TUNELET_HYPERPARAMETERS"])
kind = known.pop("classifier_type")
if kind == "naive_bayes":
    error = 0.2
elif kind == "svm":
    linear = known.pop("svm_kernel") == "linear"
    width = 1.0 if linear else known.pop("svm_rbf_width")
    error = 0.02 * width / known.pop("svm_C")
else:
    bounded = known.pop("dtree_max_depth")
    depth = bounded and max(1, int(known.pop("dtree_max_depth_int")))
    split = max(2, int(known.pop("dtree_min_samples_split")))
    error = {"gini": 0.1, "entropy": 0.11}[known.pop("dtree_criterion")] + split / 100
assert not known, f"not of this branch: {known}"
print(f"objective={error:.6f}")
"""


def classifiers() -> Any:
    svm = {
        "type": "svm",
        "C": hp.lognormal("svm_C", 0, 1),
        "kernel": hp.choice(
            "svm_kernel",
            [{"ktype": "linear"}, {"ktype": "RBF", "width": hp.lognormal("svm_rbf_width", 0, 1)}],
        ),
    }
    tree = {
        "type": "dtree",
        "criterion": hp.choice("dtree_criterion", ["gini", "entropy"]),
        "max_depth": hp.choice(
            "dtree_max_depth", [None, hp.qlognormal("dtree_max_depth_int", 3, 1, 1)]
        ),
        "min_samples_split": hp.qlognormal("dtree_min_samples_split", 2, 1, 1),
    }
    return hp.choice("classifier_type", [{"type": "naive_bayes"}, svm, tree])


def test_the_classifiers_of_hyperopts_documentation_are_searched(
    up: Callable[..., Any], tmp_path: Path
) -> None:
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    service = up("--alias", f"classifiers={sys.executable} {script}")
    space = classifiers()
    service.client.submit(
        {
            "name": "classifiers",
            "model_training_code": "classifiers",
            "hyperparameters": space,
            "hpo_algorithm": {"name": "hyperopt.tpe", "settings": {"n_startup_jobs": 6}},
            "max_trials": 10,
            "parallel_trials": 2,
            "seed": 4,
        }
    )
    ended = service.client.experiment("classifiers").wait(timeout=300)
    trials = list(ended.trials)
    assert [one["state"] for one in trials] == ["COMPLETE"] * 10, trials
    chosen = [assemble(space, one["hyperparameters"]) for one in trials]
    assert {one["type"] for one in chosen} == {"naive_bayes", "svm", "dtree"}
    for one in chosen:
        wanted = {"svm": {"type", "C", "kernel"}, "naive_bayes": {"type"}}
        tree = {"type", "criterion", "max_depth", "min_samples_split"}
        assert one.keys() == wanted.get(one["type"], tree)
    assert ended.best["values"]["objective"] < 0.1

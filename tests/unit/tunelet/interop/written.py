"""Spaces of libraries as the service would take them."""

from random import Random
from typing import Any

from hyperopt import hp
from scipy import stats

from algorithms import load_catalog
from tunelet.core.trial import Assignment
from tunelet.interop import hyperparameters
from tunelet.request.spec import parse
from tunelet.space import Space


def space_of(written: Any) -> Space:
    """The space of a request that was submitted with this one."""
    request = {
        "model_training_code": "code",
        "hyperparameters": hyperparameters(written),
        "hpo_algorithm": "random_search",
    }
    return Space.of(parse(request, load_catalog())["hyperparameters"])


def classifiers(depth: Any, split: Any) -> Any:
    """The example of Hyperopt's documentation, with these distributions of a tree's numbers."""
    width = hp.lognormal("svm_rbf_width", 0, 1)
    kernels = [{"ktype": "linear"}, {"ktype": "RBF", "width": width}]
    return hp.choice(
        "classifier_type",
        [
            {"type": "naive_bayes"},
            {
                "type": "svm",
                "C": hp.lognormal("svm_C", 0, 1),
                "kernel": hp.choice("svm_kernel", kernels),
            },
            {
                "type": "dtree",
                "criterion": hp.choice("dtree_criterion", ["gini", "entropy"]),
                "max_depth": hp.choice("dtree_max_depth", [None, depth]),
                "min_samples_split": split,
            },
        ],
    )


def draws(space: Space, count: int) -> list[Assignment]:
    rng = Random(1)
    return [space.sample(rng) for _ in range(count)]


def same_distribution(some: list[Any], others: list[Any]) -> bool:
    """The Kolmogorov-Smirnov test finds no difference. Other values count by their place."""
    places = {one: place for place, one in enumerate(sorted(set(some) | set(others), key=repr))}
    if any(isinstance(one, str) for one in places):
        some, others = [places[one] for one in some], [places[one] for one in others]
    some, others = ([round(one, 9) for one in ones] for ones in (some, others))
    return bool(stats.ks_2samp(some, others).pvalue > 0.01)

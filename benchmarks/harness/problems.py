"""Published functions to optimize, and two trainings with scikit-learn. All are minimized.

`score` judges a search after a number of trials: by the smallest value (the true one if values are
noisy), or by the missing hypervolume below the reference point.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from tunelet.core.trial import Assignment
from tunelet.space import Space

Form = dict[str, Any]
Values = list[float]


class Problem(NamedTuple):
    hyperparameters: dict[str, Form]
    evaluate: Callable[[Assignment, Random], Values]
    source: str
    truth: Callable[[Assignment], float] | None = None
    """Returns the true value if values are noisy; None: they are not."""
    objectives: int = 1

    @property
    def space(self) -> Space:
        return Space.of(self.hyperparameters)

    def scores(self, assignments: Sequence[Assignment], values: Sequence[Values]) -> list[float]:
        """Return the score of the search after each trial, in the order of ends. Less is better."""
        if self.objectives > 1:
            return [_missing(values[: n + 1]) for n in range(len(values))]
        scores, least = [], math.inf
        for assignment, (value,) in zip(assignments, values, strict=True):
            if value < least:
                least, best = value, self.truth(assignment) if self.truth else value
            scores.append(best)
        return scores


def _float(low: float, high: float, **more: Any) -> Form:
    return {"type": "float", "min": low, "max": high, **more}


def _int(low: int, high: int, **more: Any) -> Form:
    return {"type": "int", "min": low, "max": high, **more}


def _choice(*choices: Any, **more: Any) -> Form:
    return {"type": "categorical", "choices": list(choices), **more}


def _point(assignment: Assignment) -> list[float]:
    return [float(str(value)) for value in assignment.values()]


def _branin(assignment: Assignment, _rng: Random) -> Values:
    x, y = _point(assignment)
    bent = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return [bent**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10]


_A = (
    (10, 3, 17, 3.5, 1.7, 8),
    (0.05, 10, 17, 0.1, 8, 14),
    (3, 3.5, 1.7, 10, 17, 8),
    (17, 8, 0.05, 10, 0.1, 14),
)
_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def _hartmann(assignment: Assignment, _rng: Random) -> Values:
    x = _point(assignment)
    inner = (
        sum(a * (each - p) ** 2 for a, p, each in zip(row, centre, x, strict=True))
        for row, centre in zip(_A, _P, strict=True)
    )
    return [-sum(c * math.exp(-each) for c, each in zip((1, 1.2, 3, 3.2), inner, strict=True))]


def _rosenbrock(assignment: Assignment, _rng: Random) -> Values:
    x = _point(assignment)
    return [sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x)) / 2000]


def _tree(assignment: Assignment, _rng: Random) -> Values:
    """Four leaves, each with its own parabola and one of two shifts."""
    place = [assignment["x1"] == 1, (assignment.get("x2") or assignment.get("x3")) == 1]
    leaf = 2 * place[0] + place[1]
    shift = float(str(assignment["r9" if place[0] else "r8"]))
    return [float(str(assignment[f"x{leaf + 4}"])) ** 2 + 0.1 * (leaf + 1) + shift]


def _sphere(assignment: Assignment) -> float:
    return sum(
        (each - optimum) ** 2
        for each, optimum in zip(_point(assignment), (1.3, -2.1, 0.4, 3.2, -3.6), strict=True)
    )


def _noisy(assignment: Assignment, rng: Random) -> Values:
    return [_sphere(assignment) * math.exp(rng.gauss(0, 1))]


def _zdt1(assignment: Assignment, _rng: Random) -> Values:
    first, *others = _point(assignment)
    g = 1 + 9 * sum(others) / len(others)
    return [first, g * (1 - math.sqrt(first / g))]


_REFERENCE = (1.0, 10.0)


def _missing(values: Sequence[Values]) -> float:
    """The part of the box below the reference point that no value dominates."""
    area, height = 0.0, _REFERENCE[1]
    for first, second in sorted(values):
        if second < height:
            area += (_REFERENCE[0] - first) * (height - second)
            height = second
    return _REFERENCE[0] * _REFERENCE[1] - area


def _chosen(assignment: Assignment, _rng: Random) -> Values:
    return [_classified(tuple(assignment.items()))]


@cache
def _classified(settings: tuple[tuple[str, Any], ...]) -> float:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import cross_val_score
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    given = dict(settings)
    match given["classifier"]:
        case "svm":
            model: Any = SVC(C=2.0 ** given["log2_c"], gamma=2.0 ** given["log2_gamma"])
        case "forest":
            depth, features = given["depth"], given["features"]
            model = RandomForestClassifier(
                8, max_depth=depth, max_features=features, random_state=0
            )
        case _:
            model = KNeighborsClassifier(given["neighbours"])
    images, digits = _digits()
    return 1 - float(cross_val_score(model, images[:300], digits[:300], cv=3).mean())


def _trained(assignment: Assignment, _rng: Random) -> Values:
    return [_error(tuple(assignment.items()))]


@cache
def _error(settings: tuple[tuple[str, Any], ...]) -> float:
    """The error rate on 597 digits."""
    from sklearn.linear_model import SGDClassifier

    images, digits = _digits()
    model = SGDClassifier(**dict(settings), learning_rate="constant", tol=None, random_state=0)
    model.fit(images[:600], digits[:600])
    return 1 - float(model.score(images[1200:], digits[1200:]))


@cache
def _digits() -> tuple[Any, Any]:
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    return images / 16, digits


_UNIT = {f"x{n}": _float(0.0, 1.0) for n in range(1, 7)}

PROBLEMS: dict[str, Problem] = {
    "branin": Problem(
        {"x": _float(-5.0, 10.0), "y": _float(0.0, 15.0)},
        _branin,
        "Branin, 1972; Dixon and Szegő, 1978",
    ),
    "hartmann6": Problem(_UNIT, _hartmann, "Hartman, 1973; Dixon and Szegő, 1978"),
    "rosenbrock_mixed": Problem(
        {f"d{n}": _int(-2, 2) for n in range(3)} | {f"x{n}": _float(-2.0, 2.0) for n in range(7)},
        _rosenbrock,
        "Rosenbrock's function of 3 integers and 7 floats: Bliek et al., 2021 (MVRSM), no noise",
    ),
    "tree": Problem(
        {
            "x1": _choice(0, 1),
            "x2": _choice(0, 1, when={"x1": [0]}),
            "x3": _choice(0, 1, when={"x1": [1]}),
            **{
                f"x{n}": _float(-1.0, 1.0, when={parent: [value]})
                for n, parent, value in ((4, "x2", 0), (5, "x2", 1), (6, "x3", 0), (7, "x3", 1))
            },
            "r8": _float(0.0, 1.0, when={"x1": [0]}),
            "r9": _float(0.0, 1.0, when={"x1": [1]}),
        },
        _tree,
        "conditional: Jenatton et al., ICML 2017, section 4.1",
    ),
    "classifiers": Problem(
        {
            "classifier": _choice("svm", "forest", "neighbours"),
            "log2_c": _int(-5, 15, when={"classifier": ["svm"]}),
            "log2_gamma": _int(-15, 3, when={"classifier": ["svm"]}),
            "depth": _int(1, 12, when={"classifier": ["forest"]}),
            "features": _int(1, 16, when={"classifier": ["forest"]}),
            "neighbours": _int(1, 30, when={"classifier": ["neighbours"]}),
        },
        _chosen,
        "conditional: three classifiers of digits, the SVM's grid that of Hsu et al., 2003",
    ),
    "noisy_sphere": Problem(
        {f"x{n}": _float(-5.0, 5.0) for n in range(5)},
        _noisy,
        "the sphere with Gaussian noise, f107 of BBOB-noisy: Hansen et al., 2009",
        truth=_sphere,
    ),
    "zdt1": Problem(
        _UNIT, _zdt1, "two objectives: Zitzler, Deb and Thiele, 2000, of 6 variables", objectives=2
    ),
    "digits": Problem(
        {
            "alpha": _float(1e-7, 1.0, scale="log"),
            "eta0": _float(1e-5, 10.0, scale="log"),
            "max_iter": _int(1, 6),
            "loss": _choice("hinge", "log_loss", "modified_huber"),
            "penalty": _choice("l2", "l1"),
        },
        _trained,
        "a linear classifier of digits, trained by stochastic gradient descent",
    ),
}

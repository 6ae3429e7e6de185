"""Which hyperparameters matter, from trials alone."""

import math
import random
from typing import Any

import pytest

from tests.unit.tunelet.client.test_results import Shown, shapes, trial
from tunelet.client.importance import bounds, importances, logarithmic
from tunelet.client.trial import Trial

LOSS = {"metric": "loss", "direction": "minimize", "goal": None}
FORMS: dict[str, Any] = {
    "lr": {"type": "float", "min": 1e-4, "max": 1.0, "scale": "log"},
    "opt": {"type": "categorical", "choices": ["sgd", "adam", True, 1]},
    "idle": {"type": "int", "min": 1, "max": 9},
}


def drawn(count: int, loss: Any, seed: int = 0) -> list[Trial]:
    """Trials drawn at random; `loss` computes their values."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        given = {
            "lr": 10 ** chance.uniform(-4, 0),
            "opt": chance.choice(["sgd", "adam", True, 1]),
            "idle": chance.randint(1, 9),
        }
        found.append(trial(number, loss(given), **given))
    return found


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_hyperparameter_on_which_the_value_depends_has_most_of_it(direction: str) -> None:
    trials = drawn(300, lambda given: abs(given["lr"] - 0.01))
    shares = importances(trials, FORMS, LOSS | {"direction": direction})
    assert next(iter(shares)) == "lr"
    assert shares["lr"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)


def test_forty_trials_show_what_matters_most() -> None:
    def loss(given: Any) -> float:
        slow = 0.3 if given["opt"] == "sgd" else 0.0
        return float((math.log10(given["lr"]) + 1.5) ** 2 + slow)

    found = [importances(drawn(40, loss, seed), FORMS, LOSS) for seed in range(20)]
    assert {next(iter(shares)) for shares in found} == {"lr"}
    assert all(shares["opt"] > 0 for shares in found)


def test_the_page_computes_the_same() -> None:
    """page/tests/trials.test.ts has the same trials and the same shares."""
    forms = {"rate": {"type": "float", "min": 0, "max": 1}, "kind": FORMS["opt"]}
    rates = [index * 37 % 60 / 60 for index in range(60)]
    kinds = ["abc"[index % 3] for index in range(60)]
    losses = [abs(r - 0.3) + (0 if k == "a" else 0.2) for r, k in zip(rates, kinds, strict=True)]
    trials = [trial(n, losses[n], rate=rates[n], kind=kinds[n]) for n in range(60)]
    shares = importances(trials, forms, LOSS)
    rounded = {name: round(share, 4) for name, share in shares.items()}
    assert rounded == {"rate": 0.6336, "kind": 0.3664}


def test_a_lognormal_number_is_seen_on_its_logarithm() -> None:
    """page/tests/trials.test.ts has the same trials and the same share."""
    forms = {
        "rate": {"type": "lognormal", "mean": -5.0, "std": 1.0},
        "noise": {"type": "float", "min": 0, "max": 1},
    }
    logs = [-7 + 4 * (index * 37 % 60) / 60 for index in range(60)]
    noises = [index * 7 % 60 / 60 for index in range(60)]
    trials = [
        trial(n, abs(logs[n] + 5), rate=math.exp(logs[n]), noise=noises[n]) for n in range(60)
    ]
    shares = importances(trials, forms, LOSS)
    rounded = {name: round(share, 4) for name, share in shares.items()}
    assert rounded == {"rate": 0.9978, "noise": 0.0022}


@pytest.mark.parametrize("step", [{}, {"step": 1.0}])
def test_the_axis_of_a_lognormal_number_has_its_values(step: dict[str, float]) -> None:
    form = {"type": "lognormal", "mean": 2.0, "std": 0.5, **step}
    assert bounds(form) == pytest.approx((math.exp(0.5), math.exp(3.5)))
    assert logarithmic(form) == (not step)  # a multiple of a step may be 0


def test_choices_are_compared_as_json_compares_them() -> None:
    """1 and True are two choices."""
    trials = drawn(300, lambda given: 0.0 if given["opt"] is True else 1.0 + given["idle"] / 100)
    shares = importances(trials, FORMS, LOSS)
    assert next(iter(shares)) == "opt"


def test_where_nothing_matters_no_share_is_invented() -> None:
    chance = random.Random(1)
    shares = [importances(drawn(200, lambda _: chance.random(), s), FORMS, LOSS) for s in range(20)]
    found = [share.get("lr", 0.0) for share in shares]
    assert sum(found) / len(found) < 0.6


def test_a_hyperparameter_that_only_good_trials_have_matters() -> None:
    """Its absence is a value like others: it is active under a condition."""
    trials = drawn(200, lambda given: given["idle"])
    for each in trials:
        if each.values["loss"] > 3:
            del each["hyperparameters"]["idle"]
    assert importances(trials, FORMS, LOSS)["idle"] > 0.5


def test_too_few_trials_and_trials_without_a_number_give_none() -> None:
    assert importances(drawn(5, lambda given: given["lr"]), FORMS, LOSS) == {}
    failed = [trial(n, "NaN", "COMPLETE") for n in range(50)]
    assert importances(failed, FORMS, LOSS) == {}


def test_equal_values_tell_no_importance() -> None:
    assert importances(drawn(60, lambda _: 0.24), FORMS, LOSS) == {}


def test_the_plot_has_a_bar_for_each_and_says_where_there_is_nothing() -> None:
    shown = Shown(*drawn(100, lambda given: given["lr"]))
    shown.experiment["spec"]["hyperparameters"] = FORMS
    assert len(shapes(shown.plot_importance(), "rect")) == len(shown.importances())
    [text] = shapes(Shown(trial(0)).plot_importance(), "text")
    assert text.text is not None
    assert text.text.startswith("too few trials")

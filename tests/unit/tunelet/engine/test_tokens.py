"""A trial's token is good for one attempt of it and for nothing else."""

import hmac

import pytest
from msgspec.structs import replace

from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.decide import decide
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import Experiment
from tunelet.core.fingerprint import of_trial
from tunelet.core.run import Run
from tunelet.core.trial import Trial
from tunelet.engine.tokens import Tokens
from tunelet.errors import Forbidden

RUN = Run("default", "e", "u", 3, 2)
TOKENS = Tokens(b"secret")


def experiment(namespace: str = "default", name: str = "e", uid: str = "u") -> Experiment:
    spec = SPEC | {"namespace": namespace, "name": name}
    state = evolve_all(None, decide(None, c.Submit(uid, spec), 0.0))
    assert state is not None
    return state


def test_a_token_names_the_run_that_it_was_issued_for() -> None:
    assert TOKENS.run(TOKENS.issue(RUN), experiment(), 3) == RUN


@pytest.mark.parametrize(
    ("other", "number"),
    [
        (experiment(), 4),
        (experiment(uid="w"), 3),
        (experiment(name="f"), 3),
        (experiment(namespace="team"), 3),
    ],
    ids=["trial", "life", "name", "namespace"],
)
def test_a_token_is_good_for_no_other(other: Experiment, number: int) -> None:
    with pytest.raises(Forbidden):
        TOKENS.run(TOKENS.issue(RUN), other, number)


def test_a_token_of_one_attempt_cannot_be_made_into_that_of_another() -> None:
    _, _, signature = TOKENS.issue(RUN).partition(".")
    with pytest.raises(Forbidden):
        TOKENS.run(f"3.{signature}", experiment(), 3)


def test_a_token_of_another_secret_is_refused() -> None:
    with pytest.raises(Forbidden):
        TOKENS.run(Tokens(b"another").issue(RUN), experiment(), 3)


def test_how_long_a_comparison_takes_does_not_tell_how_much_of_a_token_is_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = []
    exact = hmac.compare_digest

    def compare(a: bytes, b: bytes) -> bool:
        compared.append(b)
        return exact(a, b)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    token = TOKENS.issue(RUN)
    TOKENS.run(token, experiment(), 3)
    assert compared == [token.encode()]


def test_a_token_is_refused_if_a_restored_store_has_other_hyperparameters_for_the_attempt() -> None:
    def suggested(x: float) -> Experiment:
        first = experiment()
        trial = Trial(RUN.number, {"x": x}, created_at=0.0, attempt=RUN.attempt)
        return replace(first, trials={RUN.number: trial})

    mine, other = suggested(0.25), suggested(0.75)
    token = TOKENS.issue(RUN, of_trial(mine.trials[RUN.number]))
    assert TOKENS.run(token, mine, RUN.number) == RUN
    assert TOKENS.run(token, experiment(), RUN.number) == RUN
    with pytest.raises(Forbidden, match="older copy of the store"):
        TOKENS.run(token, other, RUN.number)
    attempt, _, signature = token.split(".")
    for forged in (f"{attempt}.{signature}", f"{attempt}.{'0' * 32}.{signature}"):
        with pytest.raises(Forbidden):
            TOKENS.run(forged, other, RUN.number)

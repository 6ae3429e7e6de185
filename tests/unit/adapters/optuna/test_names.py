"""Identifiers of trials."""

from adapters.optuna.names import place_of, trial_id
from tunelet.text.limits import SAFE_INTEGER


def test_identifiers_are_integers_of_javascript() -> None:
    last = trial_id(2**33 - 1, 999_999)
    assert last <= SAFE_INTEGER
    assert place_of(last) == (2**33 - 1, 999_999)

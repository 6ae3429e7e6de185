"""Identifiers of trials.

A trial's identifier is its study's number and its own in one integer, below 2^53 as long as there
are fewer than 2^33 studies, so that JavaScript reads it.
"""

from typing import NamedTuple

from tunelet.text.limits import MOST_TRIALS

_SHIFT = 20
assert MOST_TRIALS <= 1 << _SHIFT


class Place(NamedTuple):
    """A trial: its study's number and its own."""

    study: int
    number: int


def trial_id(study: int, number: int) -> int:
    return study << _SHIFT | number


def place_of(trial_id: int) -> Place:
    return Place(trial_id >> _SHIFT, trial_id & ((1 << _SHIFT) - 1))

"""Names and numbers of studies.

A study has a number, counted from 1 in its namespace. No other study gets this number, even after
the study is deleted. The number is claimed by creating an object, so that any number of processes
agree on it without a server:

    studies/{namespace}/{10^10-1-number:010d}.json    {"format":1,"name":"…","uid":"…"}

The newest number is first in a listing. A trial's identifier is its study's number and its own in
one integer, below 2^53 as long as there are fewer than 2^33 studies, so that JavaScript reads it.
"""

import re
from hashlib import sha256
from typing import NamedTuple

import msgspec

from tunelet.log.entry import FORMAT, check_format
from tunelet.ports import Store
from tunelet.request.study import TRIALS
from tunelet.text.limits import NAME

_NEWEST_FIRST = 10**10 - 1
_SHIFT = 20
assert TRIALS <= 1 << _SHIFT


class Named(msgspec.Struct, frozen=True):
    """The life of an experiment that has a study's number."""

    name: str
    uid: str
    format: int = FORMAT


class Place(NamedTuple):
    """A trial: its study's number and its own."""

    study: int
    number: int


_decoder = msgspec.json.Decoder(Named)


def trial_id(study: int, number: int) -> int:
    return study << _SHIFT | number


def place_of(trial_id: int) -> Place:
    return Place(trial_id >> _SHIFT, trial_id & ((1 << _SHIFT) - 1))


def experiment_name(study_name: str) -> str:
    """Return the name of the study's experiment: its own if valid, or else a similar one."""
    if re.fullmatch(NAME, study_name):
        return study_name
    like = re.sub("[^a-z0-9]+", "-", study_name.lower())[:24].strip("-")
    start = like if re.match("[a-z]", like) else f"study-{like}".strip("-")
    return f"{start}-{sha256(study_name.encode(errors='surrogatepass')).hexdigest()[:8]}"


def claimed(store: Store, namespace: str, named: Named) -> int:
    """Claim the next number for a study that is about to begin."""
    data = msgspec.json.encode(named)
    number = _newest(store, namespace) + 1
    while not store.create(_key(namespace, number), data):
        if _read(store, namespace, number) == named:
            break  # the answer to this call was lost
        number += 1
    return number


def found(store: Store, namespace: str, number: int) -> Named | None:
    """Return the experiment of the study with this number; None if there is none."""
    return _read(store, namespace, number) if 0 < number <= _NEWEST_FIRST else None


def _newest(store: Store, namespace: str) -> int:
    prefix = f"studies/{namespace}/"
    key = next(store.list(prefix, limit=1), None)
    if key is None:
        return 0
    return _NEWEST_FIRST - int(key.removeprefix(prefix).removesuffix(".json"))


def _read(store: Store, namespace: str, number: int) -> Named | None:
    stored = store.get(_key(namespace, number))
    if stored is None:
        return None
    check_format(stored.data, f"study {number}")
    return _decoder.decode(stored.data)


def _key(namespace: str, number: int) -> str:
    return f"studies/{namespace}/{_NEWEST_FIRST - number:010d}.json"

"""A subject names an experiment by the same rule as a request does."""

import re

import pytest

from adapters.events.cloudevents import Event
from adapters.launchers.kubernetes.labels import run_of
from functions.events.subject import labelled, subject
from tunelet.core.run import Run
from tunelet.errors import Reject
from tunelet.request.patterns import NAME

_LABELS = {
    "tunelet.dev/namespace": "default",
    "tunelet.dev/experiment": "digits",
    "tunelet.dev/uid": "0123",
    "tunelet.dev/trial": "7",
    "tunelet.dev/attempt": "2",
}


@pytest.mark.parametrize(
    "name",
    ["digits", "d", "a-1", "a" * 40, "a" * 41, "1st", "9", "-a", "a-", "A", "a.b", "é", "a\n"],
)
def test_a_subject_accepts_exactly_the_names_that_a_request_accepts(name: str) -> None:
    allowed = re.fullmatch(NAME.removesuffix("$"), name) is not None
    for given in (f"default/{name}", f"{name}/digits"):
        event = Event("1", "/x", "dev.tunelet.trial.reported", given)
        if allowed:
            assert f"{subject(event).namespace}/{subject(event).experiment}" == given
        else:
            with pytest.raises(Reject):
                subject(event)


def test_labels_name_the_same_trial_to_the_launcher_and_to_the_handlers() -> None:
    thing = {"metadata": {"labels": _LABELS}}
    assert run_of(thing) == Run("default", "digits", "0123", 7, 2)
    assert labelled(thing) == ("default", "digits", 7, None)


@pytest.mark.parametrize(
    "thing",
    [
        {"metadata": 1},
        {"metadata": {"labels": 1}},
        {"metadata": {"labels": {**_LABELS, "tunelet.dev/trial": "٣"}}},
        {"metadata": {"labels": {**_LABELS, "tunelet.dev/trial": "9" * 16}}},
        {"metadata": {"labels": {**_LABELS, "tunelet.dev/trial": None}}},
    ],
)
def test_invalid_labels_name_no_trial_to_either(thing: dict[str, object]) -> None:
    assert labelled(thing) is None
    assert run_of(thing) is None

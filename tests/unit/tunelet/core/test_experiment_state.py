"""The states of an experiment have one type, and in a bucket and in the API one word each."""

import json

import pytest

from adapters.storage.memory import MemoryStore
from functions.api.documents import experiment_json
from tests.unit.tunelet.core.test_older_logs import BEFORE_THE_LAYERS, LOGS, store_with
from tunelet.core.events import Ended
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.log.entry import Entry, Newer, decode, encode
from tunelet.log.journal import Journal


@pytest.fixture(params=["with snapshots", "entries alone"])
def store(request: pytest.FixtureRequest) -> MemoryStore:
    objects = json.loads((LOGS / BEFORE_THE_LAYERS).read_text())["objects"]
    derived = request.param == "with snapshots"
    return store_with({k: v for k, v in objects.items() if derived or "/journal/" in k})


@pytest.fixture
def experiment(store: MemoryStore) -> Experiment:
    return Journal(store, "default", "e").read()


def test_the_state_of_an_older_log_is_read_as_a_state(experiment: Experiment) -> None:
    assert isinstance(experiment.state, ExperimentState)


def test_the_api_shows_a_plain_word(experiment: Experiment) -> None:
    assert type(experiment_json(experiment)["state"]) is str


@pytest.mark.parametrize("state", list(ExperimentState))
def test_an_end_is_stored_by_the_word_of_its_state(state: ExperimentState) -> None:
    data, _ = encode(Entry(1, 1, "", "n", (Ended(state, "done", 1.0),)))
    event = json.loads(data)["events"][0]
    assert event == {"type": "Ended", "state": state.name, "reason": "done", "at": 1.0}
    (read,) = decode(data, 1)[0].events
    assert isinstance(read, Ended)
    assert read.state is state


def test_an_end_in_a_state_that_this_version_does_not_know_is_left_to_newer_ones() -> None:
    data, _ = encode(Entry(1, 1, "", "n", (Ended("ARCHIVED", "done", 1.0),)))  # type: ignore[arg-type]
    with pytest.raises(Newer, match="ARCHIVED"):
        decode(data, 1)

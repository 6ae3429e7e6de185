"""A process that dies while it begins or deletes a study, at any of its writes."""

import re

import pytest
from optuna.exceptions import DuplicatedStudyError

from adapters.optuna.names import Named, claimed, experiment_name, place_of, trial_id
from adapters.optuna.studies import Studies
from adapters.storage.memory import MemoryStore
from tunelet.errors import Unavailable
from tunelet.text.limits import NAME, SAFE_INTEGER


class Dying(MemoryStore):
    """Raises at every write from the one with the number `left` on."""

    left = -1

    def _write(self, key: str, data: bytes) -> bool:
        self._die()
        return super()._write(key, data)

    def delete(self, key: str) -> None:
        self._die()
        super().delete(key)

    def _die(self) -> None:
        if self.left == 0:
            raise Unavailable("the process is dead")
        self.left -= 1


@pytest.mark.parametrize("writes", range(5))
def test_a_study_that_was_not_begun_to_the_end_begins_again(writes: int) -> None:
    store = Dying()
    Studies(store, "default")._probed.ensure()
    dying = Studies(store, "default")
    dying._probed._passed = True
    store.left = writes
    with pytest.raises(Unavailable):
        dying.create("s", ["minimize"])
    store.left = -1
    studies = Studies(store, "default")
    try:
        number = studies.create("s", ["minimize"])
    except DuplicatedStudyError:
        number = studies.named("s")  # it had begun
    assert [each.name for each in studies.all()] == ["s"]
    assert studies.study(number).trials(None) == []
    assert studies.create("t", ["minimize"]) > number


@pytest.mark.parametrize("writes", range(3))
def test_a_study_that_was_not_deleted_to_the_end_is_deleted_again(writes: int) -> None:
    store = Dying()
    studies = Studies(store, "default")
    number = studies.create("s", ["minimize"])
    store.left = writes
    with pytest.raises(Unavailable):
        studies.delete(number)
    store.left = -1
    others = Studies(store, "default")
    if others.all():
        others.delete(number)
    assert others.all() == []
    with pytest.raises(KeyError):
        others.study(number).trials(None)
    assert others.create("s", ["minimize"]) > number


def test_a_number_whose_claim_was_not_answered_is_not_claimed_twice() -> None:
    class Unanswered(MemoryStore):
        def create(self, key: str, data: bytes) -> bool:
            super().create(key, data)
            return False

    store = Unanswered()
    assert [claimed(store, "default", Named(name, name)) for name in "ab"] == [1, 2]


def test_identifiers_are_integers_of_javascript() -> None:
    last = trial_id(2**33 - 1, 999_999)
    assert last <= SAFE_INTEGER
    assert place_of(last) == (2**33 - 1, 999_999)


@pytest.mark.parametrize("name", ["", "É", "9", "-", "a" * 41, "A", "a-", "\ud800", "日本"])
def test_a_study_of_any_name_has_a_name_of_an_experiment(name: str) -> None:
    assert re.fullmatch(NAME, experiment_name(name))

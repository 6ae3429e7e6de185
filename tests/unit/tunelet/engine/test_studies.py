"""A process that dies while it begins or deletes a study, at any of its writes."""

import re

import pytest

from adapters.storage.memory import MemoryStore
from tunelet.core.study_view import Since
from tunelet.engine.studies import Studies, opened
from tunelet.errors import Conflict, NotFound, Unavailable
from tunelet.log.study_numbers import Named, Numbers, experiment_name
from tunelet.text.limits import NAME


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


def trials(studies: Studies, number: int) -> list[int]:
    return [trial.number for trial in studies.log(number).read(Since()).trials]


@pytest.mark.parametrize("writes", range(5))
def test_a_study_that_was_not_begun_to_the_end_begins_again(writes: int) -> None:
    store = Dying()
    dying = opened(store, "default")
    dying._probed.ensure("default")
    store.left = writes
    with pytest.raises(Unavailable):
        dying.create("s", ["minimize"])
    store.left = -1
    studies = opened(store, "default")
    try:
        number = studies.create("s", ["minimize"])
    except Conflict:
        number = studies.named("s").number  # it had begun
    assert [each.name for each in studies.all()] == ["s"]
    assert trials(studies, number) == []
    assert studies.create("t", ["minimize"]) > number


@pytest.mark.parametrize("writes", range(3))
def test_a_study_that_was_not_deleted_to_the_end_is_deleted_again(writes: int) -> None:
    store = Dying()
    studies = opened(store, "default")
    number = studies.create("s", ["minimize"])
    store.left = writes
    with pytest.raises(Unavailable):
        studies.delete(number)
    store.left = -1
    others = opened(store, "default")
    if others.all():
        others.delete(number)
    assert others.all() == []
    with pytest.raises(NotFound):
        trials(others, number)
    assert others.create("s", ["minimize"]) > number


def test_a_number_whose_claim_was_not_answered_is_not_claimed_twice() -> None:
    class Unanswered(MemoryStore):
        def create(self, key: str, data: bytes) -> bool:
            super().create(key, data)
            return False

    store = Unanswered()
    assert [Numbers(store).claim("default", Named(name, name)) for name in "ab"] == [1, 2]


@pytest.mark.parametrize("name", ["", "É", "9", "-", "a" * 41, "A", "a-", "\ud800", "日本"])
def test_a_study_of_any_name_has_a_name_of_an_experiment(name: str) -> None:
    assert re.fullmatch(NAME, experiment_name(name))


@pytest.mark.parametrize("writes", range(5))
def test_a_creation_that_is_repeated_with_its_key_creates_one_study(writes: int) -> None:
    store = Dying()
    studies = opened(store, "default")
    studies._probed.ensure("default")
    store.left = writes
    with pytest.raises(Unavailable):
        studies.create("s", ["minimize"], key="k")
    store.left = -1
    number = studies.create("s", ["minimize"], key="k")
    assert studies.create("s", ["minimize"], key="k") == number
    assert [each.number for each in studies.all()] == [number]
    assert studies.named("s").number == number


def test_a_key_of_another_study_is_refused() -> None:
    studies = opened(MemoryStore(), "default")
    studies.create("s", ["minimize"], key="k")
    with pytest.raises(Conflict, match="used for another study"):
        studies.create("s", ["maximize"], key="k")
    with pytest.raises(Conflict, match="exists already"):
        studies.create("s", ["minimize"], key="l")

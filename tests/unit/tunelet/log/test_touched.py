"""A reader of a study gets the trials that have changed since the entry that it knows."""

import pytest

from adapters.storage.memory import MemoryStore
from tunelet.core import commands as c
from tunelet.core.study_view import Changed, Since
from tunelet.core.trial import Changes, TrialState
from tunelet.engine.studies import StudyLog, opened
from tunelet.log import touched
from tunelet.log.compaction import WINDOW


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def study(store: MemoryStore) -> StudyLog:
    studies = opened(store, "default")
    return studies.log(studies.create("s", ["minimize"]))


def created(study: StudyLog, count: int) -> None:
    for _ in range(count):
        key = f"a-{study.read(Since()).seq}"
        study.commit([c.CreateTrial(key, key)], Since())


def changed(study: StudyLog, number: int) -> None:
    seq = study.read(Since()).seq
    changes = Changes(attributes={"seq": seq})
    study.commit([c.ChangeTrial(number, "a", seq, changes)], Since())


def ended(study: StudyLog, number: int) -> None:
    study.commit([c.EndTrial(number, "b", TrialState.FAIL)], Since())


def numbers(read: Changed) -> list[int]:
    return [trial.number for trial in read.trials]


def test_only_trials_that_changed_are_read_again(study: StudyLog) -> None:
    created(study, 4)
    first = study.read(Since())
    assert numbers(first) == [0, 1, 2, 3]
    assert numbers(study.read(Since(first.seq))) == []
    changed(study, 2)
    ended(study, 1)
    created(study, 1)
    second = study.read(Since(first.seq))
    assert numbers(second) == [1, 2, 4]
    assert numbers(study.read(Since(second.seq - 1))) == [4]
    assert second.trials[0].state is TrialState.FAIL


def test_trials_that_left_the_state_meanwhile_are_read_too(study: StudyLog) -> None:
    created(study, 3)
    first = study.read(Since())
    ended(study, 1)
    for _ in range(WINDOW):
        changed(study, 2)
    second = study.read(Since(first.seq))
    assert numbers(second) == [1, 2]
    assert second.trials[0].state is TrialState.FAIL


def test_another_process_reads_all_from_the_lowest_unknown(
    store: MemoryStore, study: StudyLog
) -> None:
    created(study, 5)
    known = study.read(Since()).seq
    for number in (0, 1, 3):
        ended(study, number)
    for _ in range(WINDOW):
        changed(study, 4)
    other = opened(store, "default").log(1)
    assert numbers(other.read(Since(known, 1))) == [1, 2, 3, 4]


def test_a_position_that_is_too_old_gets_all(
    study: StudyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touched, "KEPT", 2)
    created(study, 1)
    study._journal._tail.forget()
    first = study.read(Since())
    for number in (0, 0, 0):
        changed(study, number)
    created(study, 1)
    assert numbers(study.read(Since(first.seq, 1))) == [1]
    assert numbers(study.read(Since(first.seq, 0))) == [0, 1]


def test_a_page_says_whether_more_follows(study: StudyLog) -> None:
    created(study, 5)
    read, more = study.page(Since(0, 1), 3)
    assert (numbers(read), more) == ([1, 2, 3], True)
    read, more = study.page(Since(0, 4), 3)
    assert (numbers(read), more) == ([4], False)

"""A writer's conclusion from each answer of the store."""

from collections import deque
from collections.abc import Callable

import pytest

from adapters.storage.memory import MemoryStore
from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.experiment_state import ExperimentState
from tunelet.errors import CommitUnknown, Reject, Retry, Unavailable
from tunelet.log.journal import Journal
from tunelet.ports import Stored

Answer = Callable[["Answering", str, bytes], bool]


class Answering(MemoryStore):
    """Answers the next creates in another way."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: deque[Answer] = deque()
        self.creates = 0

    def create(self, key: str, data: bytes) -> bool:
        self.creates += 1
        if self.answers:
            return self.answers.popleft()(self, key, data)
        return super().create(key, data)


def done_but_silent(store: Answering, key: str, data: bytes) -> bool:
    MemoryStore.create(store, key, data)
    raise Retry("the answer was lost")


def done_but_exists(store: Answering, key: str, data: bytes) -> bool:
    """As a client says that sends its own write again."""
    MemoryStore.create(store, key, data)
    return False


def not_done(store: Answering, key: str, data: bytes) -> bool:
    raise Retry("a time-out")


def another_was_first(store: Answering, key: str, data: bytes) -> bool:
    log(store).commit(c.Enqueue(({"x": 1},)))
    return MemoryStore.create(store, key, data)


def another_was_first_and_the_answer_was_lost(store: Answering, key: str, data: bytes) -> bool:
    log(store).commit(c.Enqueue(({"x": 1},)))
    raise Retry("the answer was lost")


def refused(store: Answering, key: str, data: bytes) -> bool:
    raise Reject("no right to write")


def away(store: Answering, key: str, data: bytes) -> bool:
    raise Unavailable("the disk is full")


def log(store: MemoryStore, deadline: float = 20.0) -> Journal:
    return Journal(
        store, "default", "e", clock=lambda: 0.0, sleep=lambda _: None, deadline=deadline
    )


@pytest.fixture
def store() -> Answering:
    store = Answering()
    log(store).commit(c.Submit("u", SPEC))
    return store


@pytest.mark.parametrize(
    ("answers", "trials"),
    [
        ([done_but_silent], 1),
        ([done_but_exists], 1),
        ([not_done], 1),
        ([not_done, done_but_silent], 1),
        ([not_done, not_done, done_but_exists], 1),
        ([not_done, refused], 1),
        ([done_but_silent, refused], 1),
        ([another_was_first], 2),
        ([another_was_first_and_the_answer_was_lost], 2),
        ([not_done, another_was_first], 2),
    ],
)
def test_a_command_without_a_key_is_committed_exactly_once(
    store: Answering, answers: list[Answer], trials: int
) -> None:
    store.answers.extend(answers)
    # The answers are those to this process; the other's come from the plain store.
    after = log(store).commit(c.Enqueue(({"x": 2},)))
    assert after.next_number == trials
    assert log(MemoryView(store)).read().next_number == trials
    assert [each.hyperparameters["x"] for each in after.live][-1] == 2


class MemoryView(MemoryStore):
    """The same objects, seen by another process."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self._objects = store._objects


def test_equal_commands_of_two_writers_at_one_moment_both_stand(store: Answering) -> None:
    """Their entries differ in nothing but the nonce."""
    one, two = log(store), log(store)
    one.read(), two.read()
    one.commit(c.Enqueue(({"x": 1},)))
    assert two.commit(c.Enqueue(({"x": 1},))).next_number == 2


@pytest.mark.parametrize("stands", [False, True])
def test_a_doubt_that_lasts_is_reported_as_one(store: Answering, stands: bool) -> None:
    store.answers.append(done_but_silent if stands else not_done)
    store.answers.extend([not_done] * 10)
    mute = Mute(store)
    with pytest.raises(CommitUnknown):
        log(mute, deadline=0.0).commit(c.Pause())
    assert (log(MemoryView(store)).read().state is ExperimentState.PAUSED) is stands


class Mute(MemoryStore):
    """Cannot be read once an entry was sent."""

    sent = False

    def __init__(self, store: Answering) -> None:
        super().__init__()
        self._store, self._objects = store, store._objects

    def create(self, key: str, data: bytes) -> bool:
        self.sent = True
        return self._store.create(key, data)

    def get(self, key: str) -> Stored | None:
        if self.sent:
            raise Retry("not now")
        return super().get(key)


@pytest.mark.parametrize("answer", [refused, away])
def test_a_refused_request_is_not_sent_again(store: Answering, answer: Answer) -> None:
    journal = log(store)
    journal.read()
    store.answers.append(answer)
    before = store.creates
    with pytest.raises((Reject, Unavailable)) as caught:
        journal.commit(c.Pause())
    assert not isinstance(caught.value, CommitUnknown)
    assert store.creates == before + 1

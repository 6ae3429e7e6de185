"""An algorithm gets the log's trials, whatever the process has in its caches."""

from collections import Counter
from random import Random

import msgspec
import pytest

from adapters.storage.memory import MemoryStore
from algorithms.memo import Memo
from tests.contracts.algorithms import trial
from tests.unit.tunelet.log.test_journal import SPEC
from tunelet.core import commands as c
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Outcome, Report, Trial, TrialState, Verdict
from tunelet.errors import NotFound
from tunelet.log.compaction import WINDOW
from tunelet.log.journal import Journal
from tunelet.log.journal_cache import Journals
from tunelet.log.segment_cache import Recent
from tunelet.log.trials import Ended, Memory
from tunelet.ports import Store, Stored

AT = ("default", "e")


def submitted(store: Store, uid: str = "u") -> Journal:
    log = Journal(store, *AT)
    log.commit(c.Submit(uid, SPEC))
    return log


def end(log: Journal, number: int) -> Experiment:
    outcome = Outcome(Verdict.COMPLETE, {"objective": float(number)})
    return log.commit(c.Start(number, 1), c.Finish(number, 1, outcome))


def test_a_process_with_a_cache_shows_the_same_as_a_fresh_one() -> None:
    """Windows close meanwhile, the first trial never ends, and the others end in any order."""
    store, rng = MemoryStore(), Random(3)
    log, remembering = submitted(store), Journals(store)
    experiment, running = log.read(), list[int]()
    for _ in range(150):
        first = experiment.next_number
        room = 4 - len(running)
        experiment = log.commit(c.AddTrials(first, tuple({"x": n} for n in range(room))))
        running += range(first, first + room)
        experiment = end(log, running.pop(rng.randrange(1, 4)))
        begun = Journals(store)
        shown = [tuple(each.past(each.read(*AT))) for each in (remembering, begun)]
        assert shown[0] == shown[1] == tuple(begun.trials(*AT))
    assert experiment.next_number > 150


def test_the_cache_of_segments_has_one_bound_for_all_experiments() -> None:
    store, names = _Asked(), ("e", "f", "g")
    for name in names:
        log = Journal(store, "default", name)
        log.commit(c.Submit("u", SPEC | {"name": name}))
        for number in range(WINDOW):
            log.commit(c.AddTrials(number, ({"x": number},)))
            end(log, number)
    sizes = [sum(map(store.size, store.list(f"v1/default/{name}/segments/"))) for name in names]
    # Any two of them fit.
    journals = Journals(store, recent=Recent(sum(sizes) - min(sizes)))
    for name in names:
        assert len(list(journals.trials("default", name))) == WINDOW
    asked = store.segments_asked()
    for name in ("g", "f", "e"):
        list(journals.trials("default", name))
    assert {key.split("/")[2] for key in store.segments_asked() - asked} == {"e"}


class _Asked(MemoryStore):
    """Counts reads."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Counter[str]()

    def get(self, key: str) -> Stored | None:
        self.asked[key] += 1
        return super().get(key)

    def size(self, key: str) -> int:
        stored = super().get(key)
        return len(stored.data) if stored is not None else 0

    def segments_asked(self) -> Counter[str]:
        return Counter({key: n for key, n in self.asked.items() if "/segments/" in key})


def test_trials_that_ended_are_the_same_objects_from_call_to_call() -> None:
    store = MemoryStore()
    log, journals = submitted(store), Journals(store)
    log.commit(c.AddTrials(0, ({"x": 0},)))
    end(log, 0)
    (before,) = journals.past(journals.read(*AT))
    for number in range(1, 80):
        log.commit(c.AddTrials(number, ({"x": number},)))
        end(log, number)
    after = journals.past(journals.read(*AT))
    assert len(after) == 80
    assert after[0] is before
    assert before.number not in journals.read(*AT).trials


def test_another_life_of_the_name_has_a_past_of_its_own() -> None:
    store = MemoryStore()
    log, journals = submitted(store), Journals(store)
    log.commit(c.AddTrials(0, ({"x": 0},)))
    first = end(log, 0)
    assert [one.number for one in journals.past(first)] == [0]
    late = journals.past(first)
    log.commit(c.Delete())
    log.commit(c.Submit("another", SPEC))
    assert not journals.past(journals.read(*AT))
    with pytest.raises(NotFound, match="another has its name"):
        len(late)


def test_the_cache_is_bounded() -> None:
    memory = Memory(room=10)
    for uid in "abc":
        ended = memory.take(uid)
        ended.complete(trial(number, {}) for number in range(4))
        memory.put(uid, ended)
    assert [memory.take(uid).last for uid in "abc"] == [-1, 3, 3]


def test_a_caller_that_takes_a_cached_object_has_it_alone() -> None:
    memory = Memory()
    ended = memory.take("u")
    ended.complete([trial(0, {})])
    memory.put("u", ended)
    assert memory.take("u") is ended
    assert memory.take("u") is not ended


def test_running_trials_are_not_cached() -> None:
    ended = Ended()
    running = trial(0, {}, TrialState.RUNNING)
    ended.complete([running, trial(1, {})])
    assert ended.last == -1
    assert set(ended.others) == {1}
    over = msgspec.structs.replace(running, state=TrialState.FAIL)
    assert ended.complete([over, ended.others[1]])[0] is over
    assert ended.last == 1


@pytest.mark.parametrize(
    ("now", "made", "unchanged"),
    [
        ([{"x": 1}, {"x": 2}, {"x": 3}], [2], True),
        ([{"x": True}, {"x": 2}], [0], False),
        ([{"x": 1}], [], False),
        ([{"x": 1}, {"x": 2}], [], True),
    ],
)
def test_only_new_trials_are_converted(
    now: list[dict[str, int]], made: list[int], unchanged: bool
) -> None:
    """1 and True are two hyperparameters, and the fewer trials are another experiment's."""
    calls: list[int] = []

    def make(place: int, one: Trial) -> str:
        calls.append(place)
        return repr(one.hyperparameters)

    kept = Memo(make)
    kept.update([trial(0, {"x": 1}), trial(1, {"x": 2})])
    calls.clear()
    trials = [trial(number, dict(each)) for number, each in enumerate(now)]
    assert kept.update(trials) is unchanged
    assert calls == made
    assert kept.each == [repr(each) for each in now]


def test_states_with_many_reports_do_not_pile_up_in_a_process() -> None:
    """The reports of trials that have ended stay in a state until its window closes."""
    journals = Journals(MemoryStore(), room=100)
    for name in "abcd":
        log = journals.of("default", name)
        log.commit(c.Submit(name, SPEC))
        log.commit(c.AddTrials(0, ({"x": 1},)), c.Start(0, 1))
        log.commit(c.Record(0, 1, tuple(Report(n, {"objective": 1.0}) for n in range(40))))
        journals.of("default", name)
    known = [journals.of("default", name).known() is not None for name in "dcba"]
    assert known == [True, True, False, False]

"""A copy of a store, made key by key while an experiment goes through its trials.

docs/operations/backup.md promises what these tests show.
"""

import random
from collections.abc import Iterator
from itertools import islice

import pytest

from adapters.launchers.memory import MemoryLauncher
from tests.unit.functions.conftest import FragileStore, World
from tunelet.core.trial import Outcome, Trial, TrialState, Verdict
from tunelet.log.compaction import WINDOW
from tunelet.log.journal_cache import Journals
from tunelet.log.reader import entry_key
from tunelet.log.verify import Verification, repair, verify

TRIALS = 100
PAGE = 40
"""Keys that one listing shows. A cloud's shows 1,000, of more trials."""
PATH = "v1/default/digits/"


def experiment_of(store: FragileStore) -> World:
    """Functions and a launcher that know nothing but the store."""
    return World(store, MemoryLauncher())


def trials(store: FragileStore) -> list[Trial]:
    return list(Journals(store).trials("default", "digits"))


def step(world: World) -> bool:
    """End a running trial, and start the next one. False: no trial runs."""
    running = sorted(world.launcher.running(), key=lambda run: run.number)
    if not running:
        return False
    outcome = Outcome(Verdict.COMPLETE, {"objective": float(running[0].number)})
    world.service.attempts.finish(running[0], outcome)
    world.launcher.observed.pop(running[0])
    world.service.suggest("default", "digits")
    world.service.launch("default", "digits")
    return True


def copying(source: FragileStore, target: FragileStore, prefix: str = "") -> Iterator[None]:
    """Copy page by page in the order of the keys, as the clouds' tools do. Yields between reads."""
    after = ""
    while page := list(islice(source.list(prefix, after), PAGE)):
        for key in page:
            yield
            if (stored := source.get(key)) is not None:
                target.put(key, stored.data)
        after = page[-1]
        yield


def begun(at: int) -> World:
    """A world with an experiment after `at` trials."""
    world = experiment_of(FragileStore())
    world.running(max_trials=TRIALS, parallel_trials=4)
    for _ in range(at):
        step(world)
    return world


def repaired(store: FragileStore) -> Verification:
    """What `tunelet verify --repair` finds and removes."""
    found = verify(store, "default", "digits")
    repair(store, found)
    return found


def continues(store: FragileStore) -> None:
    """A new installation continues to the exact budget, and keeps all that had ended."""
    world = experiment_of(store)
    before = {trial.number: trial for trial in trials(store) if trial.state is TrialState.COMPLETE}
    for _ in range(3):
        world.service.sweep()
        while step(world):
            pass
    assert world.service.experiment("default", "digits").state == "COMPLETE"
    after = {trial.number: trial for trial in trials(store)}
    assert sorted(after) == list(range(TRIALS))
    assert {trial.state for trial in after.values()} == {TrialState.COMPLETE}
    assert {number: after[number] for number in before} == before
    assert verify(store, "default", "digits").findings == ()


@pytest.mark.parametrize("seed", range(4))
def test_a_copy_that_is_made_while_trials_end_continues_with_the_exact_budget(seed: int) -> None:
    draw = random.Random(seed)
    world, copy = begun(draw.randrange(TRIALS // 2)), FragileStore()
    for _ in copying(world.store, copy):
        if draw.random() < 0.3:
            step(world)
    assert not repaired(copy).damaged
    continues(copy)


@pytest.fixture
def torn() -> FragileStore:
    """A copy whose journal is older than its newest snapshot: a window closed in between."""
    world, copy = begun(25), FragileStore()
    journal = f"{PATH}journal/"
    for _ in copying(world.store, copy, journal):
        pass
    assert f"{entry_key(PATH, WINDOW)}" not in set(copy.list(journal))
    while not list(world.store.list(f"{PATH}snapshots/")):
        assert step(world)
    for key in list(world.store.list("")):
        if not key.startswith(journal):
            for _ in copying(world.store, copy, key):
                pass
    return copy


def test_a_snapshot_that_is_newer_than_the_journal_is_removed_before_the_copy_is_used(
    torn: FragileStore,
) -> None:
    found = repaired(torn)
    assert not found.damaged
    assert {finding.key.split("/")[3] for finding in found.findings} == {"snapshots", "segments"}
    continues(torn)


def test_used_with_that_snapshot_the_log_lacks_the_entries_in_between(torn: FragileStore) -> None:
    """It is the reason to verify a copy first: the experiment continues, but its log is damaged."""
    world = experiment_of(torn)
    world.service.pause("default", "digits")
    assert verify(torn, "default", "digits").damaged


def test_an_entry_that_a_listing_missed_is_found_and_a_second_copy_brings_it() -> None:
    """A folder's listing may show an entry without the one before it."""
    world, copy = begun(20), FragileStore()
    for _ in copying(world.store, copy):
        pass
    missed = entry_key(PATH, 17)
    copy.delete(missed)
    (finding,) = repaired(copy).findings
    assert (finding.key, finding.derived) == (missed, False)
    for _ in copying(world.store, copy):
        pass
    assert repaired(copy).findings == ()
    continues(copy)

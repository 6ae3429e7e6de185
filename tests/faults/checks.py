"""The invariants I1 to I6, which hold at the end after any faults."""

import gzip
from collections import Counter
from functools import cache
from typing import Any, NamedTuple

import algorithms
from adapters.storage.memory import MemoryStore
from tests.faults.training import EXPECTED_STARTS
from tests.faults.world import World
from tunelet.core.commands import Delete, Submit
from tunelet.core.experiment import Counts
from tunelet.core.trial import Trial
from tunelet.log.compaction import WINDOW
from tunelet.log.journal import Journal
from tunelet.log.journal_cache import Journals
from tunelet.log.purge import PURGE_AFTER
from tunelet.request.spec import parse
from tunelet.service import Service

REQUEST: dict[str, Any] = {
    "name": "e",
    "model_training_code": "image",
    "hyperparameters": {"x": {"type": "float", "min": 0.0, "max": 1.0}},
    "hpo_algorithm": "random_search",
    "max_trials": 5,
    "parallel_trials": 2,
    "enqueue": [{"x": 0.1}, {"x": 0.5}, {"x": 0.9}],
    "seed": 7,
}
"""Three trials are given, so that one of them waits for a slot; two are suggested."""


def submit(service: Service) -> None:
    service.submit(REQUEST, key="once")


class End(NamedTuple):
    """The common part of two runs of one experiment: all except times and names."""

    state: str
    reason: str | None
    counts: Counts
    best: tuple[int, ...]
    trials: tuple[Any, ...]


def end(objects: MemoryStore) -> End:
    """The end as a new process reads it."""
    journals = Journals(objects, lambda: 0.0)
    experiment = journals.read("default", "e")
    return End(
        state=experiment.state,
        reason=experiment.reason,
        counts=experiment.ended,
        best=tuple(trial.number for trial in experiment.best),
        trials=tuple(_comparable(trial) for trial in journals.trials("default", "e")),
    )


def bare(objects: MemoryStore) -> MemoryStore:
    """A store with nothing left of this one but its log."""
    copy = MemoryStore()
    for key in objects.list("v1/default/e/journal/"):
        stored = objects.get(key)
        assert stored is not None
        copy.create(key, stored.data)
    return copy


def used(objects: MemoryStore | None = None) -> MemoryStore:
    """A store in which the name had earlier lives: a window of its log closes in the next one."""
    objects = objects or MemoryStore()
    for key, data in _earlier_lives().items():
        objects.put(key, data)
    return objects


@cache
def _earlier_lives() -> dict[str, bytes]:
    """The objects that they leave, by key: hundreds of worlds begin with them."""
    objects = MemoryStore()
    log = Journal(objects, "default", "e", clock=lambda: 0.0)
    while sum(1 for _ in objects.list("v1/default/e/journal/")) < WINDOW - 8:
        log.commit(Submit("earlier", spec()))
        log.commit(Delete())
    assert Journal(objects, "default", "e", clock=lambda: PURGE_AFTER).purge()
    left = {key: objects.get(key) for key in objects.list("")}
    return {key: stored.data for key, stored in left.items() if stored is not None}


def spec() -> dict[str, Any]:
    return parse(REQUEST, algorithms.load_catalog())


def check(world: World, expected: End) -> None:
    """`expected` is the end of the same experiment in a world without faults."""
    found = end(world.objects)
    assert found == end(bare(world.objects)), "I1: the log alone gives another state"
    assert found == expected, "I2: something was lost, or applied twice"
    assert len(found.trials) == REQUEST["max_trials"], "I3: the budget is not exact"
    assert world.launcher.most_active <= REQUEST["parallel_trials"], "I3: too many at once"
    assert world.launcher.starts == Counter(EXPECTED_STARTS), "I4, I6: not each attempt once"
    assert not world.launcher.running(), "I5: a run was left over"
    assert outputs(world.objects) == EXPECTED_OUTPUTS, "I7: the output of an attempt is not there"


EXPECTED_OUTPUTS = {
    f"{number}.output/{attempt}.gz": b"trial %d, attempt %d\n" % (number, attempt)
    for number, attempt in EXPECTED_STARTS
}


def outputs(objects: MemoryStore) -> dict[str, bytes]:
    """The stored output of attempts, by the last parts of its key."""
    keys = [key for key in objects.list("v1/default/e/trials/") if ".output/" in key]
    return {"/".join(key.split("/")[-2:]): _unpacked(objects, key) for key in keys}


def _unpacked(objects: MemoryStore, key: str) -> bytes:
    stored = objects.get(key)
    assert stored is not None
    return gzip.decompress(stored.data)


def _comparable(trial: Trial) -> tuple[Any, ...]:
    return (
        trial.number,
        trial.attempt,
        trial.state,
        trial.hyperparameters,
        trial.values,
        trial.reports,
        trial.enqueued,
        trial.reason,
    )

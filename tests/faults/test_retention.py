"""Experiments that are to be deleted some time after their end, with faults at every call."""

import pytest

from tests.faults.checks import REQUEST
from tests.faults.world import LATE, Fault, World, distinct
from tunelet.core.commands import Expire
from tunelet.errors import NotFound
from tunelet.log.journal_cache import Journals
from tunelet.service import Service

AT = ("default", "e")
KEPT_SECONDS = 5000.0


def submit(service: Service) -> None:
    service.submit(REQUEST | {"ttl_seconds_after_finished": KEPT_SECONDS}, key="once")


class Expiring(World):
    """Let time pass until nothing is left to expire."""

    def _at_rest(self) -> bool:
        return super()._at_rest() and next(self.objects.list("expires/"), None) is None


def ended() -> World:
    """At rest, its experiment complete."""
    world = World([submit])
    world.run()
    assert list(world.objects.list("expires/"))
    return world


def after(world: World, seconds: float) -> Service:
    """The service that many seconds later, swept."""
    world.now += seconds
    service = world.calm()
    service.sweep()
    return service


@pytest.mark.parametrize("fault", Fault)
def test_it_is_deleted_with_all_that_is_kept_of_it(fault: Fault) -> None:
    calm = Expiring([submit])
    calm.run()
    left = [key for key in calm.objects.list("") if key not in ("identity", "installations/here")]
    assert not [key for key in left if not key.startswith("v1/default/e/journal/")]
    first = next(n for n, name in enumerate(calm.faults.calls) if name == "put") or 0
    for number in list(distinct(fault, calm.faults.calls, first))[:: 1 if fault in LATE else 3]:
        world = Expiring([submit], {number: fault})
        world.run()
        with pytest.raises(NotFound):
            Journals(world.objects, lambda: 0.0).read(*AT)
        assert not list(world.objects.list("expires/"))


def test_it_is_kept_until_its_time_has_come() -> None:
    world = ended()
    assert after(world, KEPT_SECONDS - 1000).experiment(*AT).state == "COMPLETE"
    with pytest.raises(NotFound):
        after(world, 2000).experiment(*AT)


def test_a_resumed_experiment_is_kept() -> None:
    world = ended()
    world.calm().extend(*AT, {"max_trials": 50})
    assert after(world, KEPT_SECONDS + 1000).experiment(*AT).state == "RUNNING"
    assert not list(world.objects.list("expires/"))


def test_an_end_that_was_overtaken_deletes_nothing() -> None:
    """The experiment continues between the look at it and the deletion."""
    world = ended()
    service = world.calm()
    journal = Journals(world.objects, lambda: world.now).of(*AT)
    before = journal.read()
    service.extend(*AT, {"max_trials": 50})
    assert journal.commit(Expire(before.epoch), uid=before.uid).state == "RUNNING"


@pytest.mark.parametrize("seconds", [None, 10 * KEPT_SECONDS])
def test_a_longer_time_that_overtakes_the_deletion_holds(seconds: float | None) -> None:
    """It is set between the look at the experiment and the deletion."""
    world = ended()
    world.now += KEPT_SECONDS + 1000
    journal = Journals(world.objects, lambda: world.now).of(*AT)
    before = journal.read()
    world.calm().extend(*AT, {"ttl_seconds_after_finished": seconds})
    assert journal.commit(Expire(before.epoch), uid=before.uid).state == "COMPLETE"


@pytest.mark.parametrize(
    ("seconds", "state"), [(None, "COMPLETE"), (10 * KEPT_SECONDS, "COMPLETE")]
)
def test_the_time_can_be_changed_after_the_end(seconds: float | None, state: str) -> None:
    world = ended()
    world.calm().extend(*AT, {"ttl_seconds_after_finished": seconds})
    assert after(world, KEPT_SECONDS + 1000).experiment(*AT).state == "COMPLETE"
    if seconds is not None:
        with pytest.raises(NotFound):
            after(world, seconds).experiment(*AT)


def test_a_shorter_time_holds_from_the_next_sweep_on() -> None:
    world = ended()
    world.calm().extend(*AT, {"ttl_seconds_after_finished": 1})
    after(world, 5)
    with pytest.raises(NotFound):
        after(world, 5).experiment(*AT)

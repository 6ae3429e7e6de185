"""If any call fails in any way, the experiment ends as without the fault."""

import random
from collections.abc import Iterable, Mapping

import pytest

from tests.faults.checks import End, check, end, submit, used
from tests.faults.world import Fault, World, distinct


@pytest.fixture(scope="module")
def calm() -> World:
    world = World([submit], objects=used())
    world.run()
    return world


@pytest.fixture(scope="module")
def expected(calm: World) -> End:
    return end(calm.objects)


def test_nothing_goes_wrong(calm: World, expected: End) -> None:
    check(calm, expected)
    assert [key for key in calm.objects.list("v1/") if "/segments/" in key]


@pytest.mark.parametrize("fault", Fault)
def test_one_fault_at_every_call(calm: World, expected: End, fault: Fault) -> None:
    survives(({number: fault} for number in distinct(fault, calm.faults.calls)), expected)


@pytest.mark.parametrize("seed", range(4))
def test_many_faults_in_one_run(expected: End, seed: int) -> None:
    chance = random.Random(seed)
    survives((plan(chance, share) for share in (0.02, 0.05, 0.1, 0.2) * 8), expected)


def test_every_signal_is_lost(expected: End) -> None:
    world = World([submit], copies=0)
    world.run()
    check(world, expected)


@pytest.mark.parametrize("seed", range(20))
def test_signals_come_three_times_and_in_any_order(expected: End, seed: int) -> None:
    world = World([submit], copies=3, chance=random.Random(seed))
    world.run()
    check(world, expected)


@pytest.mark.parametrize("seed", range(20))
def test_signals_in_any_order_and_many_faults(expected: End, seed: int) -> None:
    chance = random.Random(seed)
    world = World([submit], plan(chance, 0.05), copies=2, chance=chance, objects=used())
    world.run()
    check(world, expected)


def plan(chance: random.Random, share: float) -> dict[int, Fault]:
    """Faults at about `share` of the first thousand calls."""
    return {number: chance.choice(list(Fault)) for number in range(1000) if chance.random() < share}


def survives(plans: Iterable[Mapping[int, Fault]], expected: End) -> None:
    for faults in plans:
        world = World([submit], faults, objects=used())
        try:
            world.run()
            check(world, expected)
        except BaseException as error:
            named = {n: (world.faults.calls[n : n + 1], fault) for n, fault in faults.items()}
            error.add_note(f"with {named}")
            raise

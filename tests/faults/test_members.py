"""Members that join one experiment at the same moment, die, sleep and come again."""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from functions.hosting.near import Near
from tests.faults.test_two_installations import REQUEST, Installed
from tests.faults.world import Fault, Faults
from tunelet.client.client import Client
from tunelet.client.taking_up import begun
from tunelet.core.experiment import Experiment

NAME = ("default", "e")


class Together(Near):
    """Waits after its first look at the experiment until all others have looked, too."""

    def __init__(self, installed: Installed, looked: Barrier) -> None:
        super().__init__(installed.service)
        self._looked: Barrier | None = looked

    def call(self, method: str, path: str, *rest: Any, **more: Any) -> Any:
        answer = super().call(method, path, *rest, **more)
        if method == "GET" and (looked := self._looked) is not None:
            self._looked = None
            looked.wait(timeout=30)
        return answer


class Search:
    """One experiment, and the installations that join it with two slots each."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.members: list[Installed] = []

    def member(self, name: str, plan: dict[int, Fault] | None = None) -> Installed:
        installed = Installed(self.store, name, places=2, joins=True, plan=plan)
        self.members.append(installed)
        return installed

    def takes_up(self, *names: str) -> None:
        for name in names:
            begun_by(self.member(name))

    def state(self) -> Experiment:
        return Installed(self.store, "calm").service.experiment(*NAME)

    def goes_on(self, *members: Installed, rounds: int = 1) -> None:
        for _ in range(rounds):
            for each in members:
                each.trains()
                each.sweeps()
            for each in self.members:
                each.now += 5.0


def begun_by(installed: Installed, looked: Barrier | None = None, **more: Any) -> Any:
    code = {"model_training_code": {"image": "image"}}
    request = REQUEST | code | {"parallel_trials": 2} | more
    transport = Near(installed.service) if looked is None else Together(installed, looked)
    return begun(Client.over(transport), request, installed.service.join)


@pytest.fixture
def search() -> Search:
    return Search()


def test_installations_that_join_at_the_same_moment_all_have_their_slots(search: Search) -> None:
    search.takes_up("first")
    others = [search.member(f"m{n}") for n in range(6)]
    looked = Barrier(len(others))
    with ThreadPoolExecutor(len(others)) as pool:
        shown = list(pool.map(lambda each: begun_by(each, looked), others))
    assert search.state().terms.parallel_trials == 14
    assert max(each["spec"]["parallel_trials"] for each in shown) == 14
    search.goes_on(*search.members, rounds=1)
    assert all(each.launcher.starts for each in search.members[:6])


def test_installations_that_begin_it_at_the_same_moment_all_have_their_slots(
    search: Search,
) -> None:
    everyone = [search.member(f"m{n}") for n in range(6)]
    with ThreadPoolExecutor(len(everyone)) as pool:
        list(pool.map(begun_by, everyone))
    assert search.state().terms.parallel_trials == 12


def test_restarts_do_not_make_the_experiment_wider(search: Search) -> None:
    for n in range(4):
        search.takes_up(f"m{n}")
        search.goes_on(search.members[-1], rounds=15)
    assert search.state().shared.slots == {"m3": 2}
    assert search.state().terms.parallel_trials == 2


def test_a_member_without_a_run_keeps_its_slots(search: Search) -> None:
    search.takes_up("one", "two")
    one, two = search.members
    one.service.pause(*NAME)
    search.goes_on(one, two, rounds=60)
    assert search.state().shared.slots == {"one": 2, "two": 2}


def test_the_slots_of_one_that_dies_go_with_its_lease(search: Search) -> None:
    search.takes_up("one", "two")
    one, two = search.members
    search.goes_on(one, two)
    two.service.pause(*NAME)
    search.goes_on(two, rounds=5)
    assert search.state().terms.parallel_trials == 4
    search.goes_on(two, rounds=15)
    assert search.state().shared.slots == {"two": 2}


def test_one_that_ends_leaves_at_once(search: Search) -> None:
    search.takes_up("one", "two")
    one, two = search.members
    search.goes_on(one, two)
    begun = [trial.number for trial in search.state().live if trial.by == "one"]
    one.service.leases.leave()
    one.service.leases.keep()
    search.goes_on(two)
    state = search.state()
    assert state.shared.slots == {"two": 2}
    assert begun
    assert [state.trials[number].attempt for number in begun] == [2, 2]


def test_one_that_was_asleep_joins_again(search: Search) -> None:
    search.takes_up("one", "two")
    one, two = search.members
    two.service.pause(*NAME)
    search.goes_on(two, rounds=30)
    assert search.state().shared.slots == {"two": 2}
    search.goes_on(one, two)
    assert search.state().shared.slots == {"one": 2, "two": 2}


def test_a_member_of_one_experiment_leaves_others_alone(search: Search) -> None:
    search.takes_up("one")
    other = search.member("other")
    begun_by(other, name="its-own")
    search.goes_on(other, rounds=30)
    assert {launch.run.experiment for launch in other.launcher.launches} == {"its-own"}


@pytest.mark.parametrize("seed", range(8))
def test_under_any_fault_the_budget_and_the_slots_are_exact(seed: int) -> None:
    chance, search = random.Random(seed), Search()
    search.takes_up("first", "second")
    for each in search.members:
        plan = {n: chance.choice(list(Fault)) for n in range(5000) if chance.random() < 0.02}
        each.faults = Faults(plan)
        each.service = each.started()
        each.does(lambda service: service.join(*NAME))
    most = 0
    for _ in range(400):
        search.goes_on(*search.members)
        most = max(most, sum(len(each.launcher.running()) for each in search.members))
        if search.state().over:
            break
    state = search.state()
    assert state.over
    assert state.next_number == 12
    assert most <= 4
    assert state.terms.parallel_trials <= 4

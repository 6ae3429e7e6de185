"""Experiments that are stopped, resumed, extended, deleted and submitted again, with faults."""

from collections.abc import Iterator

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.checks import REQUEST, bare, end, submit
from tests.faults.training import ScriptedLauncher
from tests.faults.world import Crash, Delivery, Fault, World, distinct
from tunelet.core.run import Launch, Run
from tunelet.errors import Conflict, NotFound, Retry
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import STALE
from tunelet.log.purge import PURGE_AFTER
from tunelet.service import Service

AT = ("default", "e")


def extend(service: Service) -> None:
    service.extend(*AT, {"max_trials": 6})


def stop(service: Service) -> None:
    service.stop(*AT)


def resume(service: Service) -> None:
    service.resume(*AT)


def delete(service: Service) -> None:
    service.delete(*AT)


def everywhere(
    fault: Fault,
    client: list[Delivery],
    meanwhile: Delivery | None = None,
    patient: bool = True,
) -> Iterator[World]:
    """The world without faults, and then each with one from the client's last act on.

    `meanwhile` comes after two ticks.
    """
    acts = {2: meanwhile} if meanwhile else {}
    calm = World(client, meanwhile=acts)
    calm.run()
    yield calm
    for number in distinct(fault, calm.faults.calls, calm.last_act):
        world = World(client, {number: fault}, meanwhile=acts, patient=patient)
        world.run()
        yield world


@pytest.mark.parametrize("fault", Fault)
def test_an_extended_experiment_continues_to_the_new_budget(fault: Fault) -> None:
    worlds = everywhere(fault, [submit, extend])
    expected = end(next(worlds).objects)
    assert len(expected.trials) == 6
    for world in worlds:
        assert end(world.objects) == end(bare(world.objects)) == expected
        assert set(world.launcher.starts.values()) == {1}


@pytest.mark.parametrize("fault", Fault)
def test_a_stopped_experiment_stops_its_runs_and_can_be_resumed(fault: Fault) -> None:
    for world in everywhere(fault, [submit, resume_if_stopped], meanwhile=stop):
        found = end(world.objects)
        assert found == end(bare(world.objects))
        assert (found.state, len(found.trials)) == ("COMPLETE", 5)
        assert set(world.launcher.starts.values()) == {1}
        assert world.launcher.most_active <= REQUEST["parallel_trials"]
        assert not world.launcher.running()


def resume_if_stopped(service: Service) -> None:
    """The stop may come after the end; then there is nothing to take up again."""
    if service.experiment(*AT).state == "STOPPED":
        resume(service)


@pytest.mark.parametrize("fault", Fault)
def test_only_the_tombstone_of_a_deleted_experiment_remains(fault: Fault) -> None:
    for world in everywhere(fault, [submit, delete]):
        assert tombstone_alone(world)


@pytest.mark.parametrize("fault", Fault)
def test_an_experiment_can_be_deleted_while_it_runs(fault: Fault) -> None:
    for world in everywhere(fault, [submit], meanwhile=delete, patient=False):
        assert tombstone_alone(world) or not kept(world)
        assert not world.launcher.running()


def tombstone_alone(world: World) -> bool:
    left = [key.removeprefix("v1/default/e/") for key in kept(world)]
    return len(left) == 2 and left[1] == "journal/purged"


def kept(world: World) -> list[str]:
    """All objects of the store except those that identify it and its services."""
    own = ("identity", "installations/here")
    return [key for key in world.objects.list("") if key not in own]


def test_a_delete_with_lost_signals_is_carried_out() -> None:
    world = World([submit, delete], copies=0)
    world.run()
    assert tombstone_alone(world)


def test_runs_of_a_life_that_was_deleted_are_stopped_in_the_next() -> None:
    """Deleted and submitted again before anything could look at the first life's runs."""

    def submit_again(service: Service) -> None:
        delete(service)
        service.submit(REQUEST, key="again")

    world = World([submit], meanwhile={1: submit_again})
    world.run(until=lambda: world.now > 1001.0)
    uid = world.calm().experiment(*AT).uid
    assert {run.uid for run in world.launcher.running()} <= {uid}


class _EndsMeanwhile(ScriptedLauncher):
    """Its runs ignore `stop`; they end after `looks` observations."""

    looks = -1

    def active(self, namespace: str, experiment: str) -> list[Run]:
        seen = list(super().active(namespace, experiment))
        self.looks -= 1
        if self.looks == 0:
            for run in seen:
                super().stop(run)
        return seen

    def stop(self, run: Run) -> None:
        pass


@pytest.mark.parametrize("looks", range(1, 6))
def test_an_incomplete_purge_is_completed_by_a_later_sweep(looks: int) -> None:
    launcher = _EndsMeanwhile()
    world = World([submit], copies=0, launcher=launcher)
    world.run(until=lambda: bool(launcher.running()))
    service = world.calm()
    delete(service)
    launcher.looks = looks
    for _ in range(5):
        service.sweep()
        world.now += PURGE_AFTER
    assert tombstone_alone(world)


class _Overtaken(MemoryStore):
    """The experiment is stopped, and its marker removed, just before it is taken up again."""

    armed = False

    def create(self, key: str, data: bytes) -> bool:
        if self.armed and b"Resumed" in data:
            self.armed = False
            other = World([], objects=self).calm()
            stop(other)
            other.sweep()
        return super().create(key, data)


def test_an_experiment_that_ends_while_it_is_resumed_is_not_missed() -> None:
    store = _Overtaken()
    service = World([], objects=store).calm()
    submit(service)
    service.pause(*AT)
    store.armed = True
    resume(service)
    experiment = service.experiment(*AT)
    assert (experiment.state, experiment.epoch) == ("RUNNING", 1)
    assert list(store.list("live/"))


class _Replaced(MemoryStore):
    """Just before `event` is written, another process deletes and resubmits the experiment."""

    event = b""

    def create(self, key: str, data: bytes) -> bool:
        if self.event and self.event in data:
            self.event = b""
            other = World([], objects=self).calm()
            delete(other)
            other.submit(REQUEST | {"hyperparameters": OTHERS, "enqueue": []}, key="again")
        return super().create(key, data)


OTHERS = {"y": {"type": "float", "min": 0.0, "max": 1.0}}


@pytest.mark.parametrize(
    ("event", "act"),
    [
        (b"Extended", extend),
        (b"Resumed", resume),
        (b"Deleted", delete),
        (b"TrialsCreated", lambda service: service.enqueue(*AT, [{"x": 0.2}], key="k")),
    ],
)
def test_commands_for_an_experiment_do_not_apply_to_the_next_of_its_name(
    event: bytes, act: Delivery
) -> None:
    store = _Replaced()
    service = World([], objects=store).calm()
    submit(service)
    service.pause(*AT)
    store.event = event
    with pytest.raises(NotFound):
        act(service)
    found = service.experiment(*AT)
    assert (found.state, found.spec["max_trials"], found.next_number) == ("RUNNING", 5, 0)


class _Relived(MemoryStore):
    """Just before `event` is written, another takes the experiment up again and stops it."""

    event = b""

    def create(self, key: str, data: bytes) -> bool:
        if self.event and self.event in data:
            self.event = b""
            other = World([], objects=self).calm()
            resume(other)
            stop(other)
        return super().create(key, data)


@pytest.mark.parametrize(("event", "act"), [(b"Resumed", resume), (b"Deleted", delete)])
def test_no_life_begins_that_was_not_announced(event: bytes, act: Delivery) -> None:
    store = _Relived()
    service = World([], objects=store).calm()
    submit(service)
    stop(service)
    store.event = event
    with pytest.raises(Retry):
        act(service)
    act(service)
    life = Journals(store, lambda: 0.0).of(*AT).peek()
    assert life is not None
    assert list(store.list(f"live/default/e/{life.uid}.{life.epoch:06d}-"))


class _Announced(MemoryStore):
    """Just before a marker is removed, another announces the life that it stood for."""

    other: Delivery | None = None

    def delete(self, key: str) -> None:
        other, self.other = self.other, None
        if other is not None and key.startswith("live/"):
            other(World([], objects=self).calm())
        super().delete(key)


def test_a_stale_sign_that_is_removed_late_hides_no_life() -> None:
    """A resume failed an hour ago; now the experiment is extended."""
    store = _Announced()
    world = World([submit], objects=store)
    world.run()
    with pytest.raises(Conflict):
        resume(world.calm())
    world.now += STALE + 1
    store.other = extend
    world.calm().sweep()
    assert store.other is None
    assert world.calm().experiment(*AT).state == "RUNNING"
    assert world.calm().sweep() == 1


def test_stale_signs_of_submits_that_never_came_are_removed() -> None:
    world = World([submit, submit, taken])
    world.run()
    assert len(list(world.objects.list("index/"))) == 1


def taken(service: Service) -> None:
    with pytest.raises(Conflict):
        service.submit(REQUEST, key="another")


class _Launches(ScriptedLauncher):
    """Another process extends the experiment and launches a trial just before a look at it."""

    other: Delivery | None = None
    world: World

    def active(self, namespace: str, experiment: str) -> list[Run]:
        if self.other is not None:
            other, self.other = self.other, None
            other(self.world.calm())
        return list(super().active(namespace, experiment))


def test_a_run_launched_while_others_are_being_stopped_continues() -> None:
    def extended(service: Service) -> None:
        extend(service)
        service.suggest(*AT)
        service.launch(*AT)

    launcher = _Launches()
    launcher.world = World([submit], launcher=launcher)
    launcher.world.run()
    launcher.other = extended
    launcher.world.calm().launch(*AT)
    assert [run.number for run in launcher.running()] == [5]


class _Outrun(ScriptedLauncher):
    """Just before a launch another does `act` and sweeps, and just after it the process dies."""

    act: Delivery | None = None
    world: World

    def launch(self, launch: Launch) -> None:
        if self.act is None:
            return super().launch(launch)
        act, self.act = self.act, None
        act(self.world.calm())
        self.world.calm().sweep()
        super().launch(launch)
        raise Crash("after the launch")


@pytest.mark.parametrize("act", [stop, delete])
def test_a_launch_after_the_end_leaves_no_run(act: Delivery) -> None:
    """Though its process dies, and its signal is not delivered again."""
    launcher = _Outrun()
    launcher.world = world = World([], launcher=launcher)
    service = world.calm()
    submit(service)
    launcher.act = act
    with pytest.raises(Crash):
        service.launch(*AT)
    assert launcher.running()
    world.now += 60
    world.calm().sweep()
    assert not launcher.running()
    for _ in range(3):
        world.now += PURGE_AFTER
        world.calm().sweep()
    assert not list(world.objects.list("live/"))


def test_a_trial_resumes_from_its_own_checkpoint_and_from_no_earlier_life() -> None:
    def submit_again(service: Service) -> None:
        service.submit(REQUEST, key="again")

    world = World([submit, delete, submit_again])
    world.run()
    places: dict[tuple[str, int], set[str]] = {}
    for launch in world.launcher.launches:
        place = launch.env["TUNELET_CHECKPOINT_URL"]
        places.setdefault((launch.run.uid, launch.run.number), set()).add(place)
    assert len(places) == 10
    assert all(len(of_one_trial) == 1 for of_one_trial in places.values())
    assert len(set.union(*places.values())) == 10


def test_runs_without_a_log_are_stopped() -> None:
    """A user removed the experiment's objects while its trials ran."""
    world = World([submit])
    world.run(until=lambda: bool(world.launcher.running()))
    for key in kept(world):
        world.objects.delete(key)
    world.calm().sweep()
    assert world.launcher.running() == []


def test_runs_continue_when_the_whole_store_is_gone() -> None:
    """It may be another store, which was named by mistake."""
    world = World([submit])
    world.run(until=lambda: bool(world.launcher.running()))
    for key in list(world.objects.list("")):
        world.objects.delete(key)
    before = world.launcher.running()
    world.calm().sweep()
    assert world.launcher.running() == before

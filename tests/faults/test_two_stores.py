"""One data folder served with several stores, one after the other: each ends its own runs only."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.launchers.local.launcher import ProcessLauncher
from adapters.storage.files import FileStore
from algorithms import load_catalog
from functions.events.outbox import Nowhere
from tests.contracts.launchers import until
from tunelet.assembly import assembled
from tunelet.errors import Reject
from tunelet.log.reader import entry_key
from tunelet.service import Service

SLEEPS = {
    "model_training_code": {"image": "image", "command": ["sh", "-c", "sleep 60"]},
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "max_trials": 2,
    "parallel_trials": 1,
}


class Laptop:
    """A data folder, and the folders of stores with which it is served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self, name: str) -> FileStore:
        return FileStore(self.folder / name)

    def launcher(self) -> ProcessLauncher:
        return ProcessLauncher(self.folder / "runs", {"image": ["sh"]}, 40, grace=0.2)

    def service(self, store: str) -> Service:
        """As `tunelet up` would begin it."""
        return assembled(
            self.store(store),
            self.launcher(),
            load_catalog(),
            Nowhere(),
            secret=b"0123456789abcdef",
            api_url="http://127.0.0.1:1",
        )

    def begin(self, store: str, *names: str) -> None:
        service = self.service(store)
        for name in names:
            service.submit({**SLEEPS, "name": name})
            service.suggest("default", name)
            service.launch("default", name)

    def running(self, *names: str) -> list[str]:
        return [n for n in names if self.launcher().active("default", n)]

    def asked_to_stop(self) -> list[Path]:
        """The mark of a launcher for a run that should end."""
        return list((self.folder / "runs").rglob("stop"))

    def lose(self, store: str, *names: str) -> None:
        """All that the store has of these experiments."""
        kept = self.store(store)
        for name in names:
            for top in ("v1", "live", "index"):
                for key in list(kept.list(f"{top}/default/{name}/")):
                    kept.delete(key)

    def damage(self, store: str, name: str) -> Callable[[], None]:
        """Alter an entry of the log; returns a function that repairs it."""
        kept, key = self.store(store), entry_key(f"v1/default/{name}/", 2)
        found = kept.get(key)
        assert found is not None
        kept.put(key, found.data.replace(b'"at"', b'"aT"'))
        return lambda: kept.put(key, found.data)

    def swept_until(self, store: str, holds: Callable[[], bool]) -> None:
        service = self.service(store)
        until(lambda: (service.sweep(), holds())[1] or None)


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    laptop = Laptop(tmp_path)
    yield laptop
    for life in laptop.launcher().lives():
        for run in laptop.launcher().active(life.namespace, life.experiment):
            laptop.launcher().stop(run)


def test_a_sweep_of_another_store_leaves_the_runs_alone(laptop: Laptop) -> None:
    """A typo, or a disk that is not mounted: the right store has lost nothing."""
    laptop.begin("right", "e")
    wrong = laptop.service("wrong")
    for _ in range(3):
        wrong.sweep()
    assert not laptop.asked_to_stop()
    right = laptop.service("right")
    right.sweep()
    (trial,) = right.trials("default", "e")[0]
    assert (trial.state, trial.attempt) == ("RUNNING", 1)
    assert laptop.running("e") == ["e"]


def test_an_experiment_of_the_same_name_in_another_store_is_another(laptop: Laptop) -> None:
    laptop.begin("right", "e")
    (run,) = laptop.launcher().active("default", "e")
    laptop.begin("wrong", "e")
    wrong = laptop.service("wrong")
    wrong.sweep()
    wrong.stop("default", "e")
    laptop.swept_until("wrong", lambda: laptop.launcher().active("default", "e") == [run])
    mend = laptop.damage("wrong", "e")
    wrong = laptop.service("wrong")
    wrong.sweep()
    mend()
    wrong.delete("default", "e")
    laptop.service("wrong").sweep()
    assert laptop.launcher().active("default", "e") == [run]


def test_an_emptied_store_ends_no_runs(laptop: Laptop) -> None:
    laptop.begin("right", "e")
    (laptop.folder / "right").rename(laptop.folder / "away")
    laptop.service("right").sweep()
    assert not laptop.asked_to_stop()


@pytest.mark.parametrize("hurt", [False, True])
def test_runs_of_experiments_that_their_own_store_has_lost_are_ended(
    laptop: Laptop, hurt: bool
) -> None:
    """And one damaged log does not keep those of all others running."""
    names = [f"e{number}" for number in range(4)]
    laptop.begin("store", *names)
    laptop.lose("store", *names[1:])
    if hurt:
        laptop.damage("store", "e0")
    left = [] if hurt else ["e0"]
    laptop.swept_until("store", lambda: laptop.running(*names) == left)


def test_runs_of_an_unknown_store_continue(laptop: Laptop) -> None:
    """Launched by an earlier version."""
    laptop.begin("store", "e")
    for plan in (laptop.folder / "runs").rglob("launch.json"):
        text = plan.read_text()
        assert '"store":"' in text
        plan.write_text(text.replace('"store":"', '"store_":"'))
    laptop.lose("store", "e")
    laptop.service("store").sweep()
    assert not laptop.asked_to_stop()
    (run,) = laptop.launcher().active("default", "e")
    laptop.launcher().stop(run)


class TestWarmStart:
    """An experiment that learns from another one with a damaged log."""

    def test_its_runs_go_on_and_their_ends_are_recorded(self, laptop: Laptop) -> None:
        mend = self._begun(laptop)
        laptop.swept_until("store", lambda: self._state(laptop, 0) == "COMPLETE")
        laptop.service("store").sweep()
        assert self._state(laptop, 1) == "RUNNING"
        assert laptop.running("heir") == ["heir"]
        mend()
        laptop.swept_until("store", lambda: len(self._trials(laptop)) > 2)

    def test_a_request_that_names_it_is_refused_with_the_reason(self, laptop: Laptop) -> None:
        laptop.begin("store", "source")
        laptop.damage("store", "source")
        with pytest.raises(Reject) as refusal:
            laptop.service("store").submit({**SLEEPS, "name": "heir", "warm_start": ["source"]})
        (error,) = refusal.value.errors
        assert error.field == "warm_start[0]"
        assert "entry 2" in error.message

    def _begun(self, laptop: Laptop) -> Callable[[], None]:
        laptop.begin("store", "source")
        service = laptop.service("store")
        script = '[ "$TUNELET_TRIAL" = 0 ] && { echo objective=1; exit; }; sleep 60'
        code = {"image": "image", "command": ["sh", "-c", script]}
        changed: dict[str, Any] = {"model_training_code": code, "max_trials": 6}
        heir = {**SLEEPS, **changed, "name": "heir", "parallel_trials": 2, "warm_start": ["source"]}
        service.submit(heir)
        service.suggest("default", "heir")
        service.launch("default", "heir")
        return laptop.damage("store", "source")

    def _trials(self, laptop: Laptop) -> list[Any]:
        return laptop.service("store").trials("default", "heir")[0]

    def _state(self, laptop: Laptop, number: int) -> str:
        return str(self._trials(laptop)[number].state)

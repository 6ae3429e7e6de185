"""What several storages, threads and libraries see of the same study."""

import math
import multiprocessing
import pickle
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from adapters.optuna import soon
from adapters.optuna.storage import TuneletStorage
from adapters.storage import open_store
from tunelet.core import commands as c
from tunelet.core.experiment import Experiment
from tunelet.errors import Conflict, Reject
from tunelet.log.journal_cache import Journals
from tunelet.text.limits import STEPS

MINIMIZE = [StudyDirection.MINIMIZE]
UNIT = FloatDistribution(0.0, 1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def here(folder: Path) -> TuneletStorage:
    return TuneletStorage(folder)


@pytest.fixture
def there(folder: Path) -> TuneletStorage:
    """Shares nothing with `here` but the folder, as in another process."""
    return TuneletStorage(f"{folder.as_uri()}/")


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are not written before they have to be."""
    monkeypatch.setattr(soon, "SECONDS", 3600.0)


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def experiment(folder: Path, name: str) -> Experiment:
    return Journals(open_store(folder.as_uri())).read("default", name)


def entries(folder: Path) -> int:
    return len(list(folder.glob("v1/default/*/journal/*.json")))


@pytest.mark.usefixtures("never")
def test_a_trial_with_all_that_it_has_takes_two_entries(
    here: TuneletStorage, there: TuneletStorage, folder: Path
) -> None:
    study = optuna.create_study(storage=here)
    before = entries(folder)

    def objective(trial: optuna.Trial) -> float:
        for name in "abc":
            trial.suggest_float(name, 0, 1)
        trial.set_user_attr("host", "h")
        for step in range(5):
            trial.report(step, step)
        return 0.5

    study.optimize(objective, n_trials=4)
    assert entries(folder) - before == 8
    trials = there.get_all_trials(study._study_id)
    assert trials == study.trials
    for trial in trials:
        assert trial.params.keys() == {"a", "b", "c"}
        assert (trial.user_attrs, len(trial.intermediate_values)) == ({"host": "h"}, 5)


@pytest.mark.usefixtures("never")
def test_changes_of_a_running_trial_are_seen_at_once_in_the_process(
    here: TuneletStorage, folder: Path
) -> None:
    study_id = here.create_new_study(MINIMIZE)
    trial_id = here.create_new_trial(study_id)
    here.set_trial_param(trial_id, "x", 0.5, UNIT)
    here.set_trial_intermediate_value(trial_id, 1, 7.0)
    for storage in (here, TuneletStorage(folder)):
        (seen,) = storage.get_all_trials(study_id)
        assert (seen.params, seen.intermediate_values) == ({"x": 0.5}, {1: 7.0})


def test_changes_of_a_running_trial_are_soon_seen_by_others(
    here: TuneletStorage, there: TuneletStorage
) -> None:
    study_id = here.create_new_study(MINIMIZE)
    trial_id = here.create_new_trial(study_id)
    here.set_trial_param(trial_id, "x", 0.5, UNIT)
    while not there.get_trial(trial_id).params:
        time.sleep(0.01)
    time.sleep(3 * soon.SECONDS)  # nothing is left to write
    here.set_trial_system_attr(trial_id, "a", 1)
    while not there.get_trial(trial_id).system_attrs:
        time.sleep(0.01)
    assert there.get_trial(trial_id).params == {"x": 0.5}


@pytest.mark.usefixtures("never")
def test_a_pickled_storage_has_written_all_before(
    here: TuneletStorage, there: TuneletStorage
) -> None:
    trial_id = here.create_new_trial(here.create_new_study(MINIMIZE))
    here.set_trial_param(trial_id, "x", 0.5, UNIT)
    pickle.dumps(here)
    assert there.get_trial(trial_id).params == {"x": 0.5}


@pytest.mark.usefixtures("never")
def test_changes_of_a_trial_of_another_process_are_written_at_once(
    here: TuneletStorage, there: TuneletStorage
) -> None:
    study_id = here.create_new_study(MINIMIZE)
    running = here.create_new_trial(study_id)
    waiting = here.create_new_trial(study_id, create_trial(state=TrialState.WAITING))
    there.set_trial_user_attr(running, "a", 1)
    there.set_trial_user_attr(waiting, "b", 2)
    assert here.get_trial(running).user_attrs == {"a": 1}
    assert here.get_trial(waiting).user_attrs == {"b": 2}


LEAVE = """
import sys
from adapters.optuna import soon
from tests.unit.adapters.optuna.test_storage import TuneletStorage, leave_a_trial
soon.SECONDS = 3600.0
leave_a_trial(TuneletStorage(sys.argv[1]), int(sys.argv[2]))
"""


def leave_a_trial(storage: TuneletStorage, study_id: int) -> None:
    storage.set_trial_param(storage.create_new_trial(study_id), "x", 0.25, UNIT)


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize("how", ["forked", "started"])
def test_a_process_writes_its_changes_before_it_ends(
    how: str, here: TuneletStorage, there: TuneletStorage
) -> None:
    study_id = here.create_new_study(MINIMIZE)
    here.set_trial_param(here.create_new_trial(study_id), "x", 0.5, UNIT)
    if how == "forked":
        context = multiprocessing.get_context("fork")
        process = context.Process(target=leave_a_trial, args=(here, study_id))
        process.start()
        process.join()
        assert process.exitcode == 0
    else:
        subprocess.run([sys.executable, "-c", LEAVE, here.url, str(study_id)], check=True)
    trial = there.get_all_trials(study_id)[1]
    assert (trial.state, trial.params) == (TrialState.RUNNING, {"x": 0.25})


def test_threads_share_a_study(here: TuneletStorage) -> None:
    study = optuna.create_study(storage=here)
    study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=40, n_jobs=8)
    assert [trial.number for trial in study.trials] == list(range(40))
    assert all(trial.value == trial.params["x"] ** 2 for trial in study.trials)


def all_at_once(calls: list[Callable[[], object]]) -> list[object]:
    barrier = Barrier(len(calls))

    def call(one: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return one()
        except UpdateFinishedTrialError:
            return "finished"

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def test_only_one_of_many_callers_takes_a_waiting_trial(
    here: TuneletStorage, there: TuneletStorage
) -> None:
    study_id = here.create_new_study(MINIMIZE)
    for _ in range(30):
        waiting = here.create_new_trial(study_id, create_trial(state=TrialState.WAITING))
        there.get_all_trials(study_id)
        takes = [
            partial(storage.set_trial_state_values, waiting, TrialState.RUNNING)
            for storage in (here, there) * 2
        ]
        assert sorted(all_at_once(takes)) == [False, False, False, True]


def test_only_one_of_many_threads_takes_a_waiting_trial(often: None) -> None:
    storage = TuneletStorage("memory://threads")
    study_id = storage.create_new_study(MINIMIZE)
    for _ in range(50):
        waiting = storage.create_new_trial(study_id, create_trial(state=TrialState.WAITING))
        takes = [partial(storage.set_trial_state_values, waiting, TrialState.RUNNING)] * 8
        assert Counter(all_at_once(takes)) == {True: 1, False: 7}


def test_only_one_of_many_callers_ends_a_trial(here: TuneletStorage, there: TuneletStorage) -> None:
    study_id = here.create_new_study(MINIMIZE)
    here.set_study_user_attr(study_id, "one more entry", "so that an end closes a window")
    for number in range(32):
        trial_id = here.create_new_trial(study_id)
        there.get_all_trials(study_id)
        ends = [
            partial(storage.set_trial_state_values, trial_id, TrialState.FAIL)
            for storage in (here, there) * 2
        ]
        assert Counter(all_at_once(ends)) == {True: 1, "finished": 3}, number


def test_a_trial_that_another_process_ended_takes_no_changes(
    here: TuneletStorage, there: TuneletStorage
) -> None:
    study_id = here.create_new_study(MINIMIZE)
    trial_id = here.create_new_trial(study_id)
    there.set_trial_state_values(trial_id, TrialState.FAIL)
    with pytest.raises(UpdateFinishedTrialError):
        here.set_trial_state_values(trial_id, TrialState.COMPLETE, [1.0])
    with pytest.raises(UpdateFinishedTrialError):
        here.set_trial_user_attr(trial_id, "a", 1)
    assert here.get_trial(trial_id).state is TrialState.FAIL


def a_study(storage: optuna.storages.BaseStorage) -> optuna.Study:
    """Trials in every state, with values of every kind."""
    study = optuna.create_study(study_name="source", storage=storage, direction="maximize")
    study.set_user_attr("who", ["me", {"nan": math.nan}])

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("x", 1e-3, 1.0, log=True)
        trial.suggest_float("step", 0, 1, step=0.25)
        trial.suggest_int("n", 1, 9, step=2)
        trial.suggest_categorical("kind", [None, True, 1, 1.5, "a", math.inf])
        trial.report(math.nan, 0)
        trial.report(math.inf, 3)
        trial.set_user_attr("big", 2**70)
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise ArithmeticError
        return math.inf if trial.number == 3 else 0.5

    study.optimize(objective, n_trials=5, catch=ArithmeticError)
    study.enqueue_trial({"x": 0.5}, user_attrs={"queued": True})
    study.ask({"other": IntDistribution(0, 3)})
    return study


def shown(study: optuna.Study) -> list[str]:
    """NaN equals itself as text."""
    return [
        repr((t.number, t.state, t.values, t.params, t.distributions, t.intermediate_values))
        + repr((t.user_attrs, t.system_attrs, t.datetime_start, t.datetime_complete))
        for t in study.trials
    ]


@pytest.mark.parametrize("way", ["from Tunelet", "to Tunelet"])
def test_a_study_is_copied_from_and_to_other_storages(way: str, here: TuneletStorage) -> None:
    storages = [InMemoryStorage(), here]
    source, target = storages if way == "to Tunelet" else storages[::-1]
    study = a_study(source)
    optuna.copy_study(from_study_name="source", from_storage=source, to_storage=target)
    copied = optuna.load_study(study_name="source", storage=target)
    assert shown(copied) == shown(study)
    assert repr(copied.user_attrs) == repr(study.user_attrs)
    assert copied.directions == study.directions
    assert copied.best_trial.number == study.best_trial.number == 3


def test_a_study_of_several_directions(here: TuneletStorage) -> None:
    study = optuna.create_study(storage=here, directions=["minimize", "maximize"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.number), n_trials=3)
    assert [trial.values[1] for trial in study.trials] == [0.0, 1.0, 2.0]
    assert study.best_trials
    with pytest.raises(ValueError, match="1 values for 2 directions"):
        here.set_trial_state_values(study.ask()._trial_id, TrialState.COMPLETE, [1.0])


def test_samplers_that_keep_attributes_continue(here: TuneletStorage) -> None:
    sampler = optuna.samplers.GridSampler({"x": [1, 2, 3], "y": ["a", "b"]})
    study = optuna.create_study(storage=here, sampler=sampler)
    study.optimize(
        lambda t: t.suggest_int("x", 1, 3) + len(t.suggest_categorical("y", ["a", "b"])),
        n_trials=10,
    )
    assert len({tuple(trial.params.items()) for trial in study.trials}) == len(study.trials) == 6


@pytest.mark.parametrize("name", ["", "My study/é", "-", "x" * 99, "9", "ok-name"])
def test_a_study_has_any_name(name: str, here: TuneletStorage, there: TuneletStorage) -> None:
    study_id = here.create_new_study(MINIMIZE, name)
    assert there.get_study_id_from_name(name) == study_id
    assert there.get_study_name_from_id(study_id) == name
    with pytest.raises(DuplicatedStudyError, match="load_if_exists"):
        there.create_new_study(MINIMIZE, name)


def test_studies_that_begin_at_once_get_different_numbers(
    here: TuneletStorage, there: TuneletStorage
) -> None:
    creates = [partial(storage.create_new_study, MINIMIZE) for storage in (here, there) * 4]
    numbers = all_at_once(creates)
    assert len(set(numbers)) == 8
    assert [study._study_id for study in here.get_all_studies()] == sorted(numbers)


def test_only_one_of_many_callers_begins_a_study_of_a_name(
    here: TuneletStorage, there: TuneletStorage
) -> None:
    def create(storage: TuneletStorage) -> object:
        try:
            return storage.create_new_study(MINIMIZE, "one")
        except DuplicatedStudyError:
            return None

    creates = [partial(create, storage) for storage in (here, there) * 4]
    numbers = [number for number in all_at_once(creates) if number is not None]
    assert numbers == [study._study_id for study in there.get_all_studies()]
    assert len(numbers) == 1


def test_a_deleted_study_is_gone_for_all_and_its_number_is_not_used_again(
    here: TuneletStorage, there: TuneletStorage
) -> None:
    study_id = here.create_new_study(MINIMIZE, "s")
    trial_id = here.create_new_trial(study_id)
    there.get_all_trials(study_id)
    there.delete_study(study_id)
    for storage in (here, there):
        with pytest.raises(KeyError):
            storage.get_all_trials(study_id)
        with pytest.raises(KeyError):
            storage.set_trial_state_values(trial_id, TrialState.FAIL)
    again = here.create_new_study(MINIMIZE, "s")
    assert again > study_id
    assert there.get_all_trials(again) == []


def test_an_experiment_that_is_not_a_study_is_not_shown(here: TuneletStorage, folder: Path) -> None:
    here.create_new_study(MINIMIZE, "study")
    spec = experiment(folder, "study").spec | {"name": "other"}
    del spec["study"]
    Journals(open_store(folder.as_uri())).of("default", "other").commit(c.Submit("u", spec))
    with pytest.raises(KeyError):
        here.get_study_id_from_name("other")
    assert len(here.get_all_studies()) == 1


def test_the_error_of_a_stopped_study_shows_how_to_continue(
    here: TuneletStorage, folder: Path
) -> None:
    study = optuna.create_study(study_name="s", storage=here)
    trial = study.ask()
    Journals(open_store(folder.as_uri())).of("default", "s").commit(c.Stop())
    with pytest.raises(Conflict, match=r"experiment 's' has ended \(stopped\); resume it first"):
        study.ask()
    assert study.trials[0].state is TrialState.FAIL
    with pytest.raises(UpdateFinishedTrialError):
        study._storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [1.0])


def test_trials_are_read_after_they_have_left_the_state(
    here: TuneletStorage, there: TuneletStorage
) -> None:
    study = optuna.create_study(storage=here, sampler=optuna.samplers.RandomSampler())
    waits = study.ask()
    there.get_all_trials(study._study_id)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=70)
    study.tell(waits, 1.0)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=70)
    assert there.get_all_trials(study._study_id) == study.trials
    assert study.trials[0].value == 1.0


def test_a_report_beyond_the_limit_is_refused_at_once(here: TuneletStorage) -> None:
    study = optuna.create_study(storage=here)
    trial = study.ask()
    for step in range(STEPS):
        here.set_trial_intermediate_value(trial._trial_id, step, 0.0)
    here.set_trial_intermediate_value(trial._trial_id, 7, 1.0)
    with pytest.raises(ValueError, match=f"step {STEPS}: trial 0 has reports at {STEPS} steps"):
        trial.report(0.0, STEPS)
    assert study.tell(trial, 1.0).intermediate_values[7] == 1.0


def test_choices_keep_their_types(here: TuneletStorage, there: TuneletStorage) -> None:
    choices = (1, 1.0, "1", "NaN", math.inf, None, 2**70, "\ud800")
    for index, choice in enumerate(choices):
        kind = CategoricalDistribution((choice, "other"))
        study_id = here.create_new_study(MINIMIZE)
        trial_id = here.create_new_trial(study_id)
        here.set_trial_param(trial_id, "x", 0, kind)
        here.set_trial_state_values(trial_id, TrialState.FAIL)
        seen = there.get_trial(trial_id)
        assert repr(seen.params["x"]) == repr(choice), index
        assert repr(seen.distributions["x"]) == repr(kind)


@pytest.mark.parametrize(
    "value", [math.nan, [math.inf], {"$json": "x"}, 2**70, "\ud800", {"1": [None, True]}, ""]
)
def test_attributes_are_any_json_of_python(
    value: object, here: TuneletStorage, there: TuneletStorage
) -> None:
    study_id = here.create_new_study(MINIMIZE)
    here.set_study_user_attr(study_id, "a", value)
    assert repr(there.get_study_user_attrs(study_id)["a"]) == repr(value)


def test_an_attribute_that_is_not_json_is_refused(here: TuneletStorage) -> None:
    trial_id = here.create_new_trial(here.create_new_study(MINIMIZE))
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        here.set_trial_user_attr(trial_id, "a", {1})
    assert here.get_trial(trial_id).user_attrs == {}


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(Reject, match="names no kind of store"):
        TuneletStorage("ftp://host/folder")
    with pytest.raises(ValueError, match="grace_period is 0"):
        TuneletStorage("memory://x", heartbeat_interval=1, grace_period=0)


def test_names_that_the_log_cannot_hold_are_refused_at_once(here: TuneletStorage) -> None:
    study = here.create_new_study(MINIMIZE, "digits")
    trial = here.create_new_trial(study)
    for refused in (
        lambda: here.set_trial_param(trial, "\ud800", 0.5, UNIT),
        lambda: here.set_trial_user_attr(trial, "\ud800", 1),
        lambda: here.set_trial_system_attr(trial, "\ud800", 1),
    ):
        with pytest.raises(ValueError, match="half of a surrogate pair"):
            refused()
    here.set_trial_user_attr(trial, "seed", 1)
    here.set_trial_state_values(trial, TrialState.COMPLETE, [1.0])
    assert here.get_trial(trial).user_attrs == {"seed": 1}


class Changed:
    """Something with changes to write, which may be impossible."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault, self.written = fault, 0

    def flush(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.written += 1


def test_a_study_that_cannot_be_written_does_not_keep_others_from_it(never: None) -> None:
    writes = soon.Soon()
    broken = [Changed(KeyError("gone")) for _ in range(8)]
    sound = [Changed() for _ in range(8)]
    for each in (*broken, *sound):
        writes(each)
    with pytest.raises(KeyError):
        writes.flush()
    assert [each.written for each in sound] == [1] * 8
    for each in broken:
        each.fault = None
    writes.flush()
    writes.flush()
    assert [each.written for each in (*broken, *sound)] == [1] * 16

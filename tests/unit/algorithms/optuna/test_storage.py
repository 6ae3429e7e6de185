"""Assumptions of algorithms/optuna about Optuna's internals: another version fails here."""

import inspect

import optuna
from optuna.search_space import IntersectionSearchSpace
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from algorithms.optuna.storage import PastStorage, PastTrial

MINIMIZE = [StudyDirection.MINIMIZE]


def past(number: int) -> PastTrial:
    return PastTrial(
        number=number,
        trial_id=number,
        state=TrialState.COMPLETE,
        value=float(number),
        values=None,
        datetime_start=None,
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )


def test_in_memory_storage_has_the_attributes_that_past_storage_sets() -> None:
    storage = InMemoryStorage()
    study = storage.create_new_study(MINIMIZE, "one")
    assert study == PastStorage.STUDY
    number = storage.create_new_trial(study)
    assert vars(storage).keys() >= {"_studies", "_trial_id_to_study_id_and_number", "_max_trial_id"}
    assert isinstance(storage._studies[study].trials, list)
    assert isinstance(storage._studies[study].system_attrs, dict)
    assert storage._trial_id_to_study_id_and_number == {number: (study, 0)}
    assert storage._max_trial_id == number == 0


def test_nothing_else_of_in_memory_storage_follows_the_trials() -> None:
    """A new attribute might be a cache that `show` would have to set, too."""
    assert vars(InMemoryStorage()).keys() == {
        *("_lock", "_max_study_id", "_max_trial_id", "_studies"),
        "_prev_waiting_trial_number",  # where to look for trials that wait: none ever does here
        *("_study_name_to_id", "_trial_id_to_study_id_and_number"),
    }
    storage = InMemoryStorage()
    study = storage.create_new_study(MINIMIZE, "one")
    assert vars(storage._studies[study]).keys() == {
        *("trials", "param_distribution", "user_attrs", "system_attrs"),
        *("name", "directions", "best_trial_id"),
    }


def test_trials_that_are_shown_are_all_there_are() -> None:
    storage = PastStorage(MINIMIZE)
    for count in (5, 2, 8):
        storage.show([past(number) for number in range(count)], {"noted": count})
        study = optuna.load_study(study_name="past", storage=storage)
        assert [trial.number for trial in study.trials] == list(range(count))
        assert storage.get_study_system_attrs(PastStorage.STUDY) == {"noted": count}
        asked = study.ask()
        assert (asked.number, asked._trial_id) == (count, count)
        storage.withdraw()
        assert storage.get_n_trials(PastStorage.STUDY) == count


def test_a_trials_number_and_id_can_be_set() -> None:
    trial = past(3)
    trial.number = trial._trial_id = 7
    assert (trial.number, trial._trial_id) == (7, 7)
    assert {"number", "trial_id"} <= inspect.signature(FrozenTrial).parameters.keys()


def test_a_samplers_cached_space_is_an_intersection_search_space() -> None:
    for sampler in (optuna.samplers.TPESampler(), optuna.samplers.NSGAIISampler()):
        assert any(isinstance(one, IntersectionSearchSpace) for one in vars(sampler).values())


def test_constraints_are_read_from_the_attribute_of_their_name() -> None:
    trial = past(0)
    trial.system_attrs = {"constraints": [1.0, -2.0]}
    assert trial.constraints == {"0": 1.0, "1": -2.0}

"""Words of other libraries in a call of `tune`, and errors in its own words."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from tunelet import tune
from tunelet.errors import Reject
from tunelet.interop.hyperopt import fmin

X = {"x": {"type": "float", "min": 0, "max": 1}}
search: Any = tune
"""Without the types, which refuse these calls."""


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("n_trials", "write trials="),
        ("max_evals", "write trials="),
        ("num_samples", "write trials="),
        ("max_trials", "write trials="),
        ("study_name", "write name="),
        ("n_jobs", "write parallel="),
        ("sampler", "write algorithm="),
        ("time_budget_s", "write timeout="),
        ("mode", "write direction="),
        ("param_space", "write space="),
        ("trails", "write trials="),
        ("catch", "leave it out, for an exception fails its trial only"),
    ],
)
def test_a_keyword_of_another_library_is_refused_with_the_one_of_tune(
    word: str, remedy: str
) -> None:
    with pytest.raises(TypeError) as refused:
        search(lambda p: p["x"], X, **{word: 3})
    assert str(refused.value) == f"tune() got an unexpected keyword argument {word!r}: {remedy}"


def test_a_keyword_that_means_nothing_is_refused_without_a_guess() -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'zzz'$"):
        search(lambda p: p["x"], X, zzz=3)


def test_fmin_names_the_keyword_that_is_meant() -> None:
    with pytest.raises(TypeError, match="'max_evls': write max_evals="):
        fmin(lambda x: x, X, max_evls=3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"direction": "maximise"}, 'direction: must be .*; did you mean "maximize"'),
        ({"direction": ["minimize", "maximise"]}, r"direction\[1\]: must be .*\"maximize\""),
        ({"direction": []}, "direction: is empty; give at least one"),
        ({"direction": None}, "direction has the type NoneType: give 'minimize' or 'maximize'"),
        ({"direction": optuna.study.StudyDirection.MAXIMIZE}, "direction has .*: give 'minimize'"),
        ({"trials": 0}, "^trials: must be at least 1"),
        ({"parallel": "2"}, "^parallel: must be an integer; write it without quotes"),
        ({"timeout": -1}, "^timeout: must be more than 0"),
        ({"trials": 0, "parallel": 0}, "^trials: must be .*\nparallel: must be"),
        ({"algorithm": "tpee"}, r'^algorithm.name: .*did you mean "tpe"'),
        ({"algorithm": optuna.samplers.TPESampler()}, "give its name: 'optuna.TPESampler'"),
        ({"early_stopping": optuna.pruners.NopPruner()}, "its name: 'optuna.NopPruner'"),
        ({"early_stopping": [5]}, "early_stopping has the type int: give a name, or a dict"),
        ({"name": "My Search"}, "^name: is not a name; give at most 40"),
        ({"store": Path("folder")}, "^store has the type .*: give the URL of a bucket or folder"),
        ({"space": {"x": (0, 1)}}, r"^space\.x: must be an object; write "),
    ],
)
def test_a_wrong_argument_is_refused_by_its_keyword_and_with_the_remedy(
    given: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Reject, match=said):
        search(lambda p: p["x"], **{"space": X, "trials": 2} | given)

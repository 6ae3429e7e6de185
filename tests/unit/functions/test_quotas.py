"""Quotas are read from JSON or a file, and all that is wrong with them is named at once."""

import json
from pathlib import Path

import pytest

from functions.settings import Settings
from tests.unit.functions.test_settings import ENVIRONMENT
from tunelet.core.quotas import UNLIMITED, Quota, Quotas
from tunelet.errors import Reject

GIVEN = {
    "default": {"experiments": 10, "live_trials": 5, "reports_per_second": 0.5},
    "namespaces": {"vision": {"experiments": None, "live_trials": 0}},
}
MEANT = Quotas(
    Quota(experiments=10, live_trials=5, reports_per_second=0.5),
    {"vision": Quota(experiments=None, live_trials=0, reports_per_second=0.5)},
)


def quotas(value: str) -> Quotas:
    return Settings.from_env({**ENVIRONMENT, "TUNELET_QUOTAS": value}).quotas


def test_no_quotas_are_no_limits() -> None:
    assert Settings.from_env(ENVIRONMENT).quotas == UNLIMITED
    assert UNLIMITED.of("any") == Quota(None, None, None, None, None)


def test_a_namespace_replaces_some_of_the_default_limits() -> None:
    read = quotas(json.dumps(GIVEN))
    assert read == MEANT
    assert read.of("vision").experiments is None
    assert read.of("other") == MEANT.default


def test_they_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "quotas.json"
    path.write_text(json.dumps(GIVEN))
    assert quotas(str(path)) == MEANT


@pytest.mark.parametrize("value", ["{", "[]", "/no/such/file", '{"a": 1, "a": 1}', "x\0y"])
def test_values_other_than_objects_are_refused(value: str) -> None:
    with pytest.raises(Reject) as refusal:
        quotas(value)
    (error,) = refusal.value.errors
    assert error.field == "TUNELET_QUOTAS"
    assert error.remedy == "set a JSON object, or the path of a file with one"


def test_all_faults_are_named_at_once() -> None:
    wrong = {
        "default": {"experiments": -1, "trials": 5, "live_trials": True, "stored_bytes": 1e9},
        "namespaces": {"Vision": {}, "nlp": [], "speech": {"reports_per_second": 0}},
        "more": {},
    }
    with pytest.raises(Reject) as refusal:
        quotas(json.dumps(wrong))
    assert {error.field.removeprefix("TUNELET_QUOTAS.") for error in refusal.value.errors} == {
        *("default.experiments", "default.trials", "default.live_trials", "default.stored_bytes"),
        *("namespaces", "namespaces.nlp", "namespaces.speech.reports_per_second", "more"),
    }
    assert all(error.remedy for error in refusal.value.errors)

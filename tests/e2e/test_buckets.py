"""`tunelet up` with its log in a bucket, on real servers, by whichever client is the default."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapters.storage import open_store
from tests.contracts.clouds import bucket_url
from tunelet.log.journal_cache import Journals

TRAIN = """
for step in 1 2 3; do echo "step=$step objective=0.$step"; sleep 0.1; done
"""
REQUEST: dict[str, Any] = {
    "name": "far",
    "model_training_code": "train",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "max_trials": 8,
    "parallel_trials": 3,
}


@pytest.mark.stores
@pytest.mark.parametrize(
    "variable", ["TUNELET_TEST_S3_URL", "TUNELET_TEST_GCS_URL", "TUNELET_TEST_AZURE_URL"]
)
def test_an_experiment_in_a_bucket_survives_its_service(
    variable: str, up: Callable[..., Any], tmp_path: Path, wait: Callable[..., None]
) -> None:
    url = f"{bucket_url(variable)}/{uuid4().hex}"
    train = tmp_path / "train.sh"
    train.write_text(TRAIN)
    service = up("--store", url, "--alias", f"train=sh {train}")
    service.client.submit(REQUEST)
    wait(lambda: service.client.experiment("far").json["counts"]["complete"] >= 2)
    service.kill()
    service.start()
    ended = service.client.experiment("far").wait(timeout=120)
    assert (ended.state, len(ended.trials)) == ("COMPLETE", 8)
    trials = list(Journals(open_store(url)).trials("default", "far"))
    assert [trial.number for trial in trials] == list(range(8))
    assert all(len(trial.reports) == 3 for trial in trials)


def test_the_error_of_an_unusable_store_names_the_remedy(up: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError, match=r"(?s)names no kind of store.*use one of"):
        up("--store", "ftp://somewhere")

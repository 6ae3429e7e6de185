"""Finished trials of files and of Optuna's studies go into an experiment, and its client's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.e2e.test_cli import Shell

REQUEST = {
    "name": "new",
    "model_training_code": "train",
    "hyperparameters": {
        "x": {"type": "float", "min": 0, "max": 1},
        "kind": {"type": "categorical", "choices": ["flat", "deep"]},
    },
    "objective": {"metric": "loss"},
    "hpo_algorithm": "tpe",
    "max_trials": 3,
    "parallel_trials": 1,
}


@pytest.fixture
def service(up: Callable[..., Any], tmp_path: Path) -> Any:
    script = tmp_path / "train.sh"
    script.write_text("echo loss=0.9")
    return up("--alias", f"train=sh {script}")


@pytest.fixture
def tunelet(service: Any, tmp_path: Path) -> Shell:
    shell = Shell(service.url, tmp_path)
    shell.namespace = "default"
    shell.env["TUNELET_NAMESPACE"] = "default"
    return shell


@pytest.mark.parametrize("reports", [False, True])
def test_an_export_of_a_service_is_that_of_its_store_but_for_what_it_does_not_know(
    service: Any, tunelet: Shell, tmp_path: Path, reports: bool
) -> None:
    (tmp_path / "train.sh").write_text("echo step=1 loss=0.5 rate=2; echo loss=0.9")
    service.client.submit({**REQUEST, "name": "old", "seed": 1}).wait(timeout=60)
    words = ("export", "old", "--format", "jsonl", *(["--reports"] if reports else []))
    stored = tunelet.process(*words, "--store", (service.data / "store").as_uri())
    asked = [tunelet.process(*words)]
    tunelet.env["TUNELET_URL"] = "http://127.0.0.1:1"
    asked += [
        tunelet.process(*words, "--url", service.url),
        tunelet.process("--url", service.url, *words),
    ]
    assert [each.code for each in asked] == [0, 0, 0], asked[0].err
    assert asked[0].out == asked[1].out == asked[2].out
    known = [_known(json.loads(line)) for line in stored.out.splitlines()]
    found = [_known(json.loads(line)) for line in asked[0].out.splitlines()]
    assert found == known
    assert len(found) == 3


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """What the API knows of a row: times to the millisecond."""
    times = {each: row[each][:23] for each in row if each.endswith("_at")}
    absent = ("seconds", "attempt") if "step" in row else ("seconds",)
    return {name: each for name, each in (row | times).items() if name not in absent}


def test_an_export_is_of_a_service_or_of_a_store(tunelet: Shell) -> None:
    ran = tunelet.process("export", "e", "--url", "http://127.0.0.1:1", "--store", "x")
    assert (ran.code, "name either a service" in ran.err) == (2, True)


def test_what_is_exported_can_be_imported(service: Any, tunelet: Shell, tmp_path: Path) -> None:
    service.client.submit({**REQUEST, "name": "old", "seed": 1}).wait(timeout=60)
    store = (service.data / "store").as_uri()
    exported = tunelet.process("export", "old", "--store", store)
    assert exported.code == 0, exported.err
    (tmp_path / "old.csv").write_text(exported.out)
    service.client.submit({**REQUEST, "seed": 2})

    ran = tunelet("import", "new", "old.csv", "--store", store)

    assert (ran.code, ran.out) == (0, "new: imported 3 trials\n"), ran.err
    ended = service.client.experiment("new").wait(timeout=60)
    old = service.client.experiment("old").trials
    found = [trial for trial in ended.trials if trial["imported"]]
    assert [t["hyperparameters"] for t in found] == [t["hyperparameters"] for t in old]
    assert [t["values"] for t in found] == [t["values"] for t in old]
    assert ended.counts["complete"] == 6
    assert ended.spec["max_trials"] == 6


def test_a_study_of_optuna_is_imported_and_counts_if_it_shall(
    service: Any, tunelet: Shell, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    study = optuna.create_study(study_name="s", storage=url)
    space = {"x": optuna.distributions.FloatDistribution(0, 1)}
    space |= {"kind": optuna.distributions.CategoricalDistribution(["flat", "deep"])}
    for n in range(2):
        params = {"x": 0.1 + n / 10, "kind": "deep"}
        study.add_trial(optuna.create_trial(params=params, distributions=space, value=n / 10))
    study.ask(space)
    service.client.submit({**REQUEST, "max_trials": 12})
    service.client.pause("new")

    ran = tunelet("import", "new", url, "--study", "s", "--count")

    assert ran.out == "new: imported 2 trials; 1 without a result are left out\n", ran.err
    shown = tunelet.json("show", "new")
    assert shown["spec"]["max_trials"] == 12
    assert shown["best"]["hyperparameters"] == {"x": 0.1, "kind": "deep"}
    wrong = tunelet("import", "new", url, "--study", "other")
    assert (wrong.code, "cannot read the study" in wrong.err) == (2, True)
    assert "Traceback" not in wrong.err


def test_a_row_that_does_not_fit_is_named(service: Any, tunelet: Shell, tmp_path: Path) -> None:
    service.client.submit(REQUEST)
    (tmp_path / "bad.csv").write_text("x,kind,loss\n0.5,flat,1\n7,flat,1\n")
    ran = tunelet("import", "new", "bad.csv")
    assert ran.code == 2
    assert "trials[1].hyperparameters.x" in ran.err
    (tmp_path / "empty.csv").write_text("x,kind,loss\n")
    assert "contains no finished trials" in tunelet("import", "new", "empty.csv").err


def test_the_client_imports_what_python_has(service: Any) -> None:
    experiment = service.client.submit(REQUEST)
    experiment.client.pause("new")
    study = optuna.create_study()
    study.add_trial(
        optuna.create_trial(
            params={"x": 0.25, "kind": "flat"},
            distributions={
                "x": optuna.distributions.FloatDistribution(0, 1),
                "kind": optuna.distributions.CategoricalDistribution(["flat", "deep"]),
            },
            value=0.125,
        )
    )
    for _ in range(2):
        (made,) = experiment.import_trials(study, idempotency_key="k")
    assert (made.values, made.hyperparameters) == ({"loss": 0.125}, {"x": 0.25, "kind": "flat"})
    rows = [{"x": n / 600, "kind": "deep", "loss": 1 + n} for n in range(600)]
    assert len(experiment.import_trials(rows)) == 600
    assert experiment.refresh().spec["max_trials"] == 3 + 1 + 600
    assert experiment.best.number == made.number

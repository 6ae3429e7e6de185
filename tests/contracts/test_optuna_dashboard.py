"""optuna-dashboard, as a WSGI application, over `TuneletStorage` of a folder and of a service."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from werkzeug.test import Client

from tests.e2e.conftest import Up
from tunelet.interop.optuna import TuneletStorage

optuna_dashboard = pytest.importorskip(
    "optuna_dashboard", reason="needs optuna-dashboard: pip install optuna-dashboard==0.21.0"
)


@pytest.fixture(params=["folder", "service"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "folder":
        yield TuneletStorage(tmp_path)
        return
    served = Up(tmp_path / "data")
    yield TuneletStorage(served.url)
    served.close()


@pytest.fixture
def dashboard(storage: Any) -> Client:
    return Client(optuna_dashboard.wsgi(storage))


def test_it_shows_studies_and_their_trials(storage: Any, dashboard: Client) -> None:
    study = optuna.create_study(study_name="digits", storage=storage)

    def objective(trial: optuna.Trial) -> float:
        trial.report(0.5, 0)
        trial.set_user_attr("host", "a")
        return trial.suggest_float("x", 0, 1)

    study.optimize(objective, n_trials=4)
    waits = study.ask()
    (summary,) = dashboard.get("/api/studies").json["study_summaries"]
    assert (summary["study_name"], summary["study_id"]) == ("digits", study._study_id)
    detail = dashboard.get(f"/api/studies/{study._study_id}?after=0").json
    assert [trial["state"] for trial in detail["trials"]] == ["Complete"] * 4 + ["Running"]
    assert detail["trials"][0]["trial_id"] == study.trials[0]._trial_id < 2**53
    assert detail["trials"][0]["values"] == study.trials[0].values
    assert detail["trials"][4]["number"] == waits.number


def test_it_creates_deletes_annotates_and_tells(storage: Any, dashboard: Client) -> None:
    created = dashboard.post(
        "/api/studies", json={"study_name": "by hand", "directions": ["minimize"]}
    )
    assert created.status_code == 201
    study = optuna.load_study(study_name="by hand", storage=storage)
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    path = f"/api/studies/{study._study_id}"
    note = {"body": "promising", "version": 1}
    assert dashboard.put(f"{path}/note", json=note).status_code == 204
    assert dashboard.put(f"{path}/{trial._trial_id}/note", json=note).status_code == 204
    assert dashboard.get(f"{path}?after=0").json["note"]["body"] == "promising"
    told = dashboard.post(
        f"/api/trials/{trial._trial_id}/tell", json={"state": "Complete", "values": [0.25]}
    )
    assert told.status_code == 204
    assert (study.trials[0].state, study.trials[0].value) == (TrialState.COMPLETE, 0.25)
    assert dashboard.delete(path, json={}).status_code == 204
    assert storage.get_all_studies() == []

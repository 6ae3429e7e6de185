"""How an experiment ends, against `tunelet up`: nothing is a failure that is none, and what cannot
work ends early."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tunelet.client import Client
from tunelet.errors import Reject

SPACE = {"x": {"type": "float", "min": 0, "max": 1}}
AT_A_TIME = pytest.mark.parametrize("parallel", [1, 3])


@pytest.fixture
def client(up: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Of a service on a machine without podman and docker."""
    script = tmp_path / "not_executable.txt"
    script.write_text("no program")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    service = up(
        *("--alias", "missing=no_such_program"),
        *("--alias", f"forbidden={script}"),
        *("--alias", "misspelt=sh -c 'pyton train.py'"),
        *("--alias", "silent=true"),
        *("--alias", "reaching=sh -c 'echo objective=0.0; sleep 1'"),
        *("--alias", "reporting=sh -c 'echo objective=0.5; sleep 600'"),
    )
    return Client(service.url)


def request(image: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": image.replace("_", "-"),
        "model_training_code": image,
        "hyperparameters": SPACE,
        "hpo_algorithm": "random_search",
        **fields,
    }


def ended(client: Client, image: str, **fields: Any) -> dict[str, Any]:
    asked = request(image, **fields)
    client.submit(asked, may_wait=True)
    return client.wait(str(asked["name"])).json


@AT_A_TIME
@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("missing", "the training exited with 127"),
        ("forbidden", "the training exited with 126"),
        ("misspelt", "pyton: not found"),
        ("silent", "gave no value of 'objective'"),
    ],
)
def test_a_search_that_cannot_work_ends_after_a_few_trials_with_the_reason(
    client: Client, image: str, said: str, parallel: int
) -> None:
    end = ended(client, image, parallel_trials=parallel, max_trials=60)
    assert end["state"] == "FAILED"
    assert "failed alike: " in end["reason"]
    assert said in end["reason"]
    assert "(give_up_after is 3" in end["reason"]
    assert 3 <= end["counts"]["failed"] < 3 + parallel


def test_an_image_that_nothing_here_can_run_waits_with_the_reason(
    client: Client, wait: Callable[[Callable[[], object]], None]
) -> None:
    with pytest.raises(Reject, match="has no alias here"):
        client.submit(request("no_such_image", max_trials=2))
    client.submit(request("no_such_image", max_trials=2), may_wait=True)
    wait(lambda: any("has no alias here" in str(one) for one in client.trials("no-such-image")))
    assert client.experiment("no-such-image").state == "RUNNING"


def test_a_goal_that_several_trials_reach_at_once_leaves_no_failure(client: Client) -> None:
    goal = {"metric": "objective", "goal": 0.0}
    end = ended(client, "reaching", objective=goal, max_trials=12)
    assert (end["state"], end["counts"]["failed"]) == ("COMPLETE", 0)
    stopped = list(client.trials("reaching", "STOPPED"))
    assert len(stopped) == end["counts"]["stopped"]
    assert {each["reason"] for each in stopped} <= {"the experiment ended: the goal is reached"}


def test_a_trial_running_at_the_end_of_the_time_may_be_the_best(client: Client) -> None:
    end = ended(client, "reporting", max_seconds=6)
    assert (end["state"], end["counts"]["stopped"]) == ("COMPLETE", 3)
    assert (end["best"]["state"], end["best"]["values"]) == ("STOPPED", {"objective": 0.5})

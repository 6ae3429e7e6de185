"""Trainings that hang: they are ended and made again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Up
from tunelet import tune
from tunelet.cli import main
from tunelet.errors import Reject

ROOT = Path(__file__).resolve().parents[2]
HANGS = """
echo "$TUNELET_TRIAL $TUNELET_ATTEMPT $$" >> attempts
if [ "$TUNELET_TRIAL $TUNELET_ATTEMPT" = "1 1" ]; then echo begins; sleep 3600; fi
for i in 1 2 3 4 5 6 7 8 9 10; do echo "step $i"; sleep 0.5; done
echo "objective=${1#*=}"
"""
RUN = ("run", "--float", "x=0:1", "--minimize", "objective", "-n", "3", "-j", "3", "--json")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.sh").write_text(HANGS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def test_a_training_that_hangs_is_ended_and_made_again(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each prints for longer than `stall_seconds`, but never pauses for as long."""
    assert main([*RUN, "--set", "stall_seconds=4", "--", "bash", "train.sh"]) == 0
    last = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (last["counts"]["complete"], last["counts"]["failed"]) == (3, 0)
    begun = [line.split() for line in (folder / "attempts").read_text().splitlines()]
    assert sorted(each[:2] for each in begun) == [["0", "1"], ["1", "1"], ["1", "2"], ["2", "1"]]
    (hung,) = [int(pid) for number, attempt, pid in begun if (number, attempt) == ("1", "1")]
    assert not Path(f"/proc/{hung}").exists()


def test_a_service_that_was_killed_meanwhile_finds_it_hanging(
    up: Up, folder: Path, wait: Any
) -> None:
    up.client.submit(
        {
            "name": "hangs",
            "model_training_code": "hangs",
            "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
            "max_trials": 2,
            "stall_seconds": 4,
        }
    )
    attempts = folder / "attempts"
    wait(lambda: attempts.exists() and "1 1" in attempts.read_text())
    up.kill()
    up.start()
    last = up.client.wait("hangs", timeout=90)
    assert last.json["counts"]["complete"] == 2
    assert up.client.trial("hangs", 1)["attempt"] == 2


@pytest.fixture
def up(folder: Path) -> Any:
    # A folder of its own for each trial, so the file of attempts has its full path.
    script = HANGS.replace(">> attempts", f">> {folder}/attempts")
    (folder / "train.sh").write_text(script)
    service = Up(folder / "data", "--alias", f"hangs=bash {folder}/train.sh")
    yield service
    service.kill()


SEARCH = """
import time
from pathlib import Path
from tunelet import tune

def objective(params, trial):
    first = not Path("hung").exists()
    if first:
        Path("hung").touch()
        trial.report(1.0)
        time.sleep(3600)
    for _ in range(12):
        time.sleep(0.4)
        trial.report(params["x"])
    return params["x"]

if __name__ == "__main__":
    found = tune(objective, {"x": {"type": "float", "min": 0.0, "max": 1.0}}, trials=2,
                 processes=True, stall_seconds=4)
    print([(trial["state"], trial["attempt"]) for trial in found.trials])
"""


def test_an_objective_in_a_process_that_hangs_is_killed_and_called_again(folder: Path) -> None:
    (folder / "search.py").write_text(SEARCH)
    said = subprocess.check_output([sys.executable, "search.py"], text=True, timeout=120)
    assert said == "[('COMPLETE', 2), ('COMPLETE', 1)]\n"


def test_threads_cannot_be_killed() -> None:
    with pytest.raises(Reject, match=r"has no effect on threads.*processes=True"):
        tune(lambda params: 0.0, {"x": {"type": "int", "min": 0, "max": 1}}, stall_seconds=5)

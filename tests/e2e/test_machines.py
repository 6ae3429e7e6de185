"""Several `tunelet up` over one store, each with its own data folder, as on several machines.

They share the work. A run belongs to the one that launched it; another takes it over only once
there has been no sign of life for as long as the owner's lease says.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., Any]
Wait = Callable[[Callable[[], object]], None]

LEASE = "2"

TRAIN = """
echo "$TUNELET_TRIAL $TUNELET_ATTEMPT $TUNELET_API_URL $$" >> "$STARTS"
i=0
while [ $i -lt $STEPS ]; do sleep 0.1; i=$((i + 1)); done
[ -n "$HOLDS" ] && while [ -e "$HOLDS" ]; do sleep 0.1; done
echo "$TUNELET_TRIAL $TUNELET_ATTEMPT" >> "$STARTS.ends"
echo "objective=$TUNELET_TRIAL.$TUNELET_ATTEMPT"
"""


class Machines:
    """Starts services over one store, and reads the files of their trainings."""

    def __init__(self, up: Start, folder: Path) -> None:
        self._up, self._folder = up, folder
        self.starts = folder / "starts"
        self.holds = folder / "holds"
        (folder / "train.sh").write_text(TRAIN)

    def start(self, *options: str) -> Any:
        alias = f"trainer=sh {self._folder / 'train.sh'}"
        store = (self._folder / "shared").as_uri()
        return self._up("--store", store, "--alias", alias, "--max-processes", "2", *options)

    def request(self, trials: int, *, held: bool = False, steps: int = 4) -> dict[str, Any]:
        env = {"STARTS": str(self.starts), "STEPS": str(steps)}
        if held:
            self.holds.touch()
            env["HOLDS"] = str(self.holds)
        return {
            "name": "shared",
            "model_training_code": {"image": "trainer", "env": env},
            "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
            "hpo_algorithm": "random_search",
            "max_trials": trials,
            "parallel_trials": 4,
        }

    def started(self) -> list[list[str]]:
        """Trial, attempt, address of the service and process id of each start."""
        return (
            [line.split() for line in self.starts.read_text().splitlines()]
            if (self.starts.exists())
            else []
        )

    def running(self) -> list[int]:
        return [int(pid) for *_, pid in self.started() if Path(f"/proc/{pid}").exists()]


@pytest.fixture
def machines(up: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    monkeypatch.setenv("TUNELET_LEASE_SECONDS", LEASE)
    machines = Machines(up, tmp_path)
    yield machines
    for pid in machines.running():
        os.kill(pid, signal.SIGKILL)


def test_two_machines_share_the_trials_of_an_experiment(machines: Machines) -> None:
    first, second = machines.start(), machines.start()
    ended = first.client.submit(machines.request(8)).wait(timeout=60)
    assert (ended.state, ended.json["counts"]["complete"]) == ("COMPLETE", 8)
    runs = machines.started()
    assert Counter((int(n), int(a)) for n, a, *_ in runs) == Counter((n, 1) for n in range(8))
    assert {url for _, _, url, _ in runs} == {first.url, second.url}
    assert second.client.experiment("shared").state == "COMPLETE"


def test_trials_of_a_killed_machine_are_taken_over_and_count_once(
    machines: Machines, wait: Wait
) -> None:
    first, second = machines.start(), machines.start()
    first.client.submit(machines.request(6, held=True))
    wait(lambda: len(machines.started()) == 4)
    first.kill()
    before = [run[:2] for run in machines.started() if run[2] == first.url]
    assert len(before) == 2
    again = {(int(n), int(a) + 1) for n, a in before}
    machines.holds.unlink()
    experiment = second.client.experiment("shared")
    assert experiment.wait(timeout=60).state == "COMPLETE"
    first.start()
    wait(lambda: not machines.running())
    trials = list(first.client.trials("shared"))
    assert [t["state"] for t in trials] == ["COMPLETE"] * 6
    assert {(t["number"], t["attempt"]) for t in trials if t["attempt"] > 1} == again
    # The value that counts is of the attempt that counts, though the earlier one ended as well.
    assert all(t["values"]["objective"] == float(f"{t['number']}.{t['attempt']}") for t in trials)
    runs = Counter((int(n), int(a)) for n, a, *_ in machines.started())
    assert runs == Counter({(n, 1): 1 for n in range(6)} | dict.fromkeys(again, 1))


def test_a_stop_reaches_the_runs_of_every_machine(machines: Machines, wait: Wait) -> None:
    first, second = machines.start(), machines.start()
    first.client.submit(machines.request(6, held=True))
    wait(lambda: len(machines.started()) == 4)
    assert {url for _, _, url, _ in machines.started()} == {first.url, second.url}
    second.client.stop("shared")
    wait(lambda: not machines.running())
    assert {t["state"] for t in first.client.trials("shared")} == {"STOPPED"}


def test_a_machine_without_the_alias_leaves_the_experiment_to_the_others(
    machines: Machines, up: Start, tmp_path: Path, wait: Wait
) -> None:
    only_looks = up("--store", (tmp_path / "shared").as_uri(), "--alias", "other=true")
    able = machines.start()
    ended = able.client.submit(machines.request(4, steps=30)).wait(timeout=60)
    assert (ended.state, ended.json["counts"]["complete"]) == ("COMPLETE", 4)
    assert {url for _, _, url, _ in machines.started()} == {able.url}
    assert only_looks.client.experiment("shared").state == "COMPLETE"

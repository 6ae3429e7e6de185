"""Trials that the machine cannot begin wait, and none of them fails because of that."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Request

from adapters.launchers.local.container import Containers, refusal
from adapters.launchers.local.launcher import ProcessLauncher
from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Outbox
from functions.wiring import function
from tests.unit.functions.conftest import SMALLEST, Broker
from tests.unit.tunelet.core.test_decide import LOST, Story, complete
from tunelet.assembly import assembled
from tunelet.core import commands as c
from tunelet.core.decide import decide
from tunelet.core.delay import FIRST, LONGEST
from tunelet.core.ends import held
from tunelet.core.trial import Outcome, TrialState, Verdict
from tunelet.log.journal_cache import Journals
from tunelet.service import Service

AWAY = Outcome(Verdict.LOST, reason="the engine is away", unbegun=True, counted=False)
UNBEGUN = Outcome(Verdict.LOST, reason="no such image", unbegun=True)


def test_an_attempt_that_the_machine_could_not_begin_does_not_count() -> None:
    story = Story(max_attempts=2).suggested(0)
    for attempt in range(1, 30):
        story.does(c.Finish(0, attempt, AWAY))
    assert (story.trial(0).state, story.trial(0).attempt) == (TrialState.WAITING, 30)
    story.does(c.Start(0, 30), c.Finish(0, 30, LOST), c.Start(0, 31), c.Finish(0, 31, LOST))
    assert story.trial(0).reason == "lost 2 times, the last time: node gone"


def test_the_budget_is_whole_after_an_outage() -> None:
    story = Story(max_trials=1).suggested(0).does(*(c.Finish(0, n, AWAY) for n in range(1, 9)))
    story.does(c.Start(0, 9), c.Finish(0, 9, complete(1.0)))
    assert story.end == ("COMPLETE", "the only trial has ended")


def test_each_wait_is_twice_as_long_as_the_one_before_up_to_a_limit() -> None:
    story = Story().suggested(0)
    waits = []
    for attempt in range(1, 10):
        story.does(c.Finish(0, attempt, AWAY))
        until = story.trial(0).not_before
        assert until is not None
        waits.append(until - story.now)
        story.now = until
    assert waits[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert waits[-1] == LONGEST


def test_an_attempt_that_was_lost_while_it_ran_is_followed_at_once() -> None:
    story = Story(max_attempts=9).suggested(0).does(c.Finish(0, 1, AWAY))
    story.does(c.Start(0, 2), c.Finish(0, 2, LOST))
    assert story.trial(0).not_before is None
    assert story.does(c.Finish(0, 3, AWAY)).trial(0).not_before == story.now + FIRST


def test_a_log_without_waits_is_as_older_versions_wrote_it() -> None:
    """They refuse an entry that has a member that they do not know."""
    (lost,) = decide(Story().suggested(0).e, c.Finish(0, 1, LOST), 0.0)[:1]
    assert msgspec.to_builtins(lost).keys() == {"type", "number", "attempt", "reason", "at"}


def test_an_image_that_cannot_be_run_uses_up_its_attempts_but_not_at_once() -> None:
    story = Story(max_attempts=2).suggested(0).does(c.Finish(0, 1, UNBEGUN))
    assert story.trial(0).waits(story.now)
    assert story.does(c.Finish(0, 2, UNBEGUN)).trial(0).state is TrialState.FAIL


def test_a_clock_that_is_set_back_does_not_prolong_the_wait() -> None:
    story = Story().suggested(0)
    story.now = 86400.0
    trial = story.does(c.Finish(0, 1, AWAY)).trial(0)
    assert trial.waits(86401.0)
    assert not trial.waits(10.0)


def test_the_reason_is_shown_while_a_trial_waits() -> None:
    story = Story().suggested(0, 1).does(c.Finish(0, 1, AWAY))
    assert held(story.e) == (
        "trial 0 cannot be started now, and will be tried again at 1970-01-01 00:00:02 UTC: "
        "the engine is away"
    )
    assert "trial 0 and 1 more" in str(held(story.does(c.Finish(1, 1, AWAY)).e))
    assert held(story.does(c.Start(0, 2), c.Start(1, 2)).e) is None


def test_waiting_trials_do_not_keep_it_from_giving_up() -> None:
    story = Story(parallel_trials=3, give_up_after=2).suggested(0, 1, 2)
    story.does(c.Finish(0, 1, AWAY)).ends(1).ends(2)
    assert story.e.state == "FAILED"


Engine = Callable[[str], None]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Puts a program named docker, of these lines of shell, on the search path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def install(lines: str) -> None:
        new = folder / "new"
        new.write_text(f"#!/bin/sh\n{lines}\n")
        new.chmod(0o755)
        new.rename(folder / "docker")

    return install


class Laptop:
    """A service with the real launcher, over a store and by a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        containers = Containers(clock=lambda: self.now)
        self.launcher = ProcessLauncher(folder, {}, limit=4, fallback=containers)
        self.store = MemoryStore()
        self.outbox = Outbox(Broker())
        self.service = self.started()

    def started(self) -> Service:
        """A process that has nothing in memory."""
        return assembled(
            self.store,
            self.launcher,
            load_catalog(),
            self.outbox,
            secret=b"0123456789abcdef",
            api_url="http://127.0.0.1:1",
            clock=lambda: self.now,
        )

    def submit(self) -> None:
        self.service.submit(SMALLEST | {"name": "e", "max_trials": 20, "parallel_trials": 4})

    def sweeps(self, times: int, seconds: float) -> None:
        for _ in range(times):
            self.now += seconds
            self.service.sweep()


def test_trials_wait_for_an_engine_that_is_away_and_none_fails(
    tmp_path: Path, engine: Engine
) -> None:
    engine("echo 'no daemon' >&2; exit 1")
    laptop = Laptop(tmp_path / "runs")
    laptop.submit()
    laptop.sweeps(40, 0.5)
    experiment = laptop.service.experiment("default", "e")
    assert experiment.counts["waiting"] == experiment.next_number == 4
    assert experiment.trials[0].attempt <= 5
    assert "docker does not work (no daemon)" in str(held(experiment))


def test_another_process_keeps_the_wait(tmp_path: Path, engine: Engine) -> None:
    engine("exit 1")
    laptop = Laptop(tmp_path / "runs")
    laptop.submit()
    laptop.sweeps(10, 60.0)
    before = Journals(laptop.store).read("default", "e").trials[0].attempt
    laptop.service = laptop.started()
    laptop.sweeps(5, 1.0)
    assert Journals(laptop.store).read("default", "e").trials[0].attempt == before
    laptop.sweeps(1, LONGEST)
    assert Journals(laptop.store).read("default", "e").trials[0].attempt == before + 1


def test_an_engine_that_is_back_is_used(tmp_path: Path, engine: Engine) -> None:
    engine("exit 1")
    laptop = Laptop(tmp_path / "runs")
    laptop.submit()
    laptop.sweeps(3, 5.0)
    engine('[ "$1" = run ] && exec sleep 60; exit 0')
    laptop.sweeps(1, LONGEST)
    experiment = laptop.service.experiment("default", "e")
    laptop.service.stop("default", "e")
    laptop.service.launch("default", "e")
    assert experiment.counts["running"] == 4


def test_a_submit_says_that_no_engine_answers(tmp_path: Path, engine: Engine) -> None:
    engine("exit 1")
    laptop = Laptop(tmp_path / "runs")
    api = Client(Request.application(function("api", laptop.service, laptop.outbox, 1 << 16)))
    answer = api.post("/api/submit_job", json=SMALLEST)
    assert answer.status_code == 200
    (warning,) = answer.get_json()["warnings"]
    assert "docker does not work" in warning
    engine("exit 0")
    laptop.now += 60.0
    assert "warnings" not in api.post("/api/submit_job", json=SMALLEST).get_json()


def test_a_submit_that_must_start_is_refused_once_and_leaves_nothing(
    tmp_path: Path, engine: Engine
) -> None:
    engine("exit 1")
    laptop = Laptop(tmp_path / "runs")
    api = Client(Request.application(function("api", laptop.service, laptop.outbox, 1 << 16)))
    before = set(laptop.store.list(""))
    answer = api.post("/api/submit_job?must_start=true", json=SMALLEST)
    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert error["field"] == "model_training_code"
    assert "docker does not work" in error["remedy"]
    assert set(laptop.store.list("")) == before


def test_a_submit_that_is_sent_again_is_answered_though_the_engine_is_gone_meanwhile(
    tmp_path: Path, engine: Engine
) -> None:
    engine("exit 0")
    laptop = Laptop(tmp_path / "runs")
    request = {**SMALLEST, "name": "again"}
    first = laptop.service.submit(request, key="once", must_start=True)
    engine("exit 1")
    laptop.now += 60.0
    assert laptop.service.submit(request, key="once", must_start=True).uid == first.uid


def test_an_alias_for_a_program_that_is_not_there_cannot_start(tmp_path: Path) -> None:
    launcher = ProcessLauncher(tmp_path, {"trainer": ["no-such-program", "--fast"]}, 1)
    assert "no-such-program" in str(launcher.obstacle({"image": "trainer"}))
    launcher = ProcessLauncher(tmp_path, {"trainer": [sys.executable, "-V"]}, 1)
    assert launcher.obstacle({"image": "trainer"}) is None


def test_the_reason_on_a_machine_without_an_engine_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install podman" in str(Containers().obstacle("a:1"))


DAEMON = "docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock."


@pytest.mark.parametrize(
    ("program", "output", "at_fault"),
    [
        ("docker", DAEMON, False),
        ("docker", f"{DAEMON}\n\nRun 'docker run --help' for more information", False),
        ("docker", "docker: Error response from daemon: no space left on device.", False),
        ("podman", "Error: unable to connect to Podman socket: dial unix: no such file", False),
        ("podman", "Error: creating container storage: disk quota exceeded", False),
        ("docker", "docker: invalid reference format: repository name must be lowercase.", True),
        ("docker", "docker: Error response from daemon: pull access denied for traner.", True),
        ("docker", "docker: Error response from daemon: manifest for a:2 not found.", True),
        ("podman", 'Error: short-name "traner" did not resolve to an alias', True),
        ("podman", "Error: initializing source docker://q.io/a:2: manifest unknown", True),
        ("podman", "Error: q.io/a: requested access to the resource is denied", True),
    ],
)
def test_the_engines_error_decides_whether_the_image_is_at_fault(
    program: str, output: str, at_fault: bool
) -> None:
    found = refusal(f"{os.sep}usr/bin/{program}", f"some output\n{output}")
    assert found is not None
    assert found[1] is at_fault
    assert "help" not in found[0]


def test_a_training_that_exits_with_the_engines_code_is_not_taken_for_it() -> None:
    assert refusal("/usr/bin/docker", "epoch 1\nError: bad data") is None

"""The command line as a user types it, against `tunelet up`.

Most commands run in the test's own process, for what they take is mostly the start of Python. Where
the process itself counts (signals, terminals, pipes, `up`) it is one.
"""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from uuid import uuid4

import click
import pytest

from adapters.storage import open_store
from tests.e2e.conftest import Up
from tests.guard import end_all
from tunelet.cli import cli, main
from tunelet.client import Client
from tunelet.dead_letters import DeadLetters

ROOT = Path(__file__).resolve().parents[2]
TUNELET = [sys.executable, "-c", "import sys; from tunelet.cli import main; sys.exit(main())"]

SMALLEST = """{"model_training_code": "docker_image_url",
 "hyperparameters": {
    "learning_rate": {"type": "float", "min": 0.01, "max": 0.1},
    "batch_size":    {"type": "int", "min": 32, "max": 128}},
 "hpo_algorithm": "random_search"}"""

QUICK = """
for argument; do
  case $argument in --learning_rate=*) rate=${argument#*=} ;; esac
done
echo "training at $rate"
echo "objective=$rate"
"""


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Shell:
    """Runs `tunelet` with a service's address in the environment, in a namespace of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.namespace = f"t{uuid4().hex[:12]}"
        service = {"TUNELET_URL": url, "TUNELET_NAMESPACE": self.namespace}
        self.env = os.environ | service | {"PYTHONPATH": str(ROOT), "TERM": "xterm"}
        (folder / "request.json").write_text(SMALLEST)

    def __call__(self, *arguments: str, stdin: str = "") -> Ran:
        """A command that needs no process of its own."""
        out, err = (io.TextIOWrapper(io.BytesIO()) for _ in range(2))
        given = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        with (
            pytest.MonkeyPatch.context() as patched,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            patched.chdir(self.folder)
            patched.setattr(sys, "stdin", given)
            patched.setattr(os, "environ", self.env.copy())
            code = main(list(arguments))
        return _ran(code, *(_written(each) for each in (out, err)))

    def process(self, *arguments: str) -> Ran:
        done = subprocess.run(
            [*TUNELET, *arguments],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return _ran(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str) -> Any:
        ran = self(*arguments, "--json")
        assert ran.code == 0, ran.err
        return json.loads(ran.out)


def _ran(code: int, out: str, err: str) -> Ran:
    assert "Traceback" not in err
    return Ran(code, out, err)


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A service with aliases for a quick script, a long one and a failing one."""
    folder = tmp_path_factory.mktemp("service")
    quick = folder / "quick.sh"
    quick.write_text(QUICK)
    started = Up(
        folder / "data",
        *("--alias", f"docker_image_url=sh {quick}"),
        *("--alias", "long=sh -c 'echo begun; sleep 600'"),
        *("--alias", "failing=sh -c 'echo no luck; exit 3'"),
        *("--max-processes", "8"),
    )
    yield started
    started.close()
    end_all(folder)


@pytest.fixture
def tunelet(service: Up, tmp_path: Path) -> Iterator[Shell]:
    """A shell beside the service, which is left without running experiments."""
    shell = Shell(service.url, tmp_path)
    yield shell
    client = Client(service.url, namespace=shell.namespace)
    for experiment in client.experiments():
        if not experiment.ended:
            client.stop(experiment.name)


@pytest.fixture
def alone(tmp_path: Path) -> Shell:
    """A shell without a service."""
    return Shell("http://127.0.0.1:9", tmp_path)


def test_the_seed_request_runs_and_every_command_shows_it(tunelet: Shell) -> None:
    watched = tunelet.process("submit", "request.json", "--name", "digits", "--watch")

    assert watched.code == 0, watched.err
    assert len(re.findall(r"^trial \d+ +COMPLETE +objective=", watched.out, re.M)) == 20
    assert "digits is COMPLETE" in watched.out

    listed = tunelet.json("trials", "digits")
    rates = [trial["hyperparameters"]["learning_rate"] for trial in listed["trials"]]
    assert len(rates) == 20
    assert listed["next"] is None

    best = tunelet.json("best", "digits")["best"]
    assert best["values"]["objective"] == best["hyperparameters"]["learning_rate"] == min(rates)
    assert repr(min(rates)) in tunelet("best", "digits").out
    assert f"training at {min(rates)}" in tunelet("logs", "digits", str(best["number"])).out

    shown = tunelet("show", "digits").out
    assert re.search(r"^state +COMPLETE: ", shown, re.M)
    assert "learning_rate  float 0.01 to 0.1" in shown
    assert tunelet.json("show", "digits")["spec"]["max_trials"] == 20
    assert re.search(r"^digits +COMPLETE +20/20 ", tunelet("list").out, re.M)
    assert [one["name"] for one in tunelet.json("list")["experiments"]] == ["digits"]
    table = tunelet("trials", "digits").out.splitlines()
    assert len(table) == 21
    assert [line.split()[1] for line in table if line.startswith("*")] == [str(best["number"])]


def test_an_ended_experiment_is_extended_and_then_deleted(tunelet: Shell) -> None:
    assert tunelet("submit", "request.json", "--name", "a", "--max-trials", "2", "--wait").code == 0

    assert tunelet("pause", "a").code == 5
    extended = tunelet("extend", "a", "--max-trials", "3")
    assert (extended.code, extended.out) == (0, "a is RUNNING\n")
    assert tunelet("watch", "a").code == 0
    assert tunelet.json("show", "a")["counts"]["complete"] == 3

    asked = tunelet("delete", "a")
    assert asked.code == 2
    assert "--yes" in asked.err
    assert tunelet("delete", "a", "--yes").code == 0
    assert tunelet("show", "a").code == 3


def test_an_experiment_is_paused_resumed_and_stopped(tunelet: Shell) -> None:
    tunelet("submit", "request.json", "--name", "a", "--image", "long")

    assert tunelet("pause", "a").out == "a is PAUSED\n"
    assert tunelet.json("show", "a")["state"] == "PAUSED"
    assert tunelet("resume", "a").out == "a is RUNNING\n"
    assert tunelet("stop", "a").out == "a is STOPPED\n"
    assert tunelet("watch", "a").code == 1


def test_a_failed_experiment_shows_the_reason_in_its_exit_code_and_trials(tunelet: Shell) -> None:
    failed = tunelet(
        *("submit", "request.json", "--name", "a", "--image", "failing"),
        *("--max-trials", "3", "--wait"),
    )

    assert failed.code == 1
    assert "a is FAILED" in failed.out
    assert f"tunelet trials a -n {tunelet.namespace} --state FAIL" in failed.err
    assert tunelet.json("trials", "a", "--state", "fail")["trials"][0]["exit_code"] == 3
    assert "failed 0-2: the training exited with 3: no luck" in tunelet("show", "a").out
    assert tunelet("logs", "a", "0").out == "no luck\n"
    (line,) = re.findall("-> once the cause is corrected: tunelet (.*)", failed.err)
    assert line == f"extend a -n {tunelet.namespace} --max-trials 6"
    assert tunelet(*line.split()).out.startswith("a is RUNNING\n")


def test_a_stopped_experiment_that_is_extended_waits_to_be_resumed(tunelet: Shell) -> None:
    tunelet("submit", "request.json", "--name", "a", "--image", "long")
    tunelet("stop", "a")

    extended = tunelet("extend", "a", "--max-trials", "30")

    assert extended.out == "a is STOPPED\n"
    assert "tunelet resume a" in extended.err
    assert tunelet("best", "a").err == "a has no completed trial\n"


def test_limits_and_rules_are_changed_and_removed(tunelet: Shell) -> None:
    tunelet("submit", "request.json", "--name", "a", "--image", "long")

    def extended(*options: str) -> tuple[Any, ...]:
        assert tunelet("extend", "a", *options).code == 0
        spec = tunelet.json("show", "a")["spec"]
        rules = [rule["name"] for rule in spec["early_stopping"]]
        return spec["max_failed_trials"], spec["max_seconds"], spec["max_cost"], rules

    rules = ("--early-stopping", "median", "--early-stopping", "plateau")
    limits = ("--max-failed-trials", "4", "--max-seconds", "1e4")
    assert extended(*limits, *rules) == (4, 1e4, None, ["median", "plateau"])
    removed = ("--max-failed-trials", "none", "--max-seconds", "none", "--early-stopping", "none")
    assert extended(*removed) == (None, None, None, [])
    wrong = tunelet("extend", "a", "--max-seconds", "never")
    assert (wrong.code, "'never' is not a valid float" in wrong.err) == (2, True)
    unknown = tunelet("extend", "a", "--early-stopping", "medain")
    assert (unknown.code, "did you mean" in unknown.err) == (2, True)
    assert tunelet("stop", "a").code == 0


def test_an_absent_program_is_named(up: Callable[..., Any], tmp_path: Path) -> None:
    tunelet = Shell(up("--alias", "absent=no-such-program --fast").url, tmp_path)

    ran = tunelet(
        *("submit", "request.json", "--name", "a", "--image", "absent", "--may-wait"),
        *("--max-trials", "1", "--watch"),
    )

    said = "tunelet: cannot start 'no-such-program': No such file or directory"
    assert f"the training exited with 127: {said}" in ran.out
    assert tunelet("logs", "a", "0").out == f"{said}\n"


def test_an_alias_for_an_absent_program_causes_a_warning(alone: Shell) -> None:
    # It cannot keep its data there, so that it ends.
    data = ("up", "--data", "request.json/inside")
    ran = alone.process(*data, "--alias", "absent=no-such-program --fast")
    assert ran.err.startswith("warning: alias absent: program 'no-such-program' not found here\n")

    ran = alone.process(*data, "--alias", "absent=bsah train.sh")
    assert "program 'bsah' not found here; did you mean 'bash'?\n" in ran.err


def test_a_trial_without_output_says_why(
    up: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait: Callable[[Callable[[], object]], None],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # without podman and docker
    tunelet = Shell(up().url, tmp_path)
    refused = tunelet("submit", "request.json", "--name", "a", "--max-trials", "1")
    assert refused.code == 2
    assert "image 'docker_image_url' has no alias here" in refused.err
    waits = ("--name", "a", "--max-trials", "1", "--may-wait")
    assert "warning: no trial can start now" in tunelet("submit", "request.json", *waits).err

    # The reason comes with the launch, which the submit does not wait for.
    wait(lambda: "has no output: image" in tunelet("logs", "a", "0").err)
    ran = tunelet("logs", "a", "0")

    assert ran.code == 3
    why = "has no output: image 'docker_image_url' has no alias here"
    assert re.search(rf"trial 0, attempt \d+ {why}", ran.err)


def test_output_is_followed_until_the_trial_ends(tunelet: Shell) -> None:
    tunelet("submit", "request.json", "--name", "a", "--image", "long", "--max-trials", "1")
    following = subprocess.Popen(
        [*TUNELET, "logs", "a", "0", "--follow"], env=tunelet.env, stdout=subprocess.PIPE
    )
    assert following.stdout is not None
    assert following.stdout.readline() == b"begun\n"

    tunelet("stop", "a")

    assert following.stdout.read() == b""
    assert following.wait(30) == 0


def test_a_request_comes_from_yaml_standard_input_and_flags(tunelet: Shell) -> None:
    yaml = "hyperparameters: {lr: {type: float, min: 1e-4, max: 1e-1, log: true}}\n"

    ran = tunelet(
        *("submit", "-", "--image", "docker_image_url", "--maximize", "score"),
        *("--set", "max_trials=1", "--set", "hyperparameters.lr.max=0.2"),
        *("--seed", "7", "--name", "a", "-n", "team", "--json"),
        stdin=yaml,
    )

    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["namespace"] == "team"
    spec = tunelet.json("show", "a", "--namespace", "team")["spec"]
    assert spec["objectives"] == [{"metric": "score", "direction": "maximize", "goal": None}]
    assert spec["hyperparameters"]["lr"]["max"] == 0.2
    assert (spec["seed"], spec["max_trials"]) == (7, 1)
    assert tunelet("show", "a").code == 3


def test_the_same_key_submits_once(tunelet: Shell) -> None:
    submit = ("submit", "request.json", "--max-trials", "1", "--idempotency-key", "mine")

    names = {tunelet.json(*submit)["name"] for _ in range(2)}

    assert {one["name"] for one in tunelet.json("list")["experiments"]} == names
    assert len(names) == 1


def test_a_refused_request_names_every_field_and_its_remedy(tunelet: Shell) -> None:
    refused = tunelet("submit", "request.json", "--max-trials", "0", "--set", "bogus=1")

    assert refused.code == 2
    assert refused.out == ""
    assert "max_trials = 0: must be at least 1\n    -> use at least 1" in refused.err
    assert "bogus: is not a field here\n    -> leave it out" in refused.err


def test_a_name_that_is_taken_is_a_conflict(tunelet: Shell) -> None:
    submit = ("submit", "request.json", "--name", "a", "--max-trials", "1")

    assert [tunelet(*submit).code, tunelet(*submit).code] == [0, 5]


def test_in_a_terminal_there_is_a_live_picture(tunelet: Shell) -> None:
    main, terminal = pty.openpty()
    watching = subprocess.Popen(
        [*TUNELET, "submit", "request.json", "--name", "a", "--max-trials", "4", "--watch"],
        cwd=tunelet.folder,
        env=tunelet.env | {"COLUMNS": "80", "LINES": "30"},
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    screen = _everything(main)

    assert watching.wait(30) == 0
    assert "━" in screen
    assert "4/4" in screen
    assert "best trial" in screen


def test_ctrl_c_leaves_the_experiment_running_with_a_message(tunelet: Shell) -> None:
    tunelet("submit", "request.json", "--name", "a", "--image", "long")
    main, terminal = pty.openpty()
    watching = subprocess.Popen(
        [*TUNELET, "watch", "a"], env=tunelet.env, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    while b"RUNNING" not in os.read(main, 1 << 16):
        assert watching.poll() is None

    # Python drops one that lands in a finalizer; a person presses the keys again.
    again = Thread(target=_interrupted, args=(watching,))
    again.start()
    screen = _everything(main)

    assert watching.wait(30) == 130
    again.join()
    assert "a keeps running" in screen
    assert "tunelet stop a" in screen
    assert tunelet.json("show", "a")["state"] == "RUNNING"


def test_watching_outlives_the_service(up: Callable[..., Any], tmp_path: Path) -> None:
    service = up("--alias", "docker_image_url=sh -c 'sleep 1; echo objective=1'")
    tunelet = Shell(service.url, tmp_path)
    tunelet("submit", "request.json", "--name", "a", "--max-trials", "3")
    watching = subprocess.Popen(
        [*TUNELET, "watch", "a"],
        env=tunelet.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stderr is not None
    service.kill()
    assert "retrying" in watching.stderr.readline()

    service.start()

    out, _ = watching.communicate(timeout=60)
    assert watching.returncode == 0
    assert "a is COMPLETE" in out


def test_the_schema_and_the_algorithms_are_the_services(tunelet: Shell) -> None:
    assert json.loads(tunelet("schema").out)["$schema"].startswith("https://json-schema.org/")
    names = [each["name"] for each in tunelet.json("algorithms")["algorithms"]]
    assert {"random_search", "grid_search", "tpe"} <= set(names)
    shown = tunelet("algorithms").out
    assert re.search(r"^tpe +yes ", shown, re.M)
    assert re.search(r"^median +yes ", shown, re.M)
    alone = tunelet("algorithms", "tpe").out
    assert re.search(r"^n_startup_trials +integer +10 ", alone, re.M)
    assert "tunelet[" in tunelet("algorithms", "ray.NevergradSearch").out


def test_a_shell_completes_the_names_of_experiments(tunelet: Shell) -> None:
    tunelet("submit", "request.json", "--name", "digits", "--max-trials", "1")
    tunelet.env |= {
        "_TUNELET_COMPLETE": "fish_complete",
        "COMP_WORDS": "tunelet show ",
        "COMP_CWORD": "dig",
    }

    assert "digits" in tunelet.process().out


def test_a_reader_that_closes_the_pipe_early_causes_no_error(tunelet: Shell) -> None:
    reading = subprocess.Popen(
        [*TUNELET, "schema"], env=tunelet.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert reading.stdout is not None
    assert reading.stderr is not None
    reading.stdout.close()

    assert reading.stderr.read() == b""
    assert reading.wait(30) == 0


def test_the_error_names_an_absent_service_and_the_remedy(alone: Shell) -> None:
    ran = alone.process("list")

    assert ran.code == 4
    assert ran.err.startswith("error: nothing answers at http://127.0.0.1:9 (")
    assert "tunelet up" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("list", "--nonsense"),
        ("show",),
        ("submit",),
        ("submit", "missing.json"),
        ("submit", "request.json", "--minimize", "a", "--maximize", "b"),
        ("extend", "a"),
        ("list", "--url", "nonsense"),
        ("up", "--alias", "image"),
        ("up", "--alias", "image=unclosed 'quote"),
        ("up", "--port", "99999"),
        ("up", "--port", "0", "--data", "request.json/inside"),
        ("up", "--port", "1", "--host", "nowhere.invalid"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(alone: Shell, arguments: tuple[str, ...]) -> None:
    ran = alone.process(*arguments) if arguments[0] == "up" else alone(*arguments)

    assert ran.code == 2
    assert ran.out == ""
    assert len(re.findall(r"^error: ", ran.err, re.M)) == 1


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("ls", "list"), ("ps", "list"), ("rm", "delete"), ("status", "show"), ("trails", "trials")],
)
def test_a_near_or_usual_name_of_a_command_is_recognized(
    alone: Shell, typed: str, meant: str
) -> None:
    ran = alone(typed, "digits")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: there is no command {typed!r}: did you mean {meant!r}?\n")


def test_a_worker_without_the_name_of_an_experiment_asks_for_it(alone: Shell) -> None:
    ran = alone("worker", "--", "python", "train.py")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "error: name the experiment before --")


def test_a_port_and_a_folder_serve_one_service_each(up: Callable[..., Any], tmp_path: Path) -> None:
    first = up()
    port = first.url.rpartition(":")[2]
    shell = Shell(first.url, tmp_path)

    taken = shell.process("up", "--port", port, "--data", "other")
    held = shell.process("up", "--port", "0", "--data", str(tmp_path / "data0"))

    assert (taken.code, held.code) == (2, 2)
    assert f"127.0.0.1:{port} is taken" in taken.err
    assert "another tunelet serves from" in held.err


def test_up_ends_with_ctrl_c_and_without_a_trace(up: Callable[..., Any]) -> None:
    service = up()

    service.process.send_signal(signal.SIGINT)

    assert service.process.wait(30) == 0
    assert "Traceback" not in service.output.read_text()


def test_a_trial_is_proposed_with_a_note(tunelet: Shell) -> None:
    tunelet("submit", "request.json", "--name", "digits", "--max-trials", "4")
    options = ("learning_rate=0.05", "batch_size=64", "--note", "small batches", "--json")

    first, again = (
        tunelet.json("propose", "digits", *options[:-1], "--idempotency-key", "k") for _ in "12"
    )

    assert first == again
    (made,) = first["trials"]
    assert (made["note"], made["enqueued"]) == ("small batches", True)
    assert made["hyperparameters"] == {"learning_rate": 0.05, "batch_size": 64}
    full = [tunelet("propose", "digits", *options[:2]).code for _ in range(4)]
    assert full[-1] == 5
    assert tunelet.json("show", "digits")["spec"]["max_trials"] == 4
    wrong = tunelet("propose", "digits", "learning_rate=7", "batch_size=64")
    assert (wrong.code, "learning_rate" in wrong.err) == (2, True)


def test_given_hyperparameters_are_enqueued(tunelet: Shell) -> None:
    tunelet("submit", "request.json", "--name", "digits", "--image", "long")
    told = tunelet("enqueue", "digits", "learning_rate=0.05", "batch_size=64")
    assert told.code == 0
    assert "added trial " in told.out
    lines = '{"learning_rate": 0.06, "batch_size": 33}\n{"learning_rate": 0.07, "batch_size": 34}\n'
    (tunelet.folder / "trials.jsonl").write_text(lines)
    made = tunelet.json("enqueue", "digits", "--file", "trials.jsonl")["trials"]
    assert [trial["hyperparameters"]["batch_size"] for trial in made] == [33, 34]
    wrong = tunelet("enqueue", "digits", "learning_rate=7", "batch_size=64")
    assert (wrong.code, "learning_rate" in wrong.err) == (2, True)
    assert tunelet("enqueue", "digits").code == 2
    assert tunelet("enqueue", "nobody", "a=1").code == 3


def test_the_schema_needs_no_service(alone: Shell) -> None:
    del alone.env["TUNELET_URL"]
    schema = json.loads(alone("schema").out)
    assert "hyperparameters" in schema["properties"]
    alone.env["TUNELET_URL"] = "http://127.0.0.1:9"
    assert alone("schema").code == 4


def test_the_algorithms_need_no_service(alone: Shell) -> None:
    assert alone("algorithms", "tpe").code == 4
    del alone.env["TUNELET_URL"]
    listed = alone("algorithms", "tpe")
    assert (listed.code, listed.out.startswith("tpe: ")) == (0, True)


@pytest.mark.parametrize("group", [(), ("token",), ("tenant",)])
def test_a_group_without_a_command_shows_its_help_and_no_error(
    alone: Shell, group: tuple[str, ...]
) -> None:
    ran = alone(*group)
    assert ran.code == 2
    assert ran.err.startswith("Usage: tunelet ")
    assert "->" not in ran.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_written_for_each_shell(alone: Shell, shell: str) -> None:
    assert "_TUNELET_COMPLETE" in alone("completion", shell).out


def test_every_command_explains_itself_with_an_example(alone: Shell) -> None:
    listing = alone("--help").out.partition("Commands:\n")[2].partition("\n\n")[0]
    names = re.findall(r"^  ([\w-]+) ", listing, re.M)

    assert "..." not in listing
    assert names == cli.list_commands(click.Context(cli))
    for name in names:
        assert re.search(rf"Examples?:\n.*tunelet {name}", alone(name, "--help").out, re.S), name


def _interrupted(process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)


def _everything(descriptor: int) -> str:
    """The output to a terminal until its last writer has closed it."""
    written, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            piece = os.read(descriptor, 1 << 16)
        except OSError:
            # How Linux tells of the end of a terminal.
            break
        written += piece
    os.close(descriptor)
    return written.decode()


def test_dead_letters_are_listed_shown_and_replayed(tunelet: Shell, service: Up) -> None:
    none = tunelet("dead-letters", "list")
    assert (none.code, none.out) == (0, "")
    assert "no dead letters" in none.err
    # `tunelet up` accepts no events of a broker: the test stores a dead letter itself.
    folder = service.data / "store"
    letters = DeadLetters(open_store(folder.as_uri()))
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "7",
        "ce-source": "/pipeline",
        "ce-type": "dev.tunelet.trial.completed",
        "ce-subject": "default/nothing/0/1",
        "content-type": "application/json",
    }
    kept = letters.keep(headers, b'{"values": {"objective": 1}}', "complete", 422, "no token")
    listed = tunelet("dead-letters", "list").out
    assert re.search(rf"^{kept.id} .*default/nothing/0/1 +complete +422", listed, re.M)
    shown = tunelet("dead-letters", "show", kept.id).out
    assert "no token" in shown
    assert '"objective": 1' in shown
    replayed = tunelet("dead-letters", "replay", kept.id)
    assert replayed.code == 0, replayed.err
    assert f"{kept.id} is on its way again" in replayed.out
    assert tunelet("dead-letters", "show", kept.id).code == 3
    # It is still poison, and comes back.
    deadline = time.monotonic() + 60
    while not (back := tunelet.json("dead-letters", "list")["dead_letters"]):
        assert time.monotonic() < deadline
    assert back[0]["event"]["subject"] == "default/nothing/0/1"

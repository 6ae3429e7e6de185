"""Commands in a second terminal, on the store of a search that runs without a service."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tunelet import tune
from tunelet.cli import connection, main

ROOT = Path(__file__).resolve().parents[2]
TUNELET = [sys.executable, "-c", "import sys; from tunelet.cli import main; sys.exit(main())"]
TRAIN = """
while [ ! -e go ]; do sleep 0.02; done
echo "trained with $1"
echo "$TUNELET_TRIAL" >> ended
[ "$TUNELET_TRIAL" = 2 ] && touch third && while [ ! -e go-on ]; do sleep 0.02; done
echo "objective=${1#*=}"
"""
RUN = ("run", "--float", "x=0:1", "--minimize", "objective", "--name", "mine", "-n", "50")

Wait = Callable[[Callable[[], object]], None]
Text = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.sh").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Nothing listens there, whatever runs on this machine.
    monkeypatch.setattr("tunelet.client.client.DEFAULT_URL", f"http://127.0.0.1:{closed_port()}")
    return tmp_path


def closed_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@pytest.fixture
def search(folder: Path, wait: Wait) -> Iterator["subprocess.Popen[str]"]:
    """`tunelet run`, in the middle of its third trial."""
    process = subprocess.Popen(
        [*TUNELET, *RUN, "--", "bash", "train.sh"],
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    (folder / "go").touch()
    wait((folder / "third").exists)
    yield process
    (folder / "go-on").touch()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def shown(capfd: Text, *words: str) -> str:
    """The standard output of a command, and the lines about the store on standard error."""
    assert main(list(words)) == 0
    out, err = capfd.readouterr()
    assert "no service answers at http://127.0.0.1:" in err
    assert "using tunelet-data/store" in err
    return out


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


READS = (
    (("list",), "mine"),
    (("show", "mine"), "RUNNING"),
    (("trials", "mine"), "COMPLETE"),
    (("best", "mine"), "objective"),
    (("logs", "mine", "0"), "trained with --x=0."),
    (("logs", "mine"), "trained with --x=0."),  # of the trial that runs
)


def test_a_second_terminal_sees_the_search(
    search: "subprocess.Popen[str]", capfd: Text, wait: Wait
) -> None:
    wait(lambda: "COMPLETE" in shown(capfd, "trials", "mine"))
    wait(lambda: '"running": 1' in shown(capfd, "show", "mine", "--json"))
    for words, said in READS:
        assert said in shown(capfd, *words)


def test_commands_that_read_write_nothing(
    search: "subprocess.Popen[str]", folder: Path, capfd: Text
) -> None:
    search.kill()
    search.wait()
    before = files(folder / "tunelet-data")
    for words, said in READS:
        assert said in shown(capfd, *words)
    assert files(folder / "tunelet-data") == before


def test_a_second_terminal_pauses_enqueues_resumes_and_stops(
    search: "subprocess.Popen[str]", folder: Path, capfd: Text, wait: Wait
) -> None:
    assert "PAUSED" in shown(capfd, "pause", "mine")
    (folder / "go-on").touch()
    wait(lambda: '"running": 0' in shown(capfd, "show", "mine", "--json"))
    assert (folder / "ended").read_text().split() == ["0", "1", "2"]
    assert "added trial 3" in shown(capfd, "enqueue", "mine", "x=0.125")
    shown(capfd, "resume", "mine")
    wait(lambda: "trained with --x=0.125" in shown_logs(capfd))
    assert "STOPPED" in shown(capfd, "stop", "mine")
    assert search.wait(timeout=60) == 1


def shown_logs(capfd: Text) -> str:
    main(["logs", "mine", "3"])
    return capfd.readouterr().out


def test_watch_follows_the_search_to_its_end(
    search: "subprocess.Popen[str]", folder: Path, capfd: Text
) -> None:
    watching = subprocess.Popen(
        [*TUNELET, "watch", "mine", "--store", "tunelet-data"],
        env=os.environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    assert watching.stdout.readline().startswith("trial 0 ")
    assert main(["stop", "mine", "--store", "tunelet-data/store"]) == 0
    assert capfd.readouterr().err == "  -> tunelet best mine --store tunelet-data/store\n"
    out, _ = watching.communicate(timeout=60)
    assert "mine is STOPPED" in out
    assert watching.returncode == 1


def test_ctrl_c_says_how_to_look_at_it(search: "subprocess.Popen[str]", capfd: Text) -> None:
    search.send_signal(signal.SIGINT)
    _, err = search.communicate(timeout=60)
    (line,) = [line for line in err.splitlines() if "look at it" in line]
    words = line.partition("look at it: tunelet ")[2].split()
    assert "mine" in shown(capfd, *words)


def test_the_error_without_service_and_store_names_the_service(folder: Path, capfd: Text) -> None:
    assert main(["list"]) == 4
    assert "nothing answers at" in capfd.readouterr().err
    assert not (folder / "tunelet-data").exists()


def test_an_absent_store_is_refused_and_not_made(folder: Path, capfd: Text) -> None:
    assert main(["list", "--store", "no-such"]) == 2
    assert "--store no-such: there is no such folder; name the --data" in capfd.readouterr().err
    assert not (folder / "no-such").exists()


def test_a_service_and_a_store_are_not_both_named(folder: Path, capfd: Text) -> None:
    assert main(["list", "--store", ".", "--url", "http://127.0.0.1:1"]) == 2
    assert "either a service with --url, or a store" in capfd.readouterr().err


def test_a_service_that_answers_is_used(
    folder: Path, capfd: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tunelet-data" / "store").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as there:
        url = f"http://127.0.0.1:{there.getsockname()[1]}"
        place = connection.Connection(None, "default", False, None, True)
        monkeypatch.setattr("tunelet.client.client.DEFAULT_URL", url)
        assert place.client().url == url
    assert capfd.readouterr().err == ""


def test_commands_say_that_no_process_works_on_a_killed_search_and_how_it_continues(
    search: "subprocess.Popen[str]", folder: Path, capfd: Text
) -> None:
    main(["list"])
    main(["show", "mine"])
    assert "no process works on" not in "".join(capfd.readouterr())
    search.kill()
    search.wait()
    for words in (("list",), ("show", "mine"), ("resume", "mine")):
        main(list(words))
        err = capfd.readouterr().err
        assert "no process works on mine\n  -> continue it: tunelet run --name mine\n" in err
    assert "RUNNING: no process works on it" in shown(capfd, "show", "mine")
    main(["show", "mine", "--store", str(folder / "tunelet-data" / "store")])
    again = f"-> continue it: tunelet run --name mine --data {folder / 'tunelet-data'}\n"
    assert again in capfd.readouterr().err


def test_watch_says_that_no_process_works_on_a_killed_search(
    search: "subprocess.Popen[str]", folder: Path, wait: Wait
) -> None:
    search.kill()
    search.wait()
    said = folder / "said"
    with said.open("w") as out:
        words = [*TUNELET, "watch", "mine", "--store", "tunelet-data"]
        watching = subprocess.Popen(words, env=os.environ, stderr=out)
    again = "-> continue it: tunelet run --name mine"
    wait(lambda: f"no process works on mine\n  {again}" in said.read_text())
    watching.send_signal(signal.SIGINT)
    watching.wait(timeout=60)
    assert "keeps running" not in said.read_text()


def test_a_killed_search_continues_by_its_name_alone(
    search: "subprocess.Popen[str]", folder: Path, capfd: Text
) -> None:
    search.kill()
    search.wait()
    (folder / "go-on").touch()
    assert main(["run", "--name", "mine", "-n", "6"]) == 0
    assert "mine is COMPLETE (all 6 trials have ended)" in capfd.readouterr().out
    ended = (folder / "ended").read_text().split()
    assert sorted(ended) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name the command to run after --"),
        (("--name", "mine", "--float", "x=0:1"), "name the command to run after --; without one"),
        (("--name", "mine"), "there is no experiment mine: there is no folder tunelet-data"),
    ],
)
def test_a_name_alone_continues_only_what_is_there(
    words: tuple[str, ...], said: str, folder: Path, capfd: Text
) -> None:
    assert main(["run", *words]) in (2, 3)
    assert said in capfd.readouterr().err
    assert not (folder / "tunelet-data").exists()


def test_a_name_alone_does_not_continue_what_tunelet_run_did_not_begin(
    folder: Path, capfd: Text
) -> None:
    space = {"x": {"type": "float", "min": 0, "max": 1}}
    tune(lambda params: params["x"], space, trials=1, name="calls", progress=False)
    assert main(["run", "--name", "calls"]) == 5
    assert "calls was not begun by tunelet run" in capfd.readouterr().err

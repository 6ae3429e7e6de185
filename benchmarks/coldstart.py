"""Cold start: the seconds from starting a function's process to its first answer.

functions-framework starts each function as on Knative, over a file store with an experiment that
waits for this call. The answer is checked, so a start that does not do the work does not count.
`bare` is a function that answers "ok".

    api             GET of an experiment
    api_submit      POST of a request, with its validation
    complete        an event that a run has news
    suggest_random  an event that asks for a trial, by random search
    suggest_tpe     the same by TPE, after 20 trials, so that its model is asked
    store_…         api over a bucket, with each client of benchmarks/clients.py that has a server
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from adapters.events.cloudevents import binary
from adapters.storage import open_store
from benchmarks.clients import urls
from benchmarks.harness.inline import Inline, request
from benchmarks.harness.process import MAIN, free_port, function
from benchmarks.harness.table import by_turns, medians, show
from tunelet.core.signal import COLLECT, SUGGEST, Signal

BARE = 'def bare(request):\n    return "ok"\n'
PAST = 20
PATIENCE = 60.0
AIMS = {"api": 1.2, "complete": 1.2, "suggest_random": 1.2, "suggest_tpe": 2.0}


class Call(NamedTuple):
    """A function, the store it begins with, and its first request."""

    target: str
    store: Path
    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    adds_trial: str | None = None
    """The experiment that must have one more trial afterwards."""
    bucket: str | None = None
    """The URL of a store to use instead of the folder."""


def run(quick: bool) -> dict[str, float]:
    rounds = 2 if quick else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bare.py").write_text(BARE)
        calls = _calls(folder)
        measures = {key: partial(_start, folder, call) for key, call in calls.items()}
        by_turns(measures, 1)  # writes the .pyc files
        seconds = medians(by_turns(measures, rounds))
    show(
        f"Seconds to the first answer (median of {rounds})",
        ["", "seconds", "of bare", "aim"],
        [
            [key, f"{value:.3f}", f"{value / seconds['bare']:.2f}", _aim(key)]
            for key, value in seconds.items()
        ],
    )
    return seconds


def _aim(key: str) -> str:
    return f"<= {AIMS[key]}" if key in AIMS else ""


def _calls(folder: Path) -> dict[str, Call]:
    random, tpe = folder / "random_search", folder / "tpe"
    drawn = _prepared(random.as_uri(), "random_search")
    modelled = _prepared(tpe.as_uri(), "tpe")
    submitted = json.dumps(request("random_search", PAST)).encode()
    json_type = {"content-type": "application/json"}
    return {
        "bare": Call("bare", random),
        "api": Call("api", random, "GET", f"/api/experiments/{drawn}"),
        "api_submit": Call("api", random, "POST", "/api/submit_job", json_type, submitted),
        "complete": _event("complete", random, COLLECT, drawn),
        "suggest_random": _event("suggest", random, SUGGEST, drawn),
        "suggest_tpe": _event("suggest", tpe, SUGGEST, modelled),
        **{f"store_{client}": _over(url, random) for client, url in urls().items()},
    }


def _over(url: str, folder: Path) -> Call:
    path = f"/api/experiments/{_prepared(url, 'random_search')}"
    return Call("api", folder, "GET", path, bucket=url)


def _prepared(url: str, algorithm: str) -> str:
    """Make a store with an experiment that has trials and room for one more; returns its name."""
    inline = Inline(open_store(url), lambda env: float(env["TUNELET_TRIAL"]))
    experiment = inline.run(request(algorithm, PAST))
    inline.service.extend("default", experiment.name, {"max_trials": PAST + 1})
    return experiment.name


def _event(target: str, store: Path, topic: str, experiment: str) -> Call:
    headers, body = binary(Signal(topic, "default", experiment))
    adds = experiment if topic == SUGGEST else None
    return Call(target, store, headers=headers, body=body, adds_trial=adds)


def _start(folder: Path, call: Call) -> float:
    """Return the seconds from the start of the process to the end of its first answer."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        store = Path(own) / "store"
        shutil.copytree(call.store, store)
        port = free_port()
        source = folder / "bare.py" if call.target == "bare" else MAIN
        began = time.perf_counter()
        with function(call.target, source, port, _environment(store, call)) as process:
            status, answer = _first_answer(process, port, call)
            seconds = time.perf_counter() - began
        if not 200 <= status < 300:
            sys.exit(f"{call.target} answered {status}: {answer!r}")
        if call.adds_trial is not None:
            _check_trial(store, call.adds_trial)
    return seconds


def _environment(store: Path, call: Call) -> dict[str, str]:
    return {
        "TUNELET_STORE": call.bucket or store.as_uri(),
        "TUNELET_SECRET": "0" * 32,
        "TUNELET_LAUNCHER": store.with_name("runs").as_uri().replace("file:", "process:", 1),
    }


def _first_answer(process: subprocess.Popen[bytes], port: int, call: Call) -> tuple[int, bytes]:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request(call.method, call.path, call.body, dict(call.headers))
            response = connection.getresponse()
            return response.status, response.read()
        except (ConnectionError, HTTPException):
            time.sleep(0.002)
        finally:
            connection.close()
    sys.exit(f"{call.target} did not answer; it ended with {process.poll()}")


def _check_trial(store: Path, name: str) -> None:
    inline = Inline(open_store(store.as_uri()), lambda _: 0.0)
    count = inline.service.experiment("default", name).next_number
    if count != PAST + 1:
        sys.exit(f"{count - PAST} trials were suggested instead of one")

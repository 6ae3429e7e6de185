"""How long one tenant's 10,000 trials delay another tenant's first.

    tunelet up --max-processes 2    every trial sleeps for two seconds

The tenant `quiet` submits experiments of one trial and waits for each end: first alone, then while
the tenant `flood` has an experiment of 10,000 trials, 64 of them at a time, in the same service.
The time is from the submit to the end that the client sees, so it includes the start of the
training. `ratio` is that of the medians. The target is 2: a trial may wait for the run that is the
next to end, and no longer.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness.figures import Figures, percentile
from benchmarks.harness.process import free_port
from benchmarks.harness.table import show
from tunelet.client import Client

SECONDS = 2.0
PLACES = 2
TARGET = 2.0
ROOT = Path(__file__).resolve().parents[1]
_MAIN = "import sys; from tunelet.cli import main; sys.exit(main())"
SPACE = {"x": {"type": "float", "min": 0, "max": 1}}


def run(quick: bool = False) -> Figures:
    rounds = 3 if quick else 10
    with tempfile.TemporaryDirectory() as folder, _service(Path(folder)) as url:
        quiet, flood = Client(url, "quiet"), Client(url, "flood")
        alone = [_seconds(quiet, f"alone-{number}") for number in range(rounds)]
        flood.submit(_request("flood", 10_000, 64))
        _until_running(flood)
        beside = [_seconds(quiet, f"beside-{number}") for number in range(rounds)]
        flood.stop("flood")
    figures = {
        "alone_s": percentile(alone, 0.5),
        "beside_s": percentile(beside, 0.5),
        "worst_s": max(beside),
        "ratio": percentile(beside, 0.5) / percentile(alone, 0.5),
    }
    heading = f"a trial of {SECONDS:g} s, {PLACES} places, {rounds} rounds; target: {TARGET:g}"
    row = [f"{figures[name]:.2f}" for name in ("alone_s", "beside_s", "worst_s", "ratio")]
    show(heading, ("", "alone s", "beside s", "worst s", "ratio"), [["first trial", *row]])
    return figures


def _seconds(client: Client, name: str) -> float:
    time.sleep(random.uniform(0.0, SECONDS))
    began = time.monotonic()
    client.submit(_request(name, 1, 1))
    client.wait(name)
    return time.monotonic() - began


def _request(name: str, trials: int, parallel: int) -> dict[str, Any]:
    return {
        "name": name,
        "model_training_code": "sleeper",
        "hyperparameters": SPACE,
        "hpo_algorithm": "random_search",
        "max_trials": trials,
        "parallel_trials": parallel,
    }


def _until_running(client: Client) -> None:
    while len(list(client.trials("flood", state="RUNNING"))) < PLACES:
        time.sleep(0.1)


@contextmanager
def _service(folder: Path) -> Iterator[str]:
    script = folder / "sleeper.sh"
    script.write_text(f"sleep {SECONDS:g}\necho objective=1\n")
    port = free_port()
    command = [sys.executable, "-c", _MAIN, "up", "--port", str(port)]
    command += ["--data", str(folder / "data"), "--max-processes", str(PLACES)]
    command += ["--alias", f"sleeper=sh {script}"]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            sys.exit("the service did not start")
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()

"""optuna-dashboard over the study that `load` writes for Tunelet, from Optuna's journal file.

Its server reads that file at its start and keeps the trials in memory; it would read a database
again every ten seconds. `study` has Optuna write one trial, and repeats its line with other values:
`add_trials` of 1,000 trials took 25 s.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.harness.reading import NAME
from benchmarks.harness.tab import Answers, processor_s, seen, tab, tab_mib

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REPORTS = 10
BUNDLE = "public/bundle.js.gz"
# The history of the objective is the first plot. Large plots are drawn by WebGL.
_WATCH = """
(() => {
  const look = () => {
    const drawn = document.querySelector(".js-plotly-plot .scatterlayer .trace path, .gl-canvas");
    if (drawn) window.picture = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""


def study(folder: Path, trials: int) -> None:
    """Write the journal of a study with the trials of `load`."""
    journal = folder / "journal"
    _template(journal)
    head, line = journal.read_text().splitlines()
    trial = json.loads(line)
    with journal.open("w") as file:
        file.write(f"{head}\n")
        for number in range(trials):
            rate, size = 0.01 + 0.09 * number / trials, 32 + number % 97
            trial["params"] = {"learning_rate": rate, "batch_size": float(size)}
            trial["value"] = 1 / (1 + REPORTS) + number / trials
            steps = range(REPORTS)
            trial["intermediate_values"] = {str(s): 1 / (1 + s) + number / trials for s in steps}
            file.write(f"{json.dumps(trial, separators=(',', ':'))}\n")


def _template(journal: Path) -> None:
    """Have Optuna write the lines of a study and of one trial."""
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    space = {"learning_rate": FloatDistribution(0.01, 0.1), "batch_size": IntDistribution(32, 128)}
    params = {"learning_rate": 0.01, "batch_size": 32}
    one = optuna.trial.create_trial(params=params, distributions=space, value=0.0)
    optuna.create_study(study_name=NAME, storage=storage).add_trial(one)


def packed_bytes() -> int:
    """The bytes of its page, compressed."""
    found = find_spec("optuna_dashboard")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / BUNDLE).stat().st_size


@contextmanager
def dashboard(journal: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The address and the process of a dashboard that answers, as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = "from optuna_dashboard._cli import main; main()"
    command = [sys.executable, "-c", program, str(journal), "--port", str(port), "--quiet"]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while not _answers(url):
                if process.poll() is not None:
                    sys.exit(f"optuna-dashboard ended with status {process.returncode}")
                time.sleep(0.1)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/api/meta").close()
    except OSError:
        return False
    return True


def measure(browser: "Browser", journal: Path) -> dict[str, float] | None:
    """Open the study in a new tab of a new dashboard; None if it shows nothing in five minutes."""
    with dashboard(journal) as (url, server):
        before = processor_s(server)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        answers = Answers(page)
        page.add_init_script(_WATCH)
        page.goto(f"{url}/dashboard/studies/0", wait_until="commit", timeout=0)
        picture = seen(page, "picture")
        if picture is None:
            context.close()
            return None
        figures = {
            "picture_s": picture,
            "tab_cpu_s": processor_s(tab()),
            "server_cpu_s": processor_s(server) - before,
            "read_kib": answers.kib,
            "tab_mib": tab_mib(),
            **answers.live(page),
        }
        context.close()
    return figures

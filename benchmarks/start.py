"""Start: the seconds from a command on this machine to its first effect.

    python    `python -c pass`
    import    `import tunelet`, besides `python`
    help      `tunelet --help`, besides `python`
    script    `python train.py` until the script's first line
    run       `tunelet run … -- python train.py` until the first line of the first training,
              besides `script`
    tune      `tunelet.tune` until the first call of the function, besides `script`

Other processes only add time, so each figure is the shortest of all rounds. The processor's time
until then (`…_cpu`) depends less on them. Linux only, as it is read in /proc.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness.table import by_turns, show

AIMS = {"import": 0.02, "help": 0.15, "run": 0.6}
TUNELET = (sys.executable, "-c", "import sys; from tunelet.cli import main; sys.exit(main())")
RUN = ("run", "--float", "x=0:1", "--minimize", "loss", "-n", "1", "--")
MARK = """
import json, os, time
now = time.time()

def stat(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""
TRAIN = (
    MARK
    + """
pid, cpu = os.getpid(), 0.0
while pid != BENCHMARK:  # this process, its shim, tunelet
    parent, seconds = stat(pid)
    pid, cpu = parent, cpu + seconds
json.dump([now, cpu], open("begun", "w"))
print("loss=1")
"""
)
TUNED = f"""
from tunelet import tune
SPACE = {{"x": {{"type": "float", "min": 0.0, "max": 1.0}}}}

def objective(params):
    {MARK.strip().replace(chr(10), chr(10) + "    ")}
    json.dump([now, stat(os.getpid())[1]], open("begun", "w"))
    return params["x"]

tune(objective, SPACE, trials=1)
"""


def run(quick: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train.py").write_text(f"BENCHMARK = {os.getpid()}\n{TRAIN}")
        script = (sys.executable, str(folder / "train.py"))
        ends: dict[str, tuple[str, ...]] = {
            "python": (sys.executable, "-c", "pass"),
            "import": (sys.executable, "-c", "import tunelet"),
            "help": (*TUNELET, "--help"),
        }
        begins: dict[str, tuple[str, ...]] = {
            "script": script,
            "run": (*TUNELET, *RUN, *script),
            "tune": (sys.executable, "-c", TUNED),
        }
        cpu: dict[str, list[float]] = {}
        measures: dict[str, Callable[[], float]] = {
            **{key: partial(_until_its_end, command) for key, command in ends.items()},
            **{key: partial(_until_begun, command, key, cpu) for key, command in begins.items()},
        }
        by_turns(measures, 1)  # writes the .pyc files
        least = {key: min(each) for key, each in by_turns(measures, 3 if quick else 15).items()}
    figures = {
        "python": least["python"],
        **{key: least[key] - least["python"] for key in ("import", "help")},
        "script": least["script"],
        **{key: least[key] - least["script"] for key in ("run", "tune")},
        **{f"{key}_cpu": min(cpu[key]) - min(cpu["script"]) for key in ("run", "tune")},
    }
    show(
        "Seconds from a command to its first effect (the shortest)",
        ["", "seconds", "aim"],
        [[key, f"{value:.3f}", _aim(key)] for key, value in figures.items()],
    )
    return figures


def _aim(key: str) -> str:
    return f"<= {AIMS[key]}" if key in AIMS else ""


def _until_its_end(command: tuple[str, ...]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def _until_begun(command: tuple[str, ...], key: str, cpu: dict[str, list[float]]) -> float:
    with tempfile.TemporaryDirectory() as name:
        env: dict[str, Any] = dict(os.environ)
        env["PYTHONPATH"] = str(Path(__file__).parents[1])
        begun = time.time()
        subprocess.run(command, cwd=name, env=env, check=True, stdout=subprocess.DEVNULL)
        at, seconds = json.loads((Path(name) / "begun").read_text())
        cpu.setdefault(key, []).append(seconds)
        return float(at - begun)

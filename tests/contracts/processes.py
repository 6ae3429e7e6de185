"""Other processes that open a store by its URL and begin together."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = """
import sys
from adapters.storage import open_store
from tests.contracts import stores
store, me = open_store(sys.argv[1]), sys.argv[2].encode()
store.get("warm")
print("ready", flush=True)
sys.stdin.readline()
"""


def begun(url: str, text: str, number: int = 0) -> subprocess.Popen[str]:
    """A process that runs `text` with `store` and its number as `me`, after a signal by `go`."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + text, url, str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def go(process: subprocess.Popen[str]) -> None:
    """Let it begin, once it is ready."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("\n")
    process.stdin.flush()


def together(url: str, count: int, text: str) -> list[Any]:
    """Run `text` in many processes; returns the Python literals that they print."""
    processes = [begun(url, text, number) for number in range(count)]
    for process in processes:
        go(process)
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    return [ast.literal_eval(text) for text in printed]

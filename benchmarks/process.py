"""A function in a process of its own, started by functions-framework as on Knative."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FRAMEWORK = Path(sys.executable).with_name("functions-framework")
MAIN = Path(__file__).resolve().parents[1] / "functions" / "main.py"


@contextmanager
def function(
    target: str, source: Path, port: int, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs while the block does; it may not answer yet when that begins."""
    process = subprocess.Popen(
        [FRAMEWORK, f"--target={target}", f"--source={source}", f"--port={port}"],
        env={**os.environ, "FUNCTION_TARGET": target, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""Runs a function in its own process, started by functions-framework as on Knative."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

FRAMEWORK = Path(sys.executable).with_name("functions-framework")
MAIN = Path(__file__).resolve().parents[2] / "functions" / "main.py"


@contextmanager
def function(
    target: str, source: Path, port: int, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the function while the block runs. It may not answer yet when the block begins."""
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


def free_port(host: str = "127.0.0.1") -> int:
    """Find a port for a process that is about to start.

    It is below the range from which the kernel takes ports for connections and for servers that ask
    for any port. From that range, another process could take it before ours binds it. It does not
    depend on a seed, which processes of one test run may share.
    """
    chance = random.SystemRandom()
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = chance.randrange(10_000, 32_000)
            with suppress(OSError):
                probe.bind((host, port))
                return port


def processor_seconds(pid: int) -> float:
    """Return the processor seconds that a process and its children have used."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)

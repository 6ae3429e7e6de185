"""A shell and a Python interpreter that keep their state from block to block, as a reader's do."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

MOST_SECONDS = 600.0
"""How long a block may take before it counts as stuck."""

_INTERPRETER = """
import os, sys, traceback
answers = os.fdopen(os.dup(1), "w")
names = {"__name__": "__main__"}
for line in sys.stdin:
    code, output = line.rstrip("\\n").split("\\t")
    target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(target, 1), os.dup2(target, 2), os.close(target)
    status = 0
    try:
        with open(code) as file:
            exec(compile(file.read(), code, "exec"), names)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    print(status, file=answers, flush=True)
"""


class Session:
    """A program that runs one block after another; each block has a file for its output."""

    def __init__(
        self, command: list[str], line: str, folder: Path, env: Mapping[str, str], scratch: Path
    ) -> None:
        self._line, self._scratch, self._count = line, scratch, 0
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def begin(self, text: str) -> Path:
        """Start a block; the file that its output goes to."""
        self._count += 1
        code = self._scratch / f"{id(self)}-{self._count}.code"
        output = code.with_suffix(".output")
        code.write_text(text)
        output.touch()
        assert self._process.stdin is not None
        self._process.stdin.write(self._line.format(code=code, output=output))
        self._process.stdin.flush()
        return output

    def run(self, text: str) -> str:
        """Run a block to its end; its output. Raises AssertionError if it fails."""
        output = self.begin(text)
        status = self._status()
        assert status == "0", f"exit code {status}:\n{read(output)}"
        return read(output)

    def wait(self, output: Path, ready: Callable[[str], bool]) -> None:
        """Wait until the output of a block that runs on shows that it is ready."""
        deadline = time.monotonic() + MOST_SECONDS
        while not ready(read(output)):
            assert self._process.poll() is None, read(output)
            assert time.monotonic() < deadline, f"still not ready:\n{read(output)}"
            time.sleep(0.02)

    def interrupt(self) -> None:
        """Press Ctrl-C in the terminal, and wait until its program has ended."""
        os.killpg(self._process.pid, signal.SIGINT)
        self._status()

    def close(self) -> None:
        """End the program; the test ends what it has started."""
        self._process.kill()
        self._process.communicate()

    def _status(self) -> str:
        """The exit code that the program tells after a block; its own if a command failed."""
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], MOST_SECONDS)
        assert readable, "the block is still running"
        return self._process.stdout.readline().strip() or str(self._process.wait())


def read(output: Path) -> str:
    """The output as it is, with the carriage returns of a terminal."""
    return output.read_bytes().decode()


def shell(folder: Path, env: Mapping[str, str], scratch: Path) -> Session:
    """A shell that ends at the first command that fails."""
    line = "set -e; . '{code}' </dev/null >>'{output}' 2>&1; set +e; echo 0\n"
    return Session(["bash", "--noprofile", "--norc"], line, folder, env, scratch)


def interpreter(folder: Path, env: Mapping[str, str], scratch: Path) -> Session:
    """An interpreter in which all blocks of a page share their names."""
    command = [sys.executable, "-u", "-c", _INTERPRETER]
    return Session(command, "{code}\t{output}\n", folder, env, scratch)


def environment(folder: Path) -> dict[str, str]:
    """The variables of a reader with the environment activated, and none of Tunelet's."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("TUNELET_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), known.get("PATH", "")])
    # Processes with this TMPDIR end with the test.
    own = {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
    return {name: value for name, value in known.items() if name != "PYTHONPATH"} | own

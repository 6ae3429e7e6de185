"""The shim: stands beside one training process until it has ended, and writes down how.

A program of its own (standard library only, so that it starts quickly and needs nothing
of the service): `python -S -E shim.py FOLDER LOCK SLOT`. LOCK and SLOT are inherited
descriptors of flocked files, so "the lock is held" means that the shim is alive, which
no process id can tell. It outlives the service. What it promises:

- The command in FOLDER/launch.json runs in its own process group and working folder,
  with standard output and error in FOLDER/output.log.
- On SIGTERM, or past the time-out, all descendants get SIGTERM and after `grace` seconds
  SIGKILL, also those that left the process group or the session (Linux: the shim is
  their subreaper and finds them in /proc; elsewhere the process group only).
- FOLDER/exit.json appears atomically, after every descendant is gone.
- If the shim itself is killed, so is the command (Linux: parent-death signal).
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any, NoReturn

_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_CLEANUP_SECONDS = 30


class Signals:
    """Signals as something a loop can wait for."""

    def __init__(self) -> None:
        self.stop = False
        self._wake, write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in _HANDLED:
            signal.signal(number, self._handle)

    def wait(self, seconds: float | None) -> None:
        """Return at the next signal, or after so many seconds."""
        if select.select([self._wake], [], [], seconds)[0]:
            os.read(self._wake, 4096)

    def _handle(self, number: int, _frame: object) -> None:
        self.stop = self.stop or number != signal.SIGCHLD


class Tree:
    """The training process with all its descendants."""

    def __init__(self, plan: dict[str, Any], folder: str) -> None:
        # A SIGTERM that came between fork and exec would be handled by our own handler.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        self.root = os.fork()
        if self.root == 0:
            _become(plan, folder)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        self.status: int | None = None
        """The root's wait status, once it has ended."""

    def reap(self) -> bool:
        """Collect what has ended; False once nothing is left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == self.root:
                    self.status = status
                if pid == 0:
                    return True
        except ChildProcessError:
            return False

    def kill(self, number: int) -> None:
        if _LINUX:
            for pid in descendants(os.getpid()):
                _send(os.kill, pid, number)
        else:
            _send(os.killpg, self.root, number)


def _send(how: Any, pid: int, number: int) -> None:
    try:
        how(pid, number)
    except ProcessLookupError:
        return  # It ended by itself, which is what we wanted.


def descendants(ancestor: int) -> list[int]:
    """All processes below `ancestor`, from /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(_parent(name), []).append(int(name))
    found, rest = [], [ancestor]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += below
    return found


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            # The command's name, in parentheses, may hold anything.
            return int(stat.read().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _become(plan: dict[str, Any], folder: str) -> NoReturn:
    """Turn this forked child into the training process."""
    try:
        os.setpgid(0, 0)
        _die_with(os.getppid())
        os.chdir(os.path.join(folder, "work"))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(os.path.join(folder, "output.log"), os.O_WRONLY | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        # Python ignores these two; an ignored signal would stay ignored after exec.
        for number in (*_HANDLED, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        os.execvpe(plan["argv"][0], plan["argv"], plan["env"])
    except (OSError, ValueError) as error:
        os.write(2, f"tunelet: cannot start {plan['argv'][0]!r}: {error}\n".encode())
        # As a shell does: not found, or found but not to be run.
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)
    finally:
        os._exit(126)


def _die_with(parent: int) -> None:
    if _LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _prctl(option: int, value: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def supervise(plan: dict[str, Any], folder: str, signals: Signals) -> dict[str, Any]:
    """Run the command to its end; what exit.json is to say."""
    end: dict[str, Any] = {"exit_code": None, "stopped": False, "timed_out": False}
    # `stop` is a file too, for a stop that came before the handler stood.
    if signals.stop or os.path.exists(os.path.join(folder, "stop")):
        return end | {"stopped": True}
    tree = Tree(plan, folder)
    deadline = time.monotonic() + plan["timeout"] if plan["timeout"] else None
    while tree.reap() and tree.status is None and not end["stopped"] and not end["timed_out"]:
        signals.wait(deadline and max(0.0, deadline - time.monotonic()))
        end["stopped"] = signals.stop
        end["timed_out"] = not signals.stop and bool(deadline and time.monotonic() >= deadline)
    if tree.status is None:
        _terminate(tree, plan["grace"], signals)
    while tree.reap():
        tree.kill(signal.SIGKILL)
        signals.wait(0.01)
    assert tree.status is not None
    return end | {"exit_code": os.waitstatus_to_exitcode(tree.status)}


def _terminate(tree: Tree, grace: float, signals: Signals) -> None:
    """Ask the whole tree to end, and wait until it has or `grace` seconds are over."""
    over = time.monotonic() + grace
    tree.kill(signal.SIGTERM)
    while tree.reap() and time.monotonic() < over:
        signals.wait(max(0.0, over - time.monotonic()))


def _clean_up(plan: dict[str, Any], folder: str) -> None:
    """Run the commands that remove what outlives the process (its container)."""
    with open(os.path.join(folder, "output.log"), "ab") as output:
        for argv in plan["cleanup"]:
            try:
                subprocess.run(
                    argv,
                    env=plan["env"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=_CLEANUP_SECONDS,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                output.write(f"tunelet: {error}\n".encode())


def _write_end(folder: str, end: dict[str, Any], slot: int) -> None:
    # The verdict must not be durable before the output that it rests on.
    with open(os.path.join(folder, "output.log"), "ab") as output:
        os.fsync(output.fileno())
    temporary = os.path.join(folder, "exit.json.new")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(end, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, os.path.join(folder, "exit.json"))
    # Whoever sees the verdict may at once want to start the next run.
    os.close(slot)
    directory = os.open(folder, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def main(folder: str, lock: int, slot: int) -> None:
    os.set_inheritable(lock, False)
    os.set_inheritable(slot, False)
    with open(os.path.join(folder, "launch.json"), encoding="utf-8") as file:
        plan = json.load(file)
    if _LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signals = Signals()
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    end = supervise(plan, folder, signals)
    _clean_up(plan, folder)
    _write_end(folder, end | {"ended_at": time.time()}, slot)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

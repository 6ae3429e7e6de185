"""The training with all its descendants, and the signals that the shim gets.

It is part of the shim's program, like `shim_output`.
"""

import ctypes
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

_SETTLE_SECONDS = 0.25
"""The wait after the end of a training that may have obeyed a signal. Signalling all processes of a
service, a machine or a group takes some milliseconds."""
_SETTLE_SHARE, _SETTLE_MOST = 0.01, 3.0
"""The wait as a share of a long run's time, and its maximum, to notice a slow kill by hand too."""
_FIRST_LOOK, _LOOK_SECONDS = 0.02, 1.0
_LOOKS_AT_WILL = 200
"""How often the shim may look without a pause. A look takes about 40 microseconds."""


class Signals:
    """Lets a loop wait for signals."""

    def __init__(self) -> None:
        self.end_requested = False
        """Whether a signal to end has come."""
        self._wake, write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in _HANDLED:
            signal.signal(number, self._handle)

    def wait(self, seconds: float | None, *sources: int) -> None:
        """Return at the next signal, when a source can be read, or after `seconds`."""
        if self._wake in select.select([self._wake, *sources], [], [], seconds)[0]:
            os.read(self._wake, 4096)

    def _handle(self, number: int, _frame: object) -> None:
        self.end_requested = self.end_requested or number != signal.SIGCHLD


class Tree:
    """The training process with all its descendants."""

    def __init__(self, plan: dict[str, Any], folder: str, sink: int) -> None:
        # Between fork and exec the shim's own handler would handle a SIGTERM.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        self.root = os.fork()
        if self.root == 0:
            _become(plan, folder, sink)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        self.status: int | None = None
        """The root's wait status, once it has ended."""
        self.obeys = not LINUX
        """Whether the root handles, ignores or blocks SIGTERM. True where that cannot be seen."""
        self._begun = self._looked = time.monotonic()
        self._looks = 0
        self._became = False

    def look(self) -> float:
        """Check whether the root handles SIGTERM; returns the seconds until the next check.

        It must be checked while the root is alive, because Python removes its handlers at exit.
        """
        now = time.monotonic()
        if self.obeys:
            return _LOOK_SECONDS
        left = self._looked + _FIRST_LOOK - now
        if left > 0 and self._looks > _LOOKS_AT_WILL:
            return left
        self._looked = now
        self._looks += 1
        # Before exec it has the shim's own handlers.
        self._became = self._became or _command(self.root) != _command(os.getpid())
        self.obeys = self._became and _handles(self.root, _HANDLING)
        return min(max(_FIRST_LOOK, (now - self._begun) / 10), _LOOK_SECONDS)

    def settling(self) -> float:
        """Return the seconds after its end in which a signal meant for both may still come."""
        killed = self.status in _KILLED
        if not self.obeys and not killed:
            return 0.0
        share = (time.monotonic() - self._begun) * _SETTLE_SHARE
        return min(_SETTLE_SECONDS + share, _SETTLE_MOST)

    def reap(self) -> bool:
        """Reap processes that have ended; returns False once none is left."""
        try:
            if self.status is None and os.waitid(os.P_PID, self.root, _PEEK):
                self.obeys = self.obeys or _handles(self.root, _MASKS)
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == self.root:
                    self.status = status
                if pid == 0:
                    return True
        except ChildProcessError:
            return False

    def kill(self, number: int) -> None:
        if LINUX:
            for pid in descendants(os.getpid()):
                _send(os.kill, pid, number)
        else:
            _send(os.killpg, self.root, number)


_KILLED = (signal.SIGKILL, (128 + signal.SIGKILL) << 8)
"""The wait status of a killed process, and of a shell after its command was killed."""
_PEEK = os.WEXITED | os.WNOHANG | os.WNOWAIT
_HANDLING = ("SigIgn:", "SigCgt:")
_MASKS = ("SigBlk:", *_HANDLING)
"""Shells and libraries block signals for a moment, so blocking counts only at the end."""


def _handles(pid: int, masks: tuple[str, ...]) -> bool:
    """Whether SIGTERM is in one of these masks of the process, which may be a zombie."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            found = [line.split()[1] for line in file if line.startswith(masks)]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in found)


def _command(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _send(how: Any, pid: int, number: int) -> None:
    try:
        how(pid, number)
    except ProcessLookupError:
        return  # It has already ended.


def descendants(ancestor: int) -> list[int]:
    """Return all descendants of `ancestor`, from /proc."""
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
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command's name, in parentheses, may contain any character.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _become(plan: dict[str, Any], folder: str, sink: int) -> NoReturn:
    """Turn this forked child into the training process."""
    try:
        os.setpgid(0, 0)
        die_with(os.getppid())
        os.chdir(plan.get("workdir") or os.path.join(folder, "work"))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        # Python ignores the last two, and an ignored signal stays ignored after exec.
        for number in (*_HANDLED, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        os.execvpe(plan["argv"][0], plan["argv"], plan["env"])
    except (OSError, ValueError) as error:
        # execvpe's message names the last folder that it tried, not the reason.
        why = getattr(error, "strerror", None) or error
        os.write(2, f"tunelet: cannot start {plan['argv'][0]!r}: {why}\n".encode())
        # A shell's exit codes: 127 not found, 126 found but not executable.
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)
    finally:
        os._exit(126)


def die_with(parent: int) -> None:
    """Make the kernel kill this process when the thread that started it ends."""
    if LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _prctl(option: int, value: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants (subreaper), so that none escapes."""
    if LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)

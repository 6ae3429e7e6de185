"""The shim: stands beside one training process until it has ended, and writes down how.

A program of its own (standard library only, so that it starts quickly and needs nothing
of the service): `python -S -E shim.py FOLDER LOCK SLOT`. LOCK and SLOT are inherited
descriptors of flocked files, so "the lock is held" means that the shim is alive, which
no process id can tell. It outlives the service. What it promises:

- The command in FOLDER/launch.json runs in its own process group and working folder,
  with standard output and error in FOLDER/output.log: the first 8 MiB as they come, of
  what follows the last MiB when it has ended, between lines that say so. Where the values are
  in the output, those of what follows are read as they come, and stand in FOLDER/values.log.
- On SIGTERM, or past the time-out, all descendants get SIGTERM and after `grace` seconds
  SIGKILL, also those that left the process group or the session (Linux: the shim is
  their subreaper and finds them in /proc; elsewhere the process group only). Without a file
  FOLDER/stop, which a launcher makes, the run was `lost`, not `stopped`: the machine is
  shutting down, say. That holds however the training ends, and until exit.json appears: what
  signals both may signal the training first. So the shim waits a moment for its own signal
  after the end of a training that handles SIGTERM (see `Tree.look`) or was killed.
- FOLDER/exit.json appears atomically, after every descendant is gone and the output and the
  files of metrics are on the disk; a full disk is waited for.
- If the shim itself is killed, so is the command (Linux: parent-death signal).
"""

import ctypes
import errno
import json
import math
import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_CLEANUP_SECONDS = 30

_SETTLE_SECONDS = 0.25
"""After the end of a training that may have obeyed a signal; what signals all processes of a
service, a machine or a group takes some milliseconds."""
_SETTLE_SHARE, _SETTLE_MOST = 0.01, 3.0
"""Of a long run's time, so that a slow kill by hand is seen as well, at no cost that matters."""
_FIRST_LOOK, _LOOK_SECONDS = 0.02, 1.0
_LOOKS_AT_WILL = 200
"""One takes some 40 microseconds."""
_EVENT_FILES = 1_000

HEAD_BYTES = 8 << 20
TAIL_BYTES = 1 << 20
VALUES = "values.log"
_BACKLOG_BYTES = 4 << 20
"""So much output may wait for being read; after that the training waits as well."""
_PIECE = 1 << 16
_PIECES_A_TURN = 16
_NOTE = b"\ntunelet: this is more output than is kept; only its last MiB follows, at the end\n"

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE)
_FULL_PAUSE = 0.2
_FULL_SECONDS = 600.0


class Signals:
    """Signals as something a loop can wait for."""

    def __init__(self) -> None:
        self.told = False
        """To end."""
        self._wake, write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in _HANDLED:
            signal.signal(number, self._handle)

    def wait(self, seconds: float | None, *sources: int) -> None:
        """Return at the next signal, when a source can be read, or after so many seconds."""
        if self._wake in select.select([self._wake, *sources], [], [], seconds)[0]:
            os.read(self._wake, 4096)

    def _handle(self, number: int, _frame: object) -> None:
        self.told = self.told or number != signal.SIGCHLD


class Values:
    """The values of the output that output.log does not keep, on their way to values.log.

    How a value looks is known to the service's own parser only. It is loaded when there is
    more output than is kept, and begins with what output.log has. It reads a piece a turn, so
    that signals are seen meanwhile.
    """

    def __init__(self, plan: dict[str, Any], folder: str) -> None:
        self._plan = plan
        self._folder = folder
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._parser: Any = None
        self._head = self._log = -1
        self._left = 0
        self._pending = b""
        self._failed = False

    def add(self, data: bytes) -> None:
        if not self._failed:
            self._waiting.append(data)
            self._size += len(data)

    @property
    def idle(self) -> bool:
        """There is nothing to be read or written."""
        return not self._waiting and not self._pending

    @property
    def full(self) -> bool:
        return self._size > _BACKLOG_BYTES

    def turn(self) -> None:
        """Read a piece. Raises `OSError` where the disk is full, and can be called again."""
        self._flush()
        if not self._waiting:
            return
        if self._log < 0:
            path = os.path.join(self._folder, VALUES)
            self._log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._read()
        except Exception as error:  # noqa: BLE001
            self._fail(error)
        self._flush()

    def close(self) -> None:
        """Read and write all that is left, once no output can come any more."""
        while not self.idle:
            _patiently(self.turn)
        if self._parser is None or self._failed:
            return
        try:
            found = self._parser.close()
            self._say(*({"step": each.step, "values": each.values} for each in found))
            self._say({"values": self._parser.values, "remarks": self._parser.remarks()})
        except Exception as error:  # noqa: BLE001
            self._fail(error)
        _patiently(self._flush)

    def _read(self) -> None:
        if self._parser is None:
            self._begin()
        if self._left:
            # What output.log has the service reads there.
            data = os.read(self._head, min(_PIECE, self._left))
            self._left -= len(data)
            self._parser.feed(data)
            return
        data = self._waiting.popleft()
        self._size -= len(data)
        found = self._parser.feed(data)
        self._say(*({"step": each.step, "values": each.values} for each in found))

    def _begin(self) -> None:
        # Instead of this file's folder, in which no module is meant to be found.
        sys.path[:1] = self._plan["modules"]
        from tunelet.metrics import Parser

        self._head = os.open(os.path.join(self._folder, "output.log"), os.O_RDONLY)
        self._left = HEAD_BYTES
        self._parser = Parser(self._plan["metrics"])

    def _say(self, *lines: dict[str, Any]) -> None:
        self._pending += b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    def _fail(self, error: Exception) -> None:
        """A run of which not all was read is lost, and the training is not disturbed."""
        self._failed = True
        self._waiting.clear()
        self._size = 0
        self._say({"fault": f"{type(error).__name__}: {error}"[:500]})

    def _flush(self) -> None:
        while self._pending:
            self._pending = self._pending[os.write(self._log, self._pending) :]


class Output:
    """What the training writes, on its way from a pipe to output.log, which it must not fill."""

    def __init__(self, plan: dict[str, Any], folder: str) -> None:
        self._values = Values(plan, folder) if plan["metrics"]["source"] == "stdout" else None
        self._source, self.sink = os.pipe()
        os.set_blocking(self._source, False)
        self._log = os.open(os.path.join(folder, "output.log"), os.O_WRONLY | os.O_APPEND)
        self._room = HEAD_BYTES
        self._pending = b""
        self._tail: deque[bytes] = deque()
        self._held = 0
        self._left_out = 0

    def wait(
        self, signals: Signals, seconds: float | None, first: Callable[[], object] | None = None
    ) -> None:
        """Copy what comes, after `first`, until there is a signal or the time is over."""
        if self._pending:
            # The disk is full. The training waits as it would if it wrote there itself.
            seconds = min(_FULL_PAUSE, _FULL_PAUSE if seconds is None else seconds)
            signals.wait(seconds)
        elif self._values is None or self._values.idle:
            signals.wait(seconds, self._source)
        else:
            signals.wait(0)
            self._read_values()
        if first is not None:
            first()
        self._copy()

    def close(self) -> None:
        """Write all that is left to be written, once nothing can come any more."""
        while self._values is not None and self._values.full:
            _patiently(self._values.turn)
        self._copy()
        _patiently(self._flush)
        if self._values is not None:
            self._values.close()
        while self._tail:
            self._pending = self._end()
            _patiently(self._flush)

    def _read_values(self) -> None:
        assert self._values is not None
        try:
            self._values.turn()
        except OSError as error:
            if error.errno not in _FULL:
                raise
            time.sleep(_FULL_PAUSE)

    def _copy(self) -> None:
        for _ in range(_PIECES_A_TURN):
            if self._values is not None and self._values.full:
                return
            try:
                self._flush()
                data = os.read(self._source, _PIECE)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                return
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        head, rest = data[: self._room], data[self._room :]
        self._pending += head
        self._room -= len(head)
        if not rest:
            return
        if not self._tail:
            self._pending += _NOTE
        if self._values is not None:
            self._values.add(rest)
        self._tail.append(rest)
        self._held += len(rest)
        while self._held > TAIL_BYTES:
            gone = len(self._tail.popleft())
            self._held -= gone
            self._left_out += gone

    def _end(self) -> bytes:
        kept = b"".join(self._tail)
        self._tail.clear()
        if not self._left_out:
            return kept
        # What is left of a line could be read as something else.
        part, _, whole = kept.partition(b"\n")
        note = f"tunelet: {self._left_out + len(part)} bytes are left out here\n"
        return note.encode() + whole

    def _flush(self) -> None:
        while self._pending:
            self._pending = self._pending[os.write(self._log, self._pending) :]


def _patiently(write: Callable[[], None]) -> None:
    """Try until there is space on the disk, ten minutes at most."""
    over = time.monotonic() + _FULL_SECONDS
    while True:
        try:
            write()
        except OSError as error:
            if error.errno not in _FULL or time.monotonic() > over:
                raise
            time.sleep(_FULL_PAUSE)
        else:
            return


class Tree:
    """The training process with all its descendants."""

    def __init__(self, plan: dict[str, Any], folder: str, sink: int) -> None:
        # A SIGTERM that came between fork and exec would be handled by our own handler.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        self.root = os.fork()
        if self.root == 0:
            _become(plan, folder, sink)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        self.status: int | None = None
        """The root's wait status, once it has ended."""
        self.obeys = not _LINUX
        """The root was seen to handle, ignore or block SIGTERM, or it may have elsewhere."""
        self._begun = self._looked = time.monotonic()
        self._looks = 0

    def look(self) -> float:
        """See whether the root handles SIGTERM; seconds until it is worth another look.

        A look must come while the root is alive, for Python takes its handlers back at its end.
        """
        now = time.monotonic()
        if self.obeys:
            return _LOOK_SECONDS
        left = self._looked + _FIRST_LOOK - now
        if left > 0 and self._looks > _LOOKS_AT_WILL:
            return left
        self._looked = now
        self._looks += 1
        self.obeys = _handles(self.root, signal.SIGTERM)
        return min(max(_FIRST_LOOK, (now - self._begun) / 10), _LOOK_SECONDS)

    def settling(self) -> float:
        """How many seconds after its end a signal may still come that was meant for both."""
        killed = self.status in _KILLED
        if not self.obeys and not killed:
            return 0.0
        share = (time.monotonic() - self._begun) * _SETTLE_SHARE
        return min(_SETTLE_SECONDS + share, _SETTLE_MOST)

    def reap(self) -> bool:
        """Collect what has ended; False once nothing is left."""
        try:
            if self.status is None and os.waitid(os.P_PID, self.root, _PEEK):
                self.obeys = self.obeys or _handles(self.root, signal.SIGTERM)
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


_KILLED = (signal.SIGKILL, (128 + signal.SIGKILL) << 8)
"""The wait status of what was killed, and of a shell whose command was."""
_PEEK = os.WEXITED | os.WNOHANG | os.WNOWAIT
_MASKS = ("SigBlk:", "SigIgn:", "SigCgt:")


def _handles(pid: int, number: int) -> bool:
    """Whether the signal would not simply end the process, which may be a zombie."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            masks = [line.split()[1] for line in file if line.startswith(_MASKS)]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


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
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command's name, in parentheses, may hold anything.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _become(plan: dict[str, Any], folder: str, sink: int) -> NoReturn:
    """Turn this forked child into the training process."""
    try:
        os.setpgid(0, 0)
        _die_with(os.getppid())
        os.chdir(os.path.join(folder, "work"))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        # Python ignores these two; an ignored signal would stay ignored after exec.
        for number in (*_HANDLED, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        os.execvpe(plan["argv"][0], plan["argv"], plan["env"])
    except (OSError, ValueError) as error:
        # execvpe names the last folder in which it looked, and not why there.
        why = getattr(error, "strerror", None) or error
        os.write(2, f"tunelet: cannot start {plan['argv'][0]!r}: {why}\n".encode())
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
    end: dict[str, Any]
    end = {"exit_code": None, "stopped": False, "timed_out": False, "lost": False}
    # `stop` is a file too, for a stop that came before the handler stood.
    if any((signals.told, _asked(folder))):
        return end | _interrupted(folder)
    output = Output(plan, folder)
    tree = Tree(plan, folder, output.sink)
    deadline = time.monotonic() + (plan["timeout"] or math.inf)
    late = False
    while tree.reap() and tree.status is None and not signals.told and not late:
        pause = min(tree.look(), max(0.0, deadline - time.monotonic()))
        # Once what it prints can be seen, it is known whether it handles the signal by then.
        output.wait(signals, pause, tree.look)
        late = time.monotonic() >= deadline
    if tree.status is None:
        end |= {"timed_out": True} if late and not signals.told else _interrupted(folder)
        _terminate(tree, plan["grace"], signals, output)
    while tree.reap():
        tree.kill(signal.SIGKILL)
        output.wait(signals, 0.01)
    over = time.monotonic() + tree.settling()
    output.close()
    while not signals.told and (left := over - time.monotonic()) > 0:
        signals.wait(left)
    assert tree.status is not None
    return end | {"exit_code": os.waitstatus_to_exitcode(tree.status)}


def weighed(end: dict[str, Any], folder: str, signals: Signals) -> dict[str, Any]:
    """The end as exit.json is to say it if it is written now."""
    if end["stopped"] or end["timed_out"] or end["lost"]:
        return end
    if _asked(folder):
        # The training may have seen the file itself, before the signal.
        return end | {"stopped": True}
    return end | {"lost": signals.told}


def _asked(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "stop"))


def _interrupted(folder: str) -> dict[str, bool]:
    """What a run is that was told to end."""
    return {"stopped": True} if _asked(folder) else {"lost": True}


def _terminate(tree: Tree, grace: float, signals: Signals, output: Output) -> None:
    """Ask the whole tree to end, and wait until it has or `grace` seconds are over."""
    over = time.monotonic() + grace
    tree.kill(signal.SIGTERM)
    while tree.reap() and time.monotonic() < over:
        output.wait(signals, max(0.0, over - time.monotonic()))


def _clean_up(plan: dict[str, Any], folder: str) -> None:
    """Run the commands that remove what outlives the process (its container)."""
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
            # To output.log; a full disk may swallow it.
            print(f"tunelet: {error}", file=sys.stderr)


def _write_end(folder: str, metrics: str | None, weigh: Callable[[], dict[str, Any]]) -> None:
    # The verdict must not be durable before what it rests on.
    _sync(os.path.join(folder, "output.log"))
    for path in (os.path.join(folder, VALUES), *_metric_files(metrics)):
        _sync(path)
    temporary = os.path.join(folder, "exit.json.new")
    written = None
    # A signal may come while the disk is slow.
    while (end := weigh()) != written:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(end, file)
            file.flush()
            os.fsync(file.fileno())
        written = end
    os.rename(temporary, os.path.join(folder, "exit.json"))


def _metric_files(path: str | None) -> list[str]:
    """The file of metrics or the event files, and the folders that name them."""
    if path is None:
        return []
    found = [path, os.path.dirname(path)]
    for folder, _, names in os.walk(path):
        events = [os.path.join(folder, name) for name in names if "tfevents" in name]
        found += [*events, folder]
    return found[:_EVENT_FILES]


def _sync(path: str) -> None:
    """Bring a file or a folder to the disk; not what stands in a file's place (a FIFO, a link)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in _FULL:
            raise
        return
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main(folder: str, lock: int, slot: int) -> None:
    os.set_inheritable(lock, False)
    os.set_inheritable(slot, False)
    with open(os.path.join(folder, "launch.json"), encoding="utf-8") as file:
        plan = json.load(file)
    if _LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signals = Signals()
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    # Before the command starts, for a run without this counts as never started.
    _patiently(lambda: os.fsync(lock))
    end = supervise(plan, folder, signals)
    end["ended_at"] = time.time()
    _clean_up(plan, folder)
    metrics = plan["metrics_file"]
    _patiently(lambda: _write_end(folder, metrics, lambda: weighed(end, folder, signals)))
    # Whoever sees the verdict may at once want to start the next run.
    os.close(slot)
    directory = os.open(folder, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

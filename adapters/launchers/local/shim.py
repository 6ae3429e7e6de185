"""The shim: runs beside one training process until it has ended, and records how it ended.

It is a program of its own, with the standard library only, so that it starts quickly and does not
depend on the service: `python -S -E shim.py FOLDER LOCK SLOT`. LOCK and SLOT are inherited
descriptors of flocked files, so "the lock is held" means that the shim is alive; a process id
could not prove that. It outlives the service. It guarantees:

- The command in FOLDER/launch.json runs in its own process group and working folder,
  with standard output and error in FOLDER/output.log: the first 8 MiB as they come, and of
  the rest the last MiB once it has ended, between lines that say so. If the values are in the
  output, the shim parses the rest as it comes and writes its values to FOLDER/values.log.
- On SIGTERM, or after the time-out, all descendants get SIGTERM and after `grace` seconds (set by
  the launcher) SIGKILL, also those that left the process group or the session (Linux: the shim is
  their subreaper and finds them in /proc; elsewhere only the process group). Without a file
  FOLDER/stop, which a launcher makes, the run is `lost`, not `stopped`: for example, the machine
  is shutting down. That applies however the training ends, until exit.json appears: a sender
  that signals both processes may signal the training first. So the shim waits a moment for its
  own signal after the end of a training that handles SIGTERM (see `Tree.look`) or was killed.
- FOLDER/exit.json appears atomically, after every descendant has ended and the output and the
  metrics files are on the disk. If the disk is full, the shim waits for space.
- If the shim itself is killed, so is the command (Linux: parent-death signal).
"""

import json
import math
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.launchers.local.shim_output import FULL, VALUES, Output, patiently
    from adapters.launchers.local.shim_tree import Signals, Tree, adopt_orphans
else:  # As a program it is not part of a package: the package's imports would take time.
    from shim_output import FULL, VALUES, Output, patiently
    from shim_tree import Signals, Tree, adopt_orphans

_CLEANUP_SECONDS = 30
_EVENT_FILES = 1_000


def supervise(plan: dict[str, Any], folder: str, signals: Signals) -> dict[str, Any]:
    """Run the command to its end; returns the contents of exit.json."""
    end: dict[str, Any]
    end = {"exit_code": None, "stopped": False, "timed_out": False, "lost": False}
    # The file `stop` shows a stop that came before the signal handler was installed.
    if any((signals.end_requested, _asked(folder))):
        return end | _interrupted(folder)
    output = Output(plan, folder)
    tree = Tree(plan, folder, output.sink)
    deadline = time.monotonic() + (plan["timeout"] or math.inf)
    late = False
    while tree.reap() and tree.status is None and not signals.end_requested and not late:
        pause = min(tree.look(), max(0.0, deadline - time.monotonic()))
        # Look before its output becomes visible, to know whether it handles the signal by then.
        output.wait(signals, pause, tree.look)
        late = time.monotonic() >= deadline
    if tree.status is None:
        end |= {"timed_out": True} if late and not signals.end_requested else _interrupted(folder)
        _terminate(tree, plan["grace"], signals, output)
    while tree.reap():
        tree.kill(signal.SIGKILL)
        output.wait(signals, 0.01)
    over = time.monotonic() + tree.settling()
    output.close()
    while not signals.end_requested and (left := over - time.monotonic()) > 0:
        signals.wait(left)
    assert tree.status is not None
    return end | {"exit_code": os.waitstatus_to_exitcode(tree.status)}


def weighed(end: dict[str, Any], folder: str, signals: Signals) -> dict[str, Any]:
    """Return the contents of exit.json if it is written now."""
    if end["stopped"] or end["timed_out"] or end["lost"]:
        return end
    if _asked(folder):
        # The training may have seen the file itself before the signal.
        return end | {"stopped": True}
    return end | {"lost": signals.end_requested}


def _asked(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "stop"))


def _interrupted(folder: str) -> dict[str, bool]:
    """Return whether a run that got a signal was stopped or lost."""
    return {"stopped": True} if _asked(folder) else {"lost": True}


def _terminate(tree: Tree, grace: float, signals: Signals, output: Output) -> None:
    """Send the whole tree SIGTERM, and wait until it has ended, at most `grace` seconds."""
    over = time.monotonic() + grace
    tree.kill(signal.SIGTERM)
    while tree.reap() and time.monotonic() < over:
        output.wait(signals, max(0.0, over - time.monotonic()))


def _clean_up(plan: dict[str, Any], folder: str) -> None:
    """Run the commands that remove things that outlive the process, such as its container."""
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
            # It goes to output.log, unless the disk is full.
            print(f"tunelet: {error}", file=sys.stderr)


def _write_end(folder: str, metrics: str | None, weigh: Callable[[], dict[str, Any]]) -> None:
    # The end must not be durable before the output that it depends on.
    _sync(os.path.join(folder, "output.log"))
    for path in (os.path.join(folder, VALUES), *_metric_files(metrics, folder), folder):
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


def _metric_files(path: str | None, run: str) -> list[str]:
    """Return the metrics file or the event files, and their folders inside the run's folder."""
    if path is None:
        return []
    above = os.path.dirname(path)
    found = [path, above]
    while above.startswith(run + os.sep):
        above = os.path.dirname(above)
        found.append(above)
    for folder, _, names in os.walk(path):
        events = [os.path.join(folder, name) for name in names if "tfevents" in name]
        found += [*events, folder]
    return found[:_EVENT_FILES]


def _sync(path: str) -> None:
    """Sync a file or a folder to the disk, but not a FIFO or a link in its place."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in FULL:
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
    adopt_orphans()
    signals = Signals()
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    # Before the command starts, because a run without this counts as never started.
    patiently(lambda: os.fsync(lock))
    end = supervise(plan, folder, signals)
    end["ended_at"] = time.time()
    _clean_up(plan, folder)
    metrics = plan["metrics_file"]
    patiently(lambda: _write_end(folder, metrics, lambda: weighed(end, folder, signals)))
    # A process that sees the end may want to start the next run at once.
    os.close(slot)
    directory = os.open(folder, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

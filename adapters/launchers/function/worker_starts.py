"""Two ways to start workers: `Spawning` starts a new interpreter, `Forking` copies this process.

With both, the kernel kills the workers when this process dies in any way. The kernel does so when
the thread that started a process ends, so neither starts workers from a short-lived thread.
"""

import multiprocessing
import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, NoReturn, Protocol

from adapters.launchers.function.worker import serve
from adapters.launchers.local.shim_tree import die_with
from tunelet.errors import FieldError, Reject

Objective = Callable[..., Any]

_ALIVE = b"alive"


class Worker(NamedTuple):
    connection: Connection
    kill: Callable[[], None]
    alive: Callable[[], bool]
    """Its connection need not show that it died: processes that it has forked hold it, too."""
    exit_code: Callable[[], int]
    """Waits until the process is gone. Negative: the number of the signal that killed it."""


class Starts(Protocol):
    def start(self) -> Worker: ...

    def close(self) -> None:
        """Release the resources. All workers must be dead."""


class Spawning:
    """Starts workers with `multiprocessing`; a new interpreter unpickles the objective."""

    def __init__(self, objective: Objective) -> None:
        self._pickled = _pickled(objective)
        self._context = multiprocessing.get_context("spawn")
        self._starter = ThreadPoolExecutor(1, "starts-workers")

    def start(self) -> Worker:
        return self._starter.submit(self._started).result()

    def _started(self) -> Worker:
        own, other = self._context.Pipe()
        process = self._context.Process(target=serve, args=(other, self._pickled, os.getpid()))
        process.start()
        other.close()

        def exit_code() -> int:
            process.join()
            return process.exitcode or 0

        return Worker(own, process.kill, process.is_alive, exit_code)

    def close(self) -> None:
        self._starter.shutdown()


class Forking:
    """Starts workers as forks of a fork server, which is itself a fork of this process.

    The fork server has one thread. A fork of a process with many threads would copy locks that
    another thread holds.
    """

    def __init__(self, objective: Objective) -> None:
        self._lock = threading.Lock()
        self._control, other = socket.socketpair()
        parent = os.getpid()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        self._server = os.fork()
        if not self._server:
            self._control.close()
            _leave_after(partial(_serve_forks, other, objective, parent))
        other.close()

    def start(self) -> Worker:
        mine, other = socket.socketpair()
        with self._lock:
            socket.send_fds(self._control, [b"start"], [other.fileno()])
            pid = int(self._control.recv(32) or b"0")
        other.close()
        if not pid:
            mine.close()
            raise OSError("the process that starts workers could not start one, or was killed")
        reaped: list[int] = []

        def kill() -> None:
            # The process id stays its own until the fork server reads the exit code.
            with self._lock:
                if not reaped:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

        def alive() -> bool:
            with self._lock, suppress(OSError):
                if not reaped:
                    self._control.send(b"?%d" % pid)
                    answer = self._control.recv(32)
                    if answer == _ALIVE:
                        return True
                    reaped.append(int(answer or b"-9"))
            return False

        def exit_code() -> int:
            kill()
            with self._lock:
                if not reaped:
                    self._control.send(b"%d" % pid)
                    reaped.append(int(self._control.recv(32) or b"-9"))
                return reaped[0]

        return Worker(Connection(mine.detach()), kill, alive, exit_code)

    def close(self) -> None:
        self._control.close()
        os.waitpid(self._server, 0)


def _serve_forks(control: socket.socket, objective: Objective, parent: int) -> None:
    """Fork a worker for each socket that arrives, and wait for each worker that is named.

    With a question mark before its name, say whether it is alive.
    """
    die_with(parent)
    signal.signal(signal.SIGINT, lambda *_: None)
    server = os.getpid()
    while True:
        message, sockets, *_ = socket.recv_fds(control, 32, 1)
        for each in sockets:
            os.set_inheritable(each, False)
        if not message:
            return
        if not sockets:
            asks = message.startswith(b"?")
            ended, status = os.waitpid(int(message.lstrip(b"?")), os.WNOHANG if asks else 0)
            control.send(b"%d" % os.waitstatus_to_exitcode(status) if ended else _ALIVE)
            continue
        try:
            worker = os.fork()
        except OSError:  # no memory, say: the other workers go on
            os.close(sockets[0])
            control.send(b"0")
            continue
        if not worker:
            control.close()
            _leave_after(partial(serve, Connection(sockets[0]), objective, server))
        os.close(sockets[0])
        control.send(b"%d" % worker)


def _leave_after(call: Callable[[], None]) -> NoReturn:
    """Call, and then exit: never return into the forked code."""
    try:
        call()
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    finally:
        os._exit(0)


def _pickled(objective: Objective) -> bytes:
    try:
        return pickle.dumps(objective)
    except Exception as fault:
        message = f"cannot be sent to a new process ({fault})"
        remedy = 'define it at the top level of a module, or use processes="fork"'
        error = FieldError("objective", repr(objective), message, remedy)
        raise Reject(f"the objective {message}; {remedy}", [error]) from fault

"""A book in which trainings in pods sign in, and which sees them leave.

A training connects and writes one line, its trial, its attempt and its pod; it goes on when it
has read the answer. Its connection is open as long as its process lives, so what the
book holds is what ran, whatever the cluster and the log say. The kernel of a living one answers
the keep-alives; where none does, the pod's network was taken down before its last packet had left.
"""

import asyncio
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from itertools import combinations
from typing import NamedTuple

SIGN_IN = (
    'exec 3<>/dev/tcp/{host}/{port}; echo "$TUNELET_TRIAL $TUNELET_ATTEMPT $HOSTNAME" >&3;'
    " read -r welcome <&3"
)
"""What a training does at first, in bash."""

Attempt = tuple[int, int]
"""The number of a trial, and which attempt."""


class Visit(NamedTuple):
    attempt: Attempt
    began: float
    ended: float


class Register:
    def __init__(self, host: str) -> None:
        self._host = host
        self.pods: dict[Attempt, list[str]] = defaultdict(list)
        """The pods in which each attempt trained, one for each time that it did."""
        self.visits: list[Visit] = []
        """Those that were seen to end."""
        self._wanted: deque[Future[str]] = deque()
        self._loop = asyncio.new_event_loop()

    @property
    def sign_in(self) -> str:
        host, port = self._server.sockets[0].getsockname()[:2]
        return SIGN_IN.format(host=host, port=port)

    def serve(self) -> None:
        """Until `close`; in a thread of its own, so that who comes first is seen first."""
        self._loop.run_forever()

    def open(self) -> None:
        listening = asyncio.start_server(self._visit, self._host, 0, backlog=128)
        self._server = self._loop.run_until_complete(listening)

    def detain(self, seconds: float) -> str:
        """The pod of the training that signs in next, which then waits until it is killed."""
        pod: Future[str] = Future()
        self._wanted.append(pod)
        return pod.result(seconds)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            trial, attempt, pod = (await reader.readline()).decode().split()
            came = (int(trial), int(attempt))
            began = self._loop.time()
            self.pods[came].append(pod)
            _keep_alive(writer)
            if self._wanted:
                self._wanted.popleft().set_result(pod)
            else:
                writer.write(b"welcome\n")
            await _end(reader)
            self.visits.append(Visit(came, began, self._loop.time()))
        except (OSError, ValueError):
            return  # It was killed before it had written its line, or nobody knows when.
        finally:
            writer.close()

    @property
    def beside(self) -> list[tuple[Attempt, Attempt]]:
        """Attempts of one trial that were there at the same time."""
        pairs = combinations(sorted(self.visits, key=lambda visit: visit.began), 2)
        return [
            (one.attempt, other.attempt)
            for one, other in pairs
            if one.attempt[0] == other.attempt[0] and other.began < one.ended
        ]

    @property
    def most(self) -> int:
        """The most that were there at the same time."""
        starts = [visit.began for visit in self.visits]
        return max(sum(v.began <= moment < v.ended for v in self.visits) for moment in starts)


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
        connection.setsockopt(socket.IPPROTO_TCP, option, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


async def _end(reader: asyncio.StreamReader) -> None:
    """Wait until the process is gone; raises `OSError` if its machine is."""
    with suppress(ConnectionResetError):
        await reader.read()


@contextmanager
def register(host: str) -> Iterator[Register]:
    """Open at this address of the machine while the block runs."""
    book = Register(host)
    book.open()
    thread = threading.Thread(target=book.serve)
    thread.start()
    try:
        yield book
    finally:
        book.close()
        thread.join()

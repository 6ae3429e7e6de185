"""A book in which trainings in pods sign in, and which sees them leave.

A training connects and writes one line, its trial, its attempt and its pod; it goes on when it
has read the answer. Its connection is open as long as its process lives, so what the
book holds is what ran, whatever the cluster and the log say.
"""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

SIGN_IN = (
    'exec 3<>/dev/tcp/{host}/{port}; echo "$TUNELET_TRIAL $TUNELET_ATTEMPT $HOSTNAME" >&3;'
    " read -r welcome <&3"
)
"""What a training does at first, in bash."""

Attempt = tuple[int, int]
"""The number of a trial, and which attempt."""


class Register:
    def __init__(self, host: str) -> None:
        self._host = host
        self.pods: dict[Attempt, list[str]] = defaultdict(list)
        """The pods in which each attempt trained, one for each time that it did."""
        self.beside: list[tuple[Attempt, Attempt]] = []
        """Attempts of one trial that were there at the same time."""
        self.most = 0
        """The most that trained at the same time."""
        self._there: list[Attempt] = []
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
            self._note(came, pod)
            try:
                if self._wanted:
                    self._wanted.popleft().set_result(pod)
                else:
                    writer.write(b"welcome\n")
                await reader.read()
            finally:
                self._there.remove(came)
        except (ConnectionError, ValueError):
            return  # It was killed before it had written its line, or while it was read.
        finally:
            writer.close()

    def _note(self, came: Attempt, pod: str) -> None:
        self.beside += [(other, came) for other in self._there if other[0] == came[0]]
        self.pods[came].append(pod)
        self._there.append(came)
        self.most = max(self.most, len(self._there))


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

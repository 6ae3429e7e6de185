"""A register in which trainings in pods record their work, and which sees them end.

A training connects and writes its trial, its attempt and its pod; the answer is the step of its
trial's checkpoint. It then writes each value before it prints it, and trains on when it has read
the answer; it writes that it saved a checkpoint, or that it is done. Its connection is open as long
as its process lives, so what the book holds is what ran and what was printed, whatever the cluster
and the log say. The kernel of a living one answers the keep-alives; where none does, the pod's
network was taken down before its last packet had left.
"""

import asyncio
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import combinations
from typing import NamedTuple

STEPS = 4
TRAIN = """
exec 3<>/dev/tcp/{host}/{port}
step=0
trap 'echo "saved $step" >&3; exit $((TUNELET_TRIAL % 2 * 143))' TERM
echo "$TUNELET_TRIAL $TUNELET_ATTEMPT $HOSTNAME" >&3
read -r step <&3
[ "$step" -lt {steps} ] || step=$(({steps} - 1))
while [ "$step" -lt {steps} ]; do
    step=$((step + 1))
    value=$(printf '%d.%02d%02d' "$TUNELET_TRIAL" "$TUNELET_ATTEMPT" "$step")
    echo "value $step $value" >&3
    {printed}
    (read -r on <&3) & wait $!
    sleep 0.3 & wait $!
done
echo "done $step" >&3
read -r -t 10 on <&3
exit 0
"""
"""What a training does, in bash. On SIGTERM it saves a checkpoint; every other trial then exits
with 0. One that finds a checkpoint of the last step gives the value of that step again."""

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
        self.values: dict[Attempt, dict[int, float]] = defaultdict(dict)
        """What each attempt printed, by step."""
        self.done: set[Attempt] = set()
        """The attempts that came to their own end."""
        self.visits: list[Visit] = []
        """Those that were seen to end."""
        self._saved: dict[int, int] = {}
        self._wanted: list[tuple[range, Future[str]]] = []
        self._held: dict[str, asyncio.Event] = {}
        self._loop = asyncio.new_event_loop()

    def training(self, printed: str) -> str:
        """The text of a training; `printed` is how it gives `$value` at `$step`."""
        host, port = self._server.sockets[0].getsockname()[:2]
        return TRAIN.format(host=host, port=port, steps=STEPS, printed=printed)

    def serve(self) -> None:
        """Serve until `close`, in a separate thread, so that trainings are seen in their order."""
        self._loop.run_forever()

    def open(self) -> None:
        listening = asyncio.start_server(self._visit, self._host, 0, backlog=128)
        self._server = self._loop.run_until_complete(listening)

    def detain(self, seconds: float, steps: range = range(1, STEPS)) -> str:
        """The pod of a training that has just printed the value of one of the steps.

        It waits until it gets SIGTERM, or is let go.
        """
        pod: Future[str] = Future()
        self._wanted.append((steps, pod))
        return pod.result(seconds)

    def let_go(self, pod: str) -> None:
        """The training in the pod, that was detained."""
        self._loop.call_soon_threadsafe(self._held[pod].set)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            trial, attempt, pod = (await reader.readline()).decode().split()
            came = (int(trial), int(attempt))
            began = self._loop.time()
            self.pods[came].append(pod)
            _keep_alive(writer)
            writer.write(b"%d\n" % self._saved.get(came[0], 0))
            await self._listen(came, pod, reader, writer)
            self.visits.append(Visit(came, began, self._loop.time()))
        except (OSError, ValueError):
            return  # It was killed before it had written its line, or nobody knows when.
        finally:
            writer.close()

    async def _listen(
        self,
        came: Attempt,
        pod: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Until the process is gone; raises `OSError` if its machine is."""
        answers: set[asyncio.Task[None]] = set()
        try:
            while line := (await reader.readline()).decode():
                word, step, *value = line.split()
                if word == "value":
                    self.values[came][int(step)] = float(value[0])
                    # A task, for its connection is listened to meanwhile.
                    answers.add(asyncio.create_task(self._answer(pod, int(step), writer)))
                    continue
                self._saved[came[0]] = int(step)
                if word == "done":
                    self.done.add(came)
                    # It waits for this: its pod's network goes with it, and maybe its last packet.
                    writer.write(b"on\n")
        except ConnectionResetError:
            return
        finally:
            for answer in answers:
                answer.cancel()

    async def _answer(self, pod: str, step: int, writer: asyncio.StreamWriter) -> None:
        for wanted in self._wanted:
            if step in wanted[0]:
                self._wanted.remove(wanted)
                self._held[pod] = asyncio.Event()
                wanted[1].set_result(pod)
                await self._held[pod].wait()
                break
        writer.write(b"on\n")

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

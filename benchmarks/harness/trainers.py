"""The reporting threads of many training processes, as tasks of one event loop.

A client measures a value at a fixed pace and keeps it. It has one request in progress at a time,
with all the values that it keeps (with `one_by_one`, the first), and sends a request again if the
server asks for that. So a slow answer makes the next request larger, and its delay is always
counted: a report is timed from its measurement until its request is answered.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import NamedTuple


class Load(NamedTuple):
    """The load that the clients make; times in seconds."""

    port: int
    path: str
    """The path of the API, with {} in place of the trial's number."""
    pace: float
    """The reports per second of one client."""
    one_by_one: bool
    warm: float
    seconds: float


class Sent(NamedTuple):
    """The reports that one client sent for its trial."""

    trial: int
    acknowledged: int
    """The number of acknowledged reports, with steps from 0 on."""
    seconds: tuple[float, ...]
    """The time from measurement to answer of each report that was answered in the counted time."""
    requests: int
    refused: int
    """The requests that were sent again after a 5xx or a broken connection."""


class Refused(Exception):
    """The request has to be sent again."""


def report(load: Load, tokens: Sequence[str]) -> list[Sent]:
    """Send the reports of the trials 0 to n - 1, which have these tokens."""
    return asyncio.run(_all(load, tokens))


async def _all(load: Load, tokens: Sequence[str]) -> list[Sent]:
    begin = time.perf_counter() + load.warm
    clients = [_Client(load, trial, token, begin) for trial, token in enumerate(tokens)]
    return await asyncio.gather(*(client.run() for client in clients))


class _Client:
    def __init__(self, load: Load, trial: int, token: str, begin: float) -> None:
        self._load, self._trial, self._begin = load, trial, begin
        self._head = (
            f"POST {load.path.format(trial)} HTTP/1.1\r\nHost: 127.0.0.1:{load.port}\r\n"
            f"Content-Type: application/json\r\nAuthorization: Bearer {token}\r\nContent-Length: "
        )
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self) -> Sent:
        """Measure until the time is over, and send all of it."""
        load = self._load
        # The clients do not all measure at the same moment.
        start = self._begin - load.warm + self._trial % 64 / 64 / load.pace
        end = self._begin + load.seconds
        sent = requests = refused = 0
        seconds: list[float] = []
        while (now := time.perf_counter()) < end:
            measured = int((now - start) * load.pace) + 1
            if measured <= sent:
                await asyncio.sleep(start + sent / load.pace - now)
                continue
            steps = range(sent, sent + 1 if load.one_by_one else min(measured, sent + 1000))
            try:
                await self._send(steps)
            except (Refused, OSError, asyncio.IncompleteReadError):
                refused += 1
                await self._hang_up()
                await asyncio.sleep(0.05)
                continue
            requests, sent = requests + 1, steps.stop
            if self._begin <= (answered := time.perf_counter()) < end:
                seconds += [answered - (start + step / load.pace) for step in steps]
        await self._hang_up()
        return Sent(self._trial, sent, tuple(seconds), requests, refused)

    async def _send(self, steps: range) -> None:
        reports = [{"step": step, "values": {"loss": 1 / (1 + step)}} for step in steps]
        body = json.dumps({"reports": reports}).encode()
        if self._connection is None:
            self._connection = await asyncio.open_connection("127.0.0.1", self._load.port)
        reader, writer = self._connection
        writer.write(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        answer = await reader.readexactly(length)
        status = int(head.split(b" ", 2)[1])
        if status >= 500:
            raise Refused
        if status != 200:
            raise ValueError(f"answered {status}: {answer!r}")
        if b"connection: close" in head:
            await self._hang_up()

    async def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None

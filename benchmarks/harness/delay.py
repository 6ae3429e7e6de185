"""Delays every request to a store by a number of seconds, like the distance to a bucket.

`DelayedStore` wraps a store. `relay` forwards to a server, in another process
(`python -m benchmarks.harness.delay HOST:PORT SECONDS`), to measure with the real client library.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TypeVar

from adapters.storage.wrapper import Kind, StoreWrapper
from tunelet.ports import Store

SECONDS = 0.06
"""The median time of a GET on S3. A PUT takes longer."""

PAGE = 1000
"""The most keys in one answer to a LIST, on S3 and Google Cloud Storage."""

T = TypeVar("T")


class DelayedStore(StoreWrapper):
    """`inner` with a delay: half of it before each request, half after."""

    def __init__(self, inner: Store, seconds: float = SECONDS) -> None:
        super().__init__(inner)
        self._half = seconds / 2

    def request(self, kind: Kind, send: Callable[[], T]) -> T:
        return self._delayed(send)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        keys = self.inner.list(prefix, after, limit)
        more = True
        while more:
            page = self._delayed(lambda: tuple(islice(keys, PAGE)))
            more = len(page) == PAGE
            yield from page

    def _delayed(self, send: Callable[[], T]) -> T:
        time.sleep(self._half)
        answer = send()
        time.sleep(self._half)
        return answer


@contextmanager
def relay(server: str, seconds: float = SECONDS) -> Iterator[str]:
    """Yield an address (host:port) at which `server` answers every request later by the delay."""
    command = [sys.executable, "-m", "benchmarks.harness.delay", server, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class _Exchange:
    """Serve one connection. The delay applies to the first bytes of each request and its answer.

    So each request has it once, whatever the number of its packets. `100 Continue`, after which a
    client continues its request, passes without delay: it takes a server only the distance, about a
    millisecond within a region.
    """

    def __init__(self, half: float) -> None:
        self._half = half
        self._answered = True

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while sent := await reader.read(1 << 16):
            if self._answered:
                self._answered = False
                await asyncio.sleep(self._half)
            writer.write(sent)
            await writer.drain()

    async def back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while sent := await reader.read(1 << 16):
            if not self._answered and not sent.startswith(b"HTTP/1.1 100"):
                self._answered = True
                await asyncio.sleep(self._half)
            writer.write(sent)
            await writer.drain()


async def _relayed(
    server: str, half: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    host, _, port = server.rpartition(":")
    there, back = await asyncio.open_connection(host, int(port))
    exchange = _Exchange(half)
    ways = [
        asyncio.create_task(exchange.forward(reader, back)),
        asyncio.create_task(exchange.back(there, writer)),
    ]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
    for end in (writer, back):
        end.close()


async def _serve(server: str, seconds: float) -> None:
    handle = partial(_relayed, server, seconds / 2)
    listening = await asyncio.start_server(handle, "127.0.0.1", backlog=256)
    host, port = listening.sockets[0].getsockname()
    print(f"{host}:{port}", flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))

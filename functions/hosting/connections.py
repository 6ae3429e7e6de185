"""Limits on the HTTP server's connections: their number, and the time that each may take.

A client that sends nothing, or a byte now and then, must not block others. So a request has to
arrive within a time limit. If all places are taken, the peer with the most connections loses one
without a request in progress: first one that never sent a request, then one that did. A training
that loses its connection between two reports opens a new one.
"""

import errno
import json
import socket
import time
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask

from functions.hosting.dispatcher import Dispatcher
from functions.hosting.framing import CheckedRequest
from functions.http import too_large
from functions.problem import MEDIA_TYPE, document
from tunelet.errors import FieldError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HEADER_SECONDS = 10.0
"""The time limit for a request's headers, from its first byte."""

REQUEST_SECONDS = 60.0
"""The time limit for a whole request."""

IDLE_SECONDS = 30.0
"""The time for which a connection may be open without a request."""

UNREAD_SECONDS = 60.0
"""The time within which a client has to read the next `UNREAD_BYTES` of an answer."""

UNREAD_BYTES = 1 << 16
"""The least part of an answer that counts as read."""

_PENDING_BYTES = 1 << 20
"""The most unread bytes of answers with which a connection gets a further request answered."""

_LOOK_SECONDS = 1
_OTHERS = 2
"""Entries of the server's map that are not connections: the listener and the wake-up pipe."""


def listening(
    app: "WSGIApplication",
    bound: socket.socket,
    threads: int,
    connections: int,
    max_body_bytes: int,
) -> "Server":
    """Make a server at `bound` with at most this many connections. The caller runs it."""
    settings = Adjustments(
        sockets=[bound],
        threads=threads,
        connection_limit=connections + _OTHERS,
        asyncore_use_poll=True,  # select takes no descriptor above 1023
        cleanup_interval=_LOOK_SECONDS,
        log_socket_errors=False,
        max_request_header_size=1 << 15,
        # The server writes a body to disk before a function can refuse it. A body slightly over
        # the limit reaches the function, which refuses it with a message.
        max_request_body_size=_ROOM * max_body_bytes,
    )
    return Server(app, bound, settings)


_ROOM = 4
"""The multiple of the largest body that is read before the connection is closed."""


class _Refusal(ErrorTask):
    """The answer, as problem JSON, to a request that does not reach a function."""

    def execute(self) -> None:
        fault = cast("Any", self.request).error
        status, detail = HTTPStatus(fault.code), str(fault.body)
        errors: Sequence[FieldError] = ()
        if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            refused = too_large(self.channel.adj.max_request_body_size // _ROOM)
            detail, errors = str(refused), refused.errors
        path = getattr(self.request, "path", "/")
        body = json.dumps(document(status, detail, path, errors)).encode()
        self.status = f"{int(status)} {status.phrase}"
        self.response_headers = [("Content-Type", MEDIA_TYPE), ("Cache-Control", "no-store")]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Connection(HTTPChannel):
    """One connection."""

    parser_class = CheckedRequest
    error_task_class = _Refusal

    def __init__(self, *given: Any, **named: Any) -> None:
        self.since = time.monotonic()
        """When the server began to wait for the present request."""
        self.served = False
        """Whether a request on it was answered."""
        self._sent = 0
        self._unread = self.since, 0
        """The time and the bytes sent when the client last read a part of an answer."""
        super().__init__(*given, **named)

    def received(self, data: bytes) -> bool:
        # Line ends before a request do not count: a client that sends only these sends nothing.
        if self.request is None and data.strip(b"\r\n"):
            self.since = time.monotonic()
        return bool(super().received(data))

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent = int(super().send(data, do_close))
        self._sent += sent
        return sent

    def service(self) -> None:
        # Pipelined requests are answered one after the other. Without this the thread would wait
        # until the client has read the first answers, possibly forever.
        if self.total_outbufs_len > _PENDING_BYTES:
            cast("dict[str, str]", self.requests[0].headers)["CONNECTION"] = "close"
        super().service()
        self.since, self.served = time.monotonic(), True

    @property
    def busy(self) -> bool:
        """Whether a request is being answered, or its answer is being sent."""
        return bool(self.requests or self.total_outbufs_len)

    def unread(self, now: float) -> bool:
        """Whether the client does not read the answer. Call it each second; clock as `since`."""
        at, sent = self._unread
        if not self.total_outbufs_len or self._sent - sent >= UNREAD_BYTES:
            self._unread = now, self._sent
            return False
        return now - at > UNREAD_SECONDS

    def overdue(self, now: float) -> bool:
        """Whether it has exceeded a time limit. `now` is of the same clock as `since`."""
        request = self.request
        if self.busy:
            return False
        if request is None or not (request.header_plus or request.headers_finished):
            return now - self.since > IDLE_SECONDS
        limit = REQUEST_SECONDS if request.headers_finished else HEADER_SECONDS
        return now - self.since > limit


class Server(TcpWSGIServer):
    """A server at `bound`, which the caller runs."""

    channel_class = Connection

    def __init__(self, app: "WSGIApplication", bound: socket.socket, settings: Adjustments) -> None:
        self._open: dict[int, socket.socket] = {}
        address = (bound.family, bound.type, bound.proto, bound.getsockname())
        super().__init__(
            app,
            self._open,
            _sock=bound,
            dispatcher=Dispatcher(settings.threads),
            adj=settings,
            bind_socket=False,
            sockinfo=address,
        )

    def end(self) -> None:
        """Close all connections, in the server's own thread: then `run` returns.

        Another thread may call it. An answer that is being sent is cut off.
        """
        cast("Any", self).trigger.pull_trigger(
            lambda: wasyncore.close_all(self._open, ignore_all=True)
        )

    def readable(self) -> bool:
        now = time.time()
        if now >= self.next_channel_cleanup:
            self.next_channel_cleanup = int(now) + self.adj.cleanup_interval
            self.maintenance(int(now))
        return bool(self.accepting) and (not self._full() or self._least() is not None)

    def maintenance(self, now: int) -> None:
        """Replace the base's, which closes a connection if its answer is read slowly."""
        ticks = time.monotonic()
        cast("Dispatcher", self.task_dispatcher).wake()
        for each in self._connections():
            if each.unread(ticks):
                each.handle_close()  # the base would close it only once something can be sent
            elif each.overdue(ticks):
                each.will_close = True

    def accept(self) -> Any:
        if self._full():
            self._give_up_one()
        try:
            return super().accept()
        except OSError as fault:
            if fault.errno in (errno.EMFILE, errno.ENFILE):
                self._give_up_one()  # else the same accept would be tried again, forever
            raise

    def _full(self) -> bool:
        return len(self._open) >= self.adj.connection_limit

    def _connections(self) -> list[Connection]:
        return list(cast("dict[int, Connection]", self.active_channels).values())

    def _least(self) -> Connection | None:
        """Return the connection to close for another; None if all are being answered.

        Connections without an answer come first, then those with an unread answer.
        """
        known = self._connections()
        taken = Counter(_peer(each) for each in known)
        free = (each for each in known if not each.requests)
        return min(
            free,
            key=lambda one: (-taken[_peer(one)], one.busy, one.served, one.since),
            default=None,
        )

    def _give_up_one(self) -> None:
        if (least := self._least()) is not None:
            least.handle_close()


def _peer(connection: Connection) -> str:
    return str(connection.addr[0]) if connection.addr else ""

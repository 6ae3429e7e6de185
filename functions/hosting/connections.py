"""The connections of the HTTP server: how many there are, and how long each may take.

Whoever sends nothing, or a byte now and then, must not keep others out. So a request has to come
within a time, and where all places are taken the peer that has most of them gives one up: that of
a connection on which no request is being answered, and of these one that never sent any before
one that did. A training that keeps its connection between two reports opens another then.
"""

import errno
import json
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask

from functions.hosting.framing import CheckedRequest
from functions.http import too_large
from functions.problem import MEDIA_TYPE, document
from tunelet.errors import FieldError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HEADER_SECONDS = 10.0
"""In which the headers of a request have to be here, from its first byte on."""

REQUEST_SECONDS = 60.0
"""In which all of a request has to be here."""

IDLE_SECONDS = 30.0
"""For which a connection may be open without a request."""

UNREAD_SECONDS = 60.0
"""In which a reader has to take an answer, or a part of it, or its connection is closed."""

UNREAD_BYTES = 1 << 16
"""How large such a part is at least."""

_PENDING_BYTES = 1 << 20
"""How much of its answers a connection may leave unread and have a further request answered."""

_LOOK_SECONDS = 1
_OTHERS = 2
"""What the server's map holds besides connections: where it listens, and its own wake-up call."""


def listening(
    app: "WSGIApplication",
    bound: socket.socket,
    threads: int,
    connections: int,
    max_body_bytes: int,
) -> TcpWSGIServer:
    """A server at `bound` that has at most so many connections, to be run."""
    settings = Adjustments(
        sockets=[bound],
        threads=threads,
        connection_limit=connections + _OTHERS,
        asyncore_use_poll=True,  # select takes no descriptor above 1023
        cleanup_interval=_LOOK_SECONDS,
        log_socket_errors=False,
        max_request_header_size=1 << 15,
        # It writes to disk what it is sent, before a function can refuse it. What is a
        # little too large is for the function to refuse, with words.
        max_request_body_size=_ROOM * max_body_bytes,
    )
    address = (bound.family, bound.type, bound.proto, bound.getsockname())
    return _Server(app, _sock=bound, adj=settings, bind_socket=False, sockinfo=address)


_ROOM = 4
"""How many times the largest body is read before the connection is cut."""


class _Refusal(ErrorTask):
    """The answer to a request that never gets to a function, as problem JSON."""

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
        """Since when a request is awaited, or is being sent."""
        self.served = False
        """It has been answered a request."""
        self._sent = 0
        self._unread = self.since, 0
        """When so many bytes were sent: since then the reader has taken next to nothing."""
        super().__init__(*given, **named)

    def received(self, data: bytes) -> bool:
        # Line ends before a request are none of it: one that sends these alone sends nothing.
        if self.request is None and data.strip(b"\r\n"):
            self.since = time.monotonic()
        return bool(super().received(data))

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent = int(super().send(data, do_close))
        self._sent += sent
        return sent

    def service(self) -> None:
        # Requests that come together are answered one after the other. Without this the thread
        # would wait until the reader has taken the answers to the first, for ever if need be.
        if self.total_outbufs_len > _PENDING_BYTES:
            cast("dict[str, str]", self.requests[0].headers)["CONNECTION"] = "close"
        super().service()
        self.since, self.served = time.monotonic(), True

    @property
    def busy(self) -> bool:
        """A request is being answered, or its answer is on its way."""
        return bool(self.requests or self.total_outbufs_len)

    def unread(self, now: float) -> bool:
        """Its reader does not take the answer. To be asked each second, by the clock of `since`."""
        at, sent = self._unread
        if not self.total_outbufs_len or self._sent - sent >= UNREAD_BYTES:
            self._unread = now, self._sent
            return False
        return now - at > UNREAD_SECONDS

    def overdue(self, now: float) -> bool:
        """It takes longer than a connection may. `now` is of the same clock as `since`."""
        request = self.request
        if self.busy:
            return False
        if request is None or not (request.header_plus or request.headers_finished):
            return now - self.since > IDLE_SECONDS
        limit = REQUEST_SECONDS if request.headers_finished else HEADER_SECONDS
        return now - self.since > limit


class _Server(TcpWSGIServer):
    channel_class = Connection
    _map: Mapping[int, object]

    def readable(self) -> bool:
        now = time.time()
        if now >= self.next_channel_cleanup:
            self.next_channel_cleanup = int(now) + self.adj.cleanup_interval
            self.maintenance(int(now))
        return bool(self.accepting) and (not self._full() or self._least() is not None)

    def maintenance(self, now: int) -> None:
        """Without the base's own, which closes a connection whose answer is read slowly."""
        ticks = time.monotonic()
        for each in self._connections():
            if each.unread(ticks):
                each.handle_close()  # it would be closed by itself once something can be sent
            elif each.overdue(ticks):
                each.will_close = True

    def accept(self) -> Any:
        if self._full():
            self._give_up_one()
        try:
            return super().accept()
        except OSError as fault:
            if fault.errno in (errno.EMFILE, errno.ENFILE):
                self._give_up_one()  # else the same would be tried again at once, and for ever
            raise

    def _full(self) -> bool:
        return len(self._map) >= self.adj.connection_limit

    def _connections(self) -> list[Connection]:
        return list(cast("dict[int, Connection]", self.active_channels).values())

    def _least(self) -> Connection | None:
        """The connection to give up for another; None if all are being answered.

        One whose answer only waits to be read is given up after those that have none.
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

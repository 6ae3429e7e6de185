"""Serve the API and the page in a thread, beside a search that runs in this process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request

from functions.events.outbox import Nowhere, Outbox
from functions.hosting.connections import listening
from functions.hosting.host_check import guarded
from functions.wiring import function
from tunelet.service import Service

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOST = "127.0.0.1"
THREADS = 8
CONNECTIONS = 64


@contextmanager
def shown(service: Service, max_body_bytes: int) -> Iterator[str]:
    """Serve on a free port of this machine as long as the context lasts; give the address.

    Only this machine's own pages and programs may use it. It ends within a second; an answer that
    is being sent then is cut off.
    """
    answer = guarded(function("api", service, Outbox(Nowhere()), max_body_bytes), HOST, ())

    def app(environ: "WSGIEnvironment", start: "StartResponse") -> Iterator[bytes]:
        return iter(answer(Request(environ))(environ, start))

    with socket.create_server((HOST, 0)) as bound:
        server = listening(app, bound, THREADS, CONNECTIONS, max_body_bytes)
        thread = threading.Thread(target=server.run, name="page", daemon=True)
        thread.start()
        try:
            yield f"http://{HOST}:{bound.getsockname()[1]}"
        finally:
            server.end()
            thread.join()
            server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)

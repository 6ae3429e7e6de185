"""The event of the schedule is sent until it is accepted."""

import socket
import threading

from functions.hosting.cron import ping


def test_an_event_that_is_not_taken_at_once_is_sent_again() -> None:
    received = list[bytes]()

    def serve(bound: socket.socket) -> None:
        refused, _ = bound.accept()
        refused.close()
        taken, _ = bound.accept()
        with taken:
            received.append(taken.recv(1 << 16))
            taken.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = threading.Thread(target=serve, args=(bound,))
        server.start()
        ping(f"http://127.0.0.1:{bound.getsockname()[1]}/")
        server.join()
    assert b"dev.tunelet.sweep.requested" in received[0]

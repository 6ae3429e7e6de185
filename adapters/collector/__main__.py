"""Handles SIGTERM before anything else, and exits with 0 after it."""

import signal
from threading import Event, Thread


def main() -> None:
    ended = Event()
    # The first process of a container ignores signals that it does not handle, and a training may
    # end before everything is imported.
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    from adapters.collector.collect import work

    # In a thread: a fault of the collector is printed, and does not end the process with an error.
    worker = Thread(target=work, args=(ended,))
    worker.start()
    worker.join()
    # Kubernetes would restart the sidecar if it ended before the training.
    ended.wait()


if __name__ == "__main__":
    main()

"""Listens for the end before all else, and exits with 0 when it has come."""

import signal
from threading import Event, Thread


def main() -> None:
    ended = Event()
    # The first process of a container is deaf to signals that it does not handle, and a training
    # may end before everything is imported.
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    from adapters.collector.collect import work

    # What is amiss with the collector is told by its thread, and is no verdict on the training.
    worker = Thread(target=work, args=(ended,))
    worker.start()
    worker.join()
    # Kubernetes would start again what ends before the training does.
    ended.wait()


if __name__ == "__main__":
    main()

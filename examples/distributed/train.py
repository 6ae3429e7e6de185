"""Data-parallel training by several processes that average their gradients over sockets.

Every process has the same small network and a part of the data. After each step they average their
gradients: all send theirs to rank 0, which sends the mean back. So all do the same step, and any
number of processes computes the same result as one alone.

A process gets its rank from the variables of PyTorch's launchers: RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT. Without them it trains alone.
"""

import argparse
import os
import socket
import struct
import time

# Read when numpy is imported: the network is small.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

POINTS = 3000
PATIENCE_SECONDS = 300.0
"""The time for the other processes to start, because they may have to wait for nodes."""


class Group:
    """The connections of this process to rank 0, or of rank 0 to all others."""

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        address = os.environ.get("MASTER_ADDR", "127.0.0.1")
        port = int(os.environ.get("MASTER_PORT", "29500"))
        if self.rank == 0:
            self._others = self._accept(port) if self.size > 1 else []
        else:
            self._others = [self._connect(address, port)]

    def mean(self, mine: np.ndarray) -> np.ndarray:
        """Return the mean of the arrays of all processes; the same bits in each process."""
        if self.rank != 0:
            self._send(self._others[0], mine)
            return self._receive(self._others[0])
        total = mine.copy()
        for other in self._others:
            total += self._receive(other)
        total /= self.size
        for other in self._others:
            self._send(other, total)
        return total

    def _accept(self, port: int) -> list[socket.socket]:
        with socket.create_server(("", port), backlog=self.size) as server:
            server.settimeout(PATIENCE_SECONDS)
            joined = [server.accept()[0] for _ in range(self.size - 1)]
        # By rank, because the sum of floats depends on the order.
        return [each for _, each in sorted((self._number(each), each) for each in joined)]

    def _connect(self, address: str, port: int) -> socket.socket:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                made = socket.create_connection((address, port), timeout=10)
                break
            except OSError:  # Rank 0 does not run yet, or has no name yet.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        made.settimeout(PATIENCE_SECONDS)
        made.sendall(struct.pack("<I", self.rank))
        return made

    def _number(self, other: socket.socket) -> int:
        other.settimeout(PATIENCE_SECONDS)
        return int(struct.unpack("<I", self._read(other, 4))[0])

    @staticmethod
    def _send(to: socket.socket, values: np.ndarray) -> None:
        to.sendall(struct.pack("<I", values.nbytes) + values.tobytes())

    def _receive(self, source: socket.socket) -> np.ndarray:
        (size,) = struct.unpack("<I", self._read(source, 4))
        return np.frombuffer(self._read(source, size))

    @staticmethod
    def _read(source: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = source.recv(size - len(data))
            if not piece:
                raise ConnectionError("another process has ended")
            data += piece
        return data


def spirals(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on two spirals, and the spiral of each point."""
    random = np.random.default_rng(seed)
    which = random.integers(0, 2, POINTS)
    angle = np.sqrt(random.random(POINTS)) * 3 * np.pi
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) * angle[:, None] / (3 * np.pi)
    x = np.where(which[:, None] == 1, x, -x) + random.normal(0, 0.02, (POINTS, 2))
    return x, which.astype(float)


class Network:
    """A network with one hidden layer. One vector has all parameters, so it can be averaged."""

    def __init__(self, width: int) -> None:
        random = np.random.default_rng(0)
        self.width = width
        self.parameters = random.normal(0, 1, 4 * width + 1)
        self.parameters[: 2 * width] *= 5

    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        w = self.width
        a, b, c = np.split(self.parameters[: 4 * w], [2 * w, 3 * w])
        return a.reshape(2, w), b, c, float(self.parameters[-1])

    def probability(self, x: np.ndarray) -> np.ndarray:
        a, b, c, d = self.parts()
        return 1 / (1 + np.exp(-np.clip(np.tanh(x @ a + b) @ c + d, -30, 30)))

    def gradient(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The gradient of the mean cross entropy."""
        a, b, c, _ = self.parts()
        hidden = np.tanh(x @ a + b)
        error = (self.probability(x) - y) / len(y)
        back = np.outer(error, c) * (1 - hidden**2)
        return np.concatenate([(x.T @ back).ravel(), back.sum(0), hidden.T @ error, [error.sum()]])


def main() -> None:
    options = arguments()
    group = Group()
    x, y = spirals(seed=1)
    x, y = x[group.rank :: group.size], y[group.rank :: group.size]
    x_valid, y_valid = spirals(seed=2)
    network = Network(options.width)
    momentum = np.zeros_like(network.parameters)
    for epoch in range(1, options.epochs + 1):
        for _ in range(20):
            gradient = group.mean(network.gradient(x, y))
            momentum = 0.9 * momentum - options.learning_rate * gradient
            network.parameters = network.parameters + momentum
        if group.rank == 0:
            error = np.mean((network.probability(x_valid) > 0.5) != y_valid)
            print(f"epoch {epoch}: step={epoch} objective={error:.6f}", flush=True)
        if group.mean(np.array([float(told_to_stop())]))[0] > 0:
            break


def told_to_stop() -> bool:
    """Whether any process has seen the stop file; one may see it before the others."""
    return os.path.exists(os.environ.get("TUNELET_STOP_FILE", ""))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning_rate", type=float, default=1.0)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    main()

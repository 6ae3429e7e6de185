"""Keep what each call of a function prints, by the thread that makes the call.

`sys.stdout` and `sys.stderr` are wrapped: all text appears where it did before, and text from the
thread of a call is kept, too. Threads and processes that a function starts itself, and code that
writes to the descriptors directly, are not seen.
"""

import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

KEPT_CHARACTERS = 1 << 20
"""The most characters that are kept of one call. Of more text, the middle is dropped."""


class Printed:
    """The text that one call has printed: its beginning and its end."""

    def __init__(self, most: int = KEPT_CHARACTERS) -> None:
        self._half = most // 2
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._in_head = self._in_tail = self._dropped = 0

    def __bool__(self) -> bool:
        return bool(self._head)

    def add(self, text: str) -> None:
        if self._in_head < self._half:
            self._head.append(text[: self._half - self._in_head])
            self._in_head += len(self._head[-1])
            text = text[len(self._head[-1]) :]
        if len(text) > self._half:
            self._dropped += len(text) - self._half
            text = text[-self._half :]
        if text:
            self._tail.append(text)
            self._in_tail += len(text)
        while self._in_tail - len(self._tail[0] if self._tail else "") > self._half:
            gone = self._tail.popleft()
            self._in_tail -= len(gone)
            self._dropped += len(gone)

    def text(self) -> str:
        middle = f"\ntunelet: {self._dropped} characters are left out here\n"
        return "".join([*self._head, middle if self._dropped else "", *self._tail])


class _Calls(threading.local):
    printed: Printed | None = None


_calls = _Calls()


@contextmanager
def printing_to(printed: Printed) -> Iterator[None]:
    """Keep what this thread prints in `printed`."""
    _calls.printed = printed
    try:
        yield
    finally:
        _calls.printed = None


class _Stream:
    """A text stream that keeps what the thread of a call writes."""

    def __init__(self, inner: TextIO) -> None:
        self._inner = inner

    def write(self, text: str) -> int:
        if _calls.printed is not None:
            _calls.printed.add(text)
        return self._inner.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Installed:
    """Wraps the streams while any search of this process needs them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: dict[str, TextIO] = {}

    def enter(self) -> None:
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if stream is not None:
                    self._before[name] = stream
                    setattr(sys, name, _Stream(stream))

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
            for name, stream in self._before.items():
                if getattr(getattr(sys, name), "_inner", None) is stream:
                    setattr(sys, name, stream)
            self._before.clear()


_installed = _Installed()


@contextmanager
def kept() -> Iterator[None]:
    """Let `printing_to` have an effect, until the block ends."""
    _installed.enter()
    try:
        yield
    finally:
        _installed.leave()

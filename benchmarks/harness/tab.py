"""A tab of Chromium: its memory, its processor time, and what it asks for."""

from threading import Event, Timer
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from playwright.sync_api import Page, Response

LIVE_SECONDS = 30
PATIENCE_SECONDS = 300


def tab() -> psutil.Process:
    """The process of the largest tab that this program's browser has."""
    tabs = [
        process
        for process in psutil.Process().children(recursive=True)
        if "--type=renderer" in (words := process.cmdline()) and "--top-chrome-webui" not in words
    ]
    return max(tabs, key=lambda process: process.memory_full_info().uss)


def tab_mib() -> float:
    """The memory that only the tab's process has."""
    return float(tab().memory_full_info().uss) / (1 << 20)


def processor_s(process: psutil.Process) -> float:
    """The seconds of the processor that a process has used, with those of its children."""
    family = [process, *process.children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in family)


class Answers:
    """Counts the answers to a page, and their bytes as they are sent."""

    def __init__(self, page: "Page") -> None:
        self._sizes: list[int] = []
        page.on("response", self._note)

    def _note(self, answer: "Response") -> None:
        self._sizes.append(int(answer.headers.get("content-length", 0)))

    @property
    def kib(self) -> float:
        return sum(self._sizes) / 1024

    def live(self, page: "Page") -> dict[str, float]:
        """The answers of a minute from now on."""
        self._sizes.clear()
        page.wait_for_timeout(LIVE_SECONDS * 1000)
        minutes = LIVE_SECONDS / 60
        return {"live_requests": len(self._sizes) / minutes, "live_kib": self.kib / minutes}


def seen(page: "Page", name: str, patience: float = PATIENCE_SECONDS) -> float | None:
    """Wait for a number of the page's own, in milliseconds, and return it as seconds.

    Returns None if there is none within `patience` seconds. Then the tab is killed, because one
    that is too busy to say anything would not even let itself be closed.
    """
    from playwright.sync_api import Error

    late = Event()

    def kill() -> None:
        late.set()
        tab().kill()

    limit = Timer(patience, kill)
    limit.start()
    try:
        while (found := page.evaluate(f"window.{name}")) is None:
            page.wait_for_timeout(100)
    except Error:
        if not late.is_set():
            raise
        return None
    finally:
        limit.cancel()
    return float(found) / 1000

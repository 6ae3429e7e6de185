"""The page in Chromium over logs of 100, 10,000 and 100,000 trials with 10 reports each.

The log is that of `load`, written through the real journal and kept in TMPDIR. A new process serves
it, and a new tab opens the experiment at its parallel coordinates. Times count from the navigation:
`picture` until the first trials are drawn, `whole` until all are read. A brush is dragged along the
axis of the objective; its time is from the pointer's move to the next frame. The memory is what
only the tab's process has (USS). `live` counts the requests of a minute in sight, and their bytes.

`packed` is all of the page's files, compressed. Needs Chromium, and the page built by `make page`.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

from benchmarks.harness.figures import Figures
from benchmarks.harness.reading import NAME
from benchmarks.harness.service import store_of, up
from benchmarks.harness.table import show
from benchmarks.load import kept, write, written
from functions.page import BUILT
from functions.page.files import packed_bytes

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = (100, 10_000, 100_000)
ROUNDS = 3
LIVE_SECONDS = 12
_WATCH = """
(() => {
  const drawn = (canvas) => canvas && canvas.width > 1 && canvas.getContext("2d")
    .getImageData(0, 0, canvas.width, canvas.height).data.some((part) => part);
  const look = () => {
    if (!window.picture && drawn(document.querySelector(".canvas canvas"))) {
      window.picture = performance.now();
    }
    const said = document.querySelector(".filter .end")?.textContent ?? "reading";
    if (!window.whole && !said.includes("reading")) window.whole = performance.now();
    if (!window.picture || !window.whole) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
_BRUSH = """
async () => {
  const canvas = [...document.querySelectorAll(".canvas.over canvas")].pop();
  canvas.setPointerCapture = () => {};
  const { left, top, height } = canvas.getBoundingClientRect();
  const fire = (type, y) => canvas.dispatchEvent(new PointerEvent(type,
    { bubbles: true, pointerId: 1, button: 0, clientX: left + 56, clientY: top + y }));
  const times = [];
  fire("pointerdown", 40);
  for (let step = 1; step <= 30; step += 1) {
    const began = performance.now();
    fire("pointermove", 40 + (step * (height - 90)) / 30);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
    times.push(performance.now() - began);
  }
  fire("pointerup", height - 50);
  return times;
}
"""


def run(quick: bool) -> Figures:
    chromium = shutil.which("chromium")
    if chromium is None or not (BUILT / "index.html").exists():
        sys.exit("page needs Chromium (the Debian package chromium), and the page: make page")
    from playwright.sync_api import sync_playwright

    found: dict[str, Figures] = {}
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=sandbox)
        for trials in SIZES[:2] if quick else SIZES:
            log = written(kept() / f"log-{trials}", trials, write)
            rounds = [measure(browser, log) for _ in range(1 if quick else ROUNDS)]
            found[str(trials)] = {name: median(each[name] for each in rounds) for name in rounds[0]}
        browser.close()
    packed = packed_bytes()
    _show(found, packed)
    return {"packed": packed, **found}


def measure(browser: "Browser", log: Path) -> dict[str, float]:
    """Open the experiment of a log in a new tab of a new service."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        Path(store_of(data).removeprefix("file://")).symlink_to(log, target_is_directory=True)
        with up(data, 0.0) as service:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.add_init_script(_WATCH)
            page.goto(f"{service.url}/#/default/{NAME}?view=parallel")
            figures = _times(page)
            brush: list[float] = page.evaluate(_BRUSH)
            figures |= {"brush_ms": median(brush), "brush_worst_ms": max(brush)}
            figures["tab_mib"] = _tab_mib()
            figures |= _live(page)
            context.close()
            service.end()
    return figures


def _times(page: "Page") -> dict[str, float]:
    deadline = time.monotonic() + 300
    while (whole := page.evaluate("window.whole")) is None:
        if time.monotonic() > deadline:
            sys.exit("the page has not read all trials after five minutes")
        page.wait_for_timeout(100)
    page.wait_for_timeout(1000)
    return {"picture_s": page.evaluate("window.picture") / 1000, "whole_s": whole / 1000}


def _tab_mib() -> float:
    """The memory of the largest tab that this program's browser has."""
    tabs = [
        process
        for process in psutil.Process().children(recursive=True)
        if "--type=renderer" in process.cmdline()
    ]
    return max(process.memory_full_info().uss for process in tabs) / (1 << 20)


def _live(page: "Page") -> dict[str, float]:
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(int(answer.headers.get("content-length", 0))))
    page.wait_for_timeout(LIVE_SECONDS * 1000)
    minutes = LIVE_SECONDS / 60
    return {"live_requests": len(sizes) / minutes, "live_kib": sum(sizes) / 1024 / minutes}


def _show(found: Mapping[str, Figures], packed: float) -> None:
    names = list(next(iter(found.values())))
    rows = [[size, *(f"{figures[name]:.2f}" for name in names)] for size, figures in found.items()]
    show(f"The page, {packed / 1024:.0f} KiB compressed", ["trials", *names], rows)

"""The page in Chromium over logs of 100, 10,000 and 100,000 trials with 10 reports each.

The log is that of `load`, written through the real journal and kept in TMPDIR. A new process serves
it, and a new tab opens the experiment at its parallel coordinates. Times count from the navigation:
`picture` until the first trials are drawn, `whole` until all are read. A brush is dragged along the
axis of the objective; its time is from the pointer's move to the next frame. The memory is what
only the tab's process has (USS). `cpu` are seconds of the processor until all is read: they say
more than times if other work uses the machine. `read` are the bytes of the answers by then, as
sent. `live` counts the requests of a minute in sight, and their bytes.

optuna-dashboard shows a study with the same values, in the same browser, once for each number of
trials, up to the first with which it shows nothing in five minutes. Its first picture is the
history of the objective, which it draws when it has read all trials.

`packed` is all of the page's files, compressed. Needs Chromium, and the page built by `make page`;
without optuna-dashboard its rows are left out.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

from benchmarks.harness import dashboard
from benchmarks.harness.figures import Figures
from benchmarks.harness.reading import NAME
from benchmarks.harness.service import store_of, up
from benchmarks.harness.tab import Answers, processor_s, seen, tab, tab_mib
from benchmarks.harness.table import show
from benchmarks.load import kept, write, written
from functions.page import BUILT
from functions.page.files import packed_bytes

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIZES = (100, 10_000, 100_000)
ROUNDS = 3
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
    theirs: dict[str, Figures] = {}
    rounds = 1 if quick else ROUNDS
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=sandbox)
        for trials in SIZES[:2] if quick else SIZES:
            log = written(kept() / f"log-{trials}", trials, write)
            found[str(trials)] = _medians([measure(browser, log) for _ in range(rounds)])
            if find_spec("optuna_dashboard") and len(theirs) + 1 == len(found):
                theirs |= _beside(browser, trials)
        browser.close()
    packed = packed_bytes()
    _show(f"The page, {packed / 1024:.0f} KiB compressed", found)
    if not theirs:
        print("The rows of optuna-dashboard are left out: it is not installed\n")
        return {"packed": packed, **found}
    packed_there = dashboard.packed_bytes()
    _show(f"optuna-dashboard, {packed_there / 1024:.0f} KiB compressed", theirs)
    return {"packed": packed, **found, "dashboard": {"packed": packed_there, **theirs}}


def _beside(browser: "Browser", trials: int) -> dict[str, Figures]:
    """The figures of optuna-dashboard by the number of trials; none if it shows nothing.

    Once for each number, and no further after it showed nothing: each try takes minutes.
    """
    study = written(kept() / f"dashboard-{trials}", trials, dashboard.study)
    figures = dashboard.measure(browser, study / "journal")
    return {str(trials): figures} if figures else {}


def _medians(rounds: Sequence[dict[str, float]]) -> Figures:
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def measure(browser: "Browser", log: Path) -> dict[str, float]:
    """Open the experiment of a log in a new tab of a new service."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        Path(store_of(data).removeprefix("file://")).symlink_to(log, target_is_directory=True)
        with up(data, 0.0) as service:
            server = psutil.Process(service.pid)
            before = processor_s(server)
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            answers = Answers(page)
            page.add_init_script(_WATCH)
            page.goto(f"{service.url}/#/default/{NAME}?view=parallel")
            picture, whole = seen(page, "picture"), seen(page, "whole")
            if picture is None or whole is None:
                sys.exit("the page has not read all trials after five minutes")
            figures = {
                "picture_s": picture,
                "whole_s": whole,
                "tab_cpu_s": processor_s(tab()),
                "server_cpu_s": processor_s(server) - before,
                "read_kib": answers.kib,
            }
            page.wait_for_timeout(1000)
            brush: list[float] = page.evaluate(_BRUSH)
            figures |= {"brush_ms": median(brush), "brush_worst_ms": max(brush)}
            figures |= {"tab_mib": tab_mib(), **answers.live(page)}
            context.close()
            service.end()
    return figures


def _show(heading: str, found: Mapping[str, Figures]) -> None:
    names = list(next(iter(found.values())))
    rows = [[size, *(f"{figures[name]:.2f}" for name in names)] for size, figures in found.items()]
    show(heading, ["trials", *names], rows)

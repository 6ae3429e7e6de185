"""A real service, and Debian's Chromium on its page. A fault in the browser fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from functions.page import BUILT
from tests.e2e.conftest import Up
from tests.guard import end_all

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
AXE = Path(__file__).resolve().parents[2] / "page" / "node_modules" / "axe-core" / "axe.min.js"
SCRIPT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
"""What must never run, wherever it is stored."""

TRAIN = """
for each in "$@"; do
    case $each in --rate=*) rate=${each#*=};; --pause=*) pause=${each#*=};; esac
done
echo "$GREETING"
for step in 1 2 3; do echo "step=$step objective=$rate"; sleep ${pause:-0}; done
"""
SPACE = {
    "rate": {"type": "float", "min": 0.1, "max": 1},
    "kind": {"type": "categorical", "choices": ["plain", SCRIPT]},
}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One for all tests: a process can have one Playwright at a time."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("needs Chromium (the Debian package chromium)")
    # Not the usual 5 s: on a busy machine an answer may take longer.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not work for root.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        launched = playwright.chromium.launch(executable_path=found, args=sandbox)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def browser(chromium: Browser) -> Browser:
    if not (BUILT / "index.html").exists():
        pytest.skip("needs the built page: run make page")
    return chromium


@contextmanager
def serving(folder: Path, **scripts: str) -> Iterator[Up]:
    """A service with an alias for each script. Nothing of it is left afterwards."""
    aliases = list[str]()
    for name, script in scripts.items():
        (folder / f"{name}.sh").write_text(script)
        aliases += ["--alias", f"{name}=sh {folder / name}.sh"]
    up = Up(folder / "data", *aliases)
    try:
        yield up
    finally:
        up.close()
        end_all(folder)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with serving(tmp_path_factory.mktemp("page"), train=TRAIN) as up:
        yield up


@pytest.fixture(scope="session")
def ended(service: Up) -> str:
    """An experiment of 12 trials that has ended, with a script wherever one can be stored."""
    submit(service, "ended", labels={"said": SCRIPT}, max_trials=12, parallel_trials=4)
    noted = {"rate": 0.5, "kind": SCRIPT}
    service.client.enqueue("ended", [noted], note=SCRIPT)
    service.client.wait("ended", timeout=120)
    return "ended"


def submit(service: Up, name: str, **fields: Any) -> None:
    code = {"image": "train", "env": {"GREETING": SCRIPT}}
    request = {"name": name, "model_training_code": code, "hyperparameters": SPACE}
    service.client.submit({"hpo_algorithm": "random_search", **request, **fields})


Open = Callable[..., Page]


@pytest.fixture
def shown(browser: Browser, service: Up) -> Iterator[Open]:
    """Open the page at an address behind #. Whatever the browser complains of fails the test.

    So does a request to another host, except to that of `also`.
    """
    contexts, faults = [], list[str]()

    def opened(
        address: str = "", url: str = "", provoked: str = "\0", also: str = "", **options: Any
    ) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(path=AXE)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.extend(_complaint(said, provoked)))
        base = url or f"{service.url}/"
        page.on("request", lambda request: _own(request, (base, also), faults))
        page.goto(f"{base}{address}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def _complaint(said: ConsoleMessage, provoked: str) -> list[str]:
    """What the browser complains of, except for refusals and what the test provokes."""
    expected = any(each in said.text for each in ("Failed to load resource", provoked))
    return [said.text] if said.type == "error" and not expected else []


def _own(request: Request, allowed: tuple[str, ...], faults: list[str]) -> None:
    if urlsplit(request.url).netloc not in [urlsplit(each).netloc for each in allowed]:
        faults.append(f"a request to {request.url}")

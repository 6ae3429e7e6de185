"""Make the documents' pictures of the page: each view, narrow and wide, light and dark.

`python -m tests.browser.shown FOLDER` searches first, which takes some minutes. With the address
of a service that has done so already, it only takes the pictures.
"""

import base64
import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.shown.searches import COMPARED, searched

SIZES = ((1440, 900), (360, 740))
SCHEMES = ("light", "dark")
MOST_BYTES = 100_000
QUALITY = 70
SETTLED_MS = 1500
"""Long enough for the sparklines, which wait until a row stays in sight."""
_ONE, _TWO = "#/default/digits", "#/default/digits-small"
PLACES = {
    "list": "#/",
    **{
        view: f"{_ONE}?view={view}"
        for view in ("history", "parallel", "slices", "scatter", "curves", "importance", "timeline")
    },
    "front": f"{_TWO}?view=front",
    "trial": f"{_ONE}?trial=7",
    "compare": f"#/default/=?names={','.join(COMPARED)}&log=1",
    "submit": "#/default/+?from=digits",
}


def main(folder: Path, url: str | None) -> None:
    if url is not None:
        take_all(folder, url)
        return
    with tempfile.TemporaryDirectory() as data, searched(Path(data)) as up:
        take_all(folder, up.url)


def take_all(folder: Path, url: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("needs Chromium (the Debian package chromium)")
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=sandbox)
        sizes = [take(browser, folder, url, name) for name in PLACES]
        browser.close()
    print(f"{sum(sizes) / 1e6:.1f} MB in {folder}")


def take(browser: Browser, folder: Path, url: str, name: str) -> int:
    """Take one view's pictures; return their bytes together."""
    total = 0
    for (width, height), scheme in ((size, each) for size in SIZES for each in SCHEMES):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = context.new_page()
        page.goto(f"{url}/{PLACES[name]}")
        page.wait_for_selector("main section, main form")
        page.wait_for_timeout(SETTLED_MS)
        picture = webp(page)
        context.close()
        (folder / f"page-{name}-{width}-{scheme}.webp").write_bytes(picture)
        if len(picture) > MOST_BYTES:
            sys.exit(f"{name} at {width} has {len(picture)} bytes, more than {MOST_BYTES}")
        total += len(picture)
    return total


def webp(page: Page) -> bytes:
    """A picture of what is in sight; Playwright itself makes only larger formats."""
    session = page.context.new_cdp_session(page)
    settings = {"format": "webp", "quality": QUALITY}
    return base64.b64decode(session.send("Page.captureScreenshot", settings)["data"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)

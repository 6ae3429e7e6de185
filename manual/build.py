"""Builds the site: `python -m manual.build ZENSICAL DIST` writes DIST/site with that program.

Reads nothing from the internet. A warning of the program fails the build. So does a title of the
navigation that the first page does not show as a link.
"""

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

from manual.source import ROOT, Broken, Source
from tunelet.version import __version__

_PAGE = re.compile(r'^ *\{ "([^"]+)" = "([^"]+)" \},$', re.MULTILINE)
_NAVIGATION = re.compile(r'<a href="([^"]+)" class="md-nav__link[^"]*">(.*?)</a>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


def navigation(text: str) -> list[str]:
    """The pages that the configuration's navigation names, in its order."""
    return [page for _, page in _PAGE.findall(text)]


def unlinked(text: str, home: str) -> list[str]:
    """The titles of the configuration's navigation that `home`, the first page, does not link."""
    links = {
        html.unescape(" ".join(_TAG.sub("", shown).split())): url.removeprefix("./")
        for url, shown in _NAVIGATION.findall(home)
    }
    pages = [(title, page.removesuffix(".md") + ".html") for title, page in _PAGE.findall(text)]
    return [title for title, page in pages if links.get(title) != page]


def configuration(text: str, pages: list[str]) -> str:
    """The configuration with this version. Raises `Broken` if it names an absent page."""
    if absent := sorted({*navigation(text)} - {*pages}):
        raise Broken(f"zensical.toml names pages that do not exist: {', '.join(absent)}")
    return text.replace("VERSION", __version__)


def build(program: str, dist: Path) -> None:
    """Write the site's source, its configuration and the site into `dist`."""
    source = dist / "site-source"
    for folder in (source, dist / "site"):
        shutil.rmtree(folder, ignore_errors=True)
    pages = Source(source).write()
    config = dist / "site.toml"
    wanted = (ROOT / "zensical.toml").read_text()
    config.write_text(configuration(wanted, pages))
    command = [program, "build", "--clean", "--strict", "--config-file", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"make docs: the site was not built:\n{(done.stdout + done.stderr)[-4000:]}")
    if lost := unlinked(wanted, (dist / "site" / "index.html").read_text()):
        sys.exit(f"make docs: the navigation does not show {', '.join(lost)}")
    # Both would need the site's address, which it does not know.
    for name in ("404.html", "sitemap.xml"):
        (dist / "site" / name).unlink(missing_ok=True)


if __name__ == "__main__":
    build(sys.argv[1], Path(sys.argv[2]).resolve())

"""Builds the site: `python -m manual.build ZENSICAL DIST` writes DIST/site with that program.

Reads nothing from the internet. A warning of the program fails the build.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from manual.source import ROOT, Broken, Source
from tunelet.version import __version__

_PAGE = re.compile(r'^ *\{ "[^"]+" = "([^"]+)" \},$', re.MULTILINE)


def navigation(text: str) -> list[str]:
    """The pages that the configuration's navigation names, in its order."""
    return _PAGE.findall(text)


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
    config.write_text(configuration((ROOT / "zensical.toml").read_text(), pages))
    command = [program, "build", "--clean", "--strict", "--config-file", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"make docs: the site was not built:\n{(done.stdout + done.stderr)[-4000:]}")
    # Both would need the site's address, which it does not know.
    for name in ("404.html", "sitemap.xml"):
        (dist / "site" / name).unlink(missing_ok=True)


if __name__ == "__main__":
    build(sys.argv[1], Path(sys.argv[2]).resolve())

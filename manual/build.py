"""Builds the site: `python -m manual.build ZENSICAL DIST` writes DIST/site with that program.

Reads nothing from the internet. A warning of the program fails the build.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from manual.source import ROOT, Source
from tunelet.version import __version__

_PAGE = re.compile(r'^ *\{ "[^"]+" = "([^"]+)" \},$')


def configuration(text: str, pages: list[str]) -> str:
    """The configuration with this version, and without pages that are absent."""
    lines = text.replace("VERSION", __version__).splitlines()
    named = [(line, _PAGE.match(line)) for line in lines]
    return "\n".join(line for line, page in named if not page or page[1] in pages) + "\n"


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

"""The source of the site: the pages under docs, and those files of the checkout that they link to.

Documents link to other files of the checkout by relative paths, which a code host follows. The site
has a page of its own for each such file, under `files/`, so that its links need no host.
"""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
DOCS = "docs"
OTHERS = "files"
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_FENCE = re.compile(r"^ *(```|~~~)")
_LANGUAGES = {
    ".py": "python",
    ".toml": "toml",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".tf": "hcl",
    ".sh": "sh",
    ".mjs": "js",
}
# A search finds the pages for users first: no pages that only show a file, none of those that only
# developers read, and not the README, whose beginning is on the first page.
_FOR_DEVELOPERS = (f"{DOCS}/adr/", f"{DOCS}/mutants.md", "README.md")
_UNSEARCHED = "---\nsearch:\n  exclude: true\n---\n\n"


# A page has the README's first screen here; its title and first paragraph are the page's own.
_FIRST_SCREEN = "<!-- README.md: its first screen -->\n"


class Broken(Exception):
    """A page or the navigation links to a file that does not exist."""


def tracked(root: Path) -> list[str]:
    """The files that git tracks or would track, as paths relative to `root`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (root / name).is_file()]


def place(path: str) -> str:
    """The place of a file or folder of the checkout in the site's source."""
    inside = path.removeprefix(f"{DOCS}/")
    moved = PurePosixPath(inside if inside != path else f"{OTHERS}/{path}")
    if moved.name == "README.md":
        return str(moved.with_name("index.md"))
    shown = inside == path and moved.suffix not in (".md", ".svg", ".jpg", ".png", ".webp")
    return f"{moved}.md" if shown else str(moved)


class Source:
    """Writes the pages under docs to `folder`, then every file that a written page links to."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self._folder = folder
        self._root = root
        self._files = tracked(root)
        self._written: set[str] = set()

    def write(self) -> list[str]:
        """Write all. Returns their places. Raises Broken for a link to an absent file."""
        waiting = [name for name in self._files if name.startswith(f"{DOCS}/")]
        while waiting:
            path = waiting.pop()
            if place(path) not in self._written:
                self._written.add(place(path))
                waiting.extend(self._write(path))
        return sorted(self._written)

    def _write(self, path: str) -> list[str]:
        """Write one file. Returns the files that it links to."""
        target = self._folder / place(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        original = self._root / path
        if target.suffix != ".md":
            target.write_bytes(original.read_bytes())
            return []
        if original.is_dir():
            text = self._listing(path)
        elif original.suffix == ".md":
            hidden = _UNSEARCHED if path.startswith(_FOR_DEVELOPERS) else ""
            text = hidden + self._with_first_screen(path, original.read_text())
        else:
            text = _shown(path, original.read_text())
        linked: list[str] = []
        target.write_text(relinked(text, lambda link: self._link(path, link, linked)))
        return linked

    def _with_first_screen(self, path: str, text: str) -> str:
        """The page's text with the beginning of the README in the place of the comment."""
        if _FIRST_SCREEN not in text:
            return text
        _, _, screen = (self._root / "README.md").read_text().split("\n## ")[0].split("\n\n", 2)
        folder = os.path.dirname(path)
        return text.replace(_FIRST_SCREEN, relinked(screen, lambda link: _seen(folder, link)))

    def _listing(self, folder: str) -> str:
        names = {name.removeprefix(f"{folder}/").partition("/")[0] for name in self._inside(folder)}
        lines = "".join(
            f"- [{name}]({PurePosixPath(folder).name}/{name})\n" for name in sorted(names)
        )
        return f"{_UNSEARCHED}# {folder}\n\n{lines}"

    def _inside(self, folder: str) -> list[str]:
        return [name for name in self._files if name.startswith(f"{folder}/")]

    def _link(self, path: str, link: str, linked: list[str]) -> str:
        """The link as the site has it; what it leads to is added to `linked`."""
        name, hash_, anchor = link.partition("#")
        if not name or "://" in link or link.startswith("mailto:"):
            return link
        target = os.path.normpath(os.path.join(os.path.dirname(path), name))
        if not (self._root / target).exists():
            raise Broken(f"{path} links to {link}, which does not exist")
        if (self._root / target).is_dir() and (self._root / target / "README.md").exists():
            target = f"{target}/README.md"
        linked.append(target)
        relative = os.path.relpath(place(target), os.path.dirname(place(path)) or ".")
        return f"{relative}{hash_}{anchor}"


def _seen(folder: str, link: str) -> str:
    """A link of a file at the top of the checkout, as a page in `folder` has it."""
    return link if "://" in link or link.startswith("#") else os.path.relpath(link, folder or ".")


def _shown(path: str, text: str) -> str:
    """A page that shows a file."""
    language = _LANGUAGES.get(PurePosixPath(path).suffix, "text")
    return f"{_UNSEARCHED}# {path}\n\n````{language}\n{text.rstrip()}\n````\n"


def relinked(text: str, link: Callable[[str], str]) -> str:
    """The Markdown text with `link` applied to each link outside of code blocks."""
    return "".join(_relinked_lines(text, link))


def _relinked_lines(text: str, link: Callable[[str], str]) -> Iterator[str]:
    fence = ""
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        if found and not fence:
            fence = line.strip()[: len(line.strip()) - len(line.strip().lstrip("`~"))]
        elif fence and line.strip() == fence:
            fence = ""
        yield line if fence else _LINK.sub(lambda one: one[1] + link(one[2]) + one[3], line)

"""The README and the links of the package's metadata, which an index shows far from the checkout.

TUNELET_REPOSITORY, the address of the repository, makes its links absolute: to the files of this
version's tag, as GitHub and GitLab have them. Without it the README keeps the text of such links,
and no picture.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_ELSEWHERE = re.compile(r"[a-z]+:|#")


class ReadmeHook(MetadataHookInterface):
    """Sets `readme` and `urls`. Raises ValueError for an address that is not a repository's."""

    def update(self, metadata: dict[str, Any]) -> None:
        root = Path(self.root)
        code = (root / "tunelet" / "version.py").read_text()
        found = re.search(r'^__version__ = "(.+)"', code, re.MULTILINE)
        assert found is not None, "tunelet/version.py has no version"
        repository = os.environ.get("TUNELET_REPOSITORY", "").rstrip("/")
        if repository and not re.match(r"https?://[^/\s]+/\S", repository):
            raise ValueError(
                f"TUNELET_REPOSITORY = {repository!r}: is not the address of a repository; "
                "write one such as https://host/owner/tunelet"
            )
        text = shown((root / "README.md").read_text(), repository, f"v{found[1]}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = urls(repository, f"v{found[1]}")


def shown(text: str, repository: str, tag: str) -> str:
    """The README with links that lead somewhere from anywhere."""

    def replaced(match: re.Match[str]) -> str:
        if _ELSEWHERE.match(match["target"]):
            return match[0]
        if not repository:
            return "" if match["picture"] else match["text"]
        view = "raw" if match["picture"] else "blob"
        target = f"{repository}/{view}/{tag}/{match['target']}"
        return f"{match['picture']}[{match['text']}]({target})"

    parts = _FENCED.split(text)
    return "".join(part if part.startswith("```") else _LINK.sub(replaced, part) for part in parts)


def urls(repository: str, tag: str) -> dict[str, str]:
    """The links of the project. None without a repository."""
    if not repository:
        return {}
    return {
        "Repository": repository,
        "Documentation": f"{repository}/blob/{tag}/docs/index.md",
        "Changes": f"{repository}/blob/{tag}/CHANGELOG.md",
    }

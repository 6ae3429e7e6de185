"""Write a report: the page and what it shows, in one HTML file that loads nothing.

The data is compressed and in base64, so no text in it can end the element that holds it. The policy
names the hashes of the one script and the one style, and allows no request.
"""

import gzip
import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from functions.page import BUILT, NOT_BUILT

_FILE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<link rel="icon" type="image/svg+xml" href="data:image/svg+xml;base64,{icon}">
<style>{style}</style>
</head>
<body>
<noscript>This report needs JavaScript. It loads nothing from a network.</noscript>
<div id="page"></div>
<script type="application/gzip" id="report">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def report(content: dict[str, Any], title: str, folder: Path = BUILT) -> bytes:
    """Return the bytes. Raises `FileNotFoundError`, with the remedy, if the page is not built."""
    script = _read(folder, "report.js").replace("</script", r"<\/script")
    style = _read(folder, "assets/style-*.css")
    packed = gzip.compress(json.dumps(content, separators=(",", ":")).encode(), 6, mtime=0)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )
    return _FILE.format(
        policy=policy,
        title=escape(title),
        icon=_base64(_read(folder, "assets/icon-*.svg").encode()),
        style=style,
        data=_base64(packed),
        script=script,
    ).encode()


def _read(folder: Path, pattern: str) -> str:
    for path in sorted(folder.glob(pattern)):
        return path.read_text(encoding="utf-8")
    raise FileNotFoundError(NOT_BUILT)


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _hash(text: str) -> str:
    """Return the source expression of the Content-Security-Policy that allows this text."""
    return f"sha256-{_base64(sha256(text.encode()).digest())}"

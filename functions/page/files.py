"""Serve the page's files: the document at `/`, and below `/assets/` what it loads.

The name of an asset has a hash of its content, so browsers may keep it forever. The document names
its assets by relative paths, so that it works below any path of a proxy.
"""

import gzip
import re
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from werkzeug.wrappers import Request, Response

from functions.page import BUILT

ASSETS = "/assets/"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_NAME = re.compile(r"[A-Za-z0-9_-]+\.(js|css|svg)", re.ASCII)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_MISSING = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Tunelet: the page is not built</title></head>
<body>
<main>
<h1>The page is not built</h1>
<p>This checkout runs, but its page has not been built yet. With node 20 or newer and npm, run
<code>make page</code> in the checkout and load this page again. A wheel of Tunelet has the page
built in.</p>
<p>Everything works without it: see <a href="api/docs">the API</a> and
<code>tunelet --help</code>.</p>
</main>
</body>
</html>
"""


class _File(NamedTuple):
    data: bytes
    packed: bytes
    etag: str
    media: str


def answer(request: Request, folder: Path = BUILT) -> Response | None:
    """Return the answer to a GET or HEAD of the page; None if the path is not of the page."""
    if request.path == "/":
        return _document(request, folder)
    name = request.path.removeprefix(ASSETS)
    path = folder / "assets" / name
    if name == request.path or not _NAME.fullmatch(name) or not path.is_file():
        return None
    response = _sent(request, _read(path))
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response.make_conditional(request)


def packed_bytes(folder: Path = BUILT) -> int:
    """Return the size of all files of the page, compressed."""
    return sum(len(_read(path).packed) for path in folder.rglob("*.*"))


def _document(request: Request, folder: Path) -> Response:
    path = folder / "index.html"
    if path.is_file():
        response = _sent(request, _read(path))
    else:
        response = Response(_MISSING, HTTPStatus.NOT_FOUND, content_type=_TYPES[".html"])
    # Asked for again each time, because its address has no hash; the answer is mostly 304.
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response.make_conditional(request)


def _sent(request: Request, file: _File) -> Response:
    packed = request.accept_encodings["gzip"] > 0
    response = Response(file.packed if packed else file.data, content_type=file.media)
    response.headers["Vary"] = "Accept-Encoding"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(file.etag + ("-gzip" if packed else ""))
    return response


def _read(path: Path) -> _File:
    return _load(path, path.stat().st_mtime_ns)


@cache
def _load(path: Path, _modified: int) -> _File:
    data = path.read_bytes()
    etag = sha256(data).hexdigest()[:16]
    return _File(data, gzip.compress(data, mtime=0), etag, _TYPES[path.suffix])

"""Serve the API's description as a page that works without internet.

Swagger UI comes from the package flask-swagger-ui; only its files are used. All scripts and
styles are files, so that the page's content policy can forbid any others.
"""

from functools import cache
from importlib.resources import files

from werkzeug.wrappers import Response

from tunelet.errors import NotFound

_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tunelet API</title>
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/api/docs/favicon-32x32.png">
</head>
<body>
<noscript>The description itself is at <a href="/api/openapi.json">/api/openapi.json</a>.</noscript>
<div id="docs"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"""
_START = b"""SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
"""
_FILES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def page() -> Response:
    """Return the page. Its policy allows inline styles, which Swagger UI needs."""
    response = Response(_PAGE, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def asset(name: str) -> Response:
    """Return a file of the page. Raises `NotFound`."""
    if name == "start.js":
        return Response(_START, content_type="text/javascript; charset=utf-8")
    if name not in _FILES:
        raise NotFound("the page has no such file")
    response = Response(_read(name), content_type=_FILES[name])
    response.headers["Cache-Control"] = "max-age=3600"
    return response


@cache
def _read(name: str) -> bytes:
    return files("flask_swagger_ui").joinpath("dist", name).read_bytes()

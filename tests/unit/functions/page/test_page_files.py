"""The page is served at /, with its policy, and its assets may be kept forever."""

from pathlib import Path

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from functions.page.files import answer
from tests.unit.functions.conftest import World


@pytest.fixture
def built(tmp_path: Path) -> Client:
    """The page of a folder that `make page` could have written."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text('<script src="assets/page-A1.js"></script>')
    (tmp_path / "assets" / "page-A1.js").write_text("start()")

    def app(request: Request) -> Response:
        return answer(request, tmp_path) or Response("elsewhere", 404)

    return Client(Request.application(app))


def test_the_document_forbids_inline_code_and_frames(built: Client) -> None:
    found = built.get("/")
    policy = found.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert found.headers["X-Frame-Options"] == "DENY"


def test_an_asset_is_kept_forever_and_the_document_is_asked_for_again(built: Client) -> None:
    assert "immutable" in built.get("/assets/page-A1.js").headers["Cache-Control"]
    document = built.get("/")
    assert document.headers["Cache-Control"] == "no-cache"
    again = built.get("/", headers={"If-None-Match": document.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_answers_are_compressed_for_those_who_accept_it(built: Client) -> None:
    packed = built.get("/assets/page-A1.js", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    plain = built.get("/assets/page-A1.js")
    assert "Content-Encoding" not in plain.headers
    assert plain.data == b"start()"
    assert packed.headers["ETag"] != plain.headers["ETag"]


@pytest.mark.parametrize(
    "path", ["/assets/", "/assets/../index.html", "/assets/none.js", "/assets/%2e%2e/index.html"]
)
def test_only_files_of_the_folder_are_served(built: Client, path: str) -> None:
    assert built.get(path).status_code == 404


def test_without_a_build_it_says_what_to_do(tmp_path: Path) -> None:
    def app(request: Request) -> Response:
        return answer(request, tmp_path) or Response("elsewhere", 404)

    found = Client(Request.application(app)).get("/")
    assert found.status_code == 404
    assert b"make page" in found.data
    assert "default-src 'none'" in found.headers["Content-Security-Policy"]


def test_the_api_serves_it_at_the_root_and_explains_other_paths(world: World) -> None:
    found = world.api.get("/")
    assert found.content_type == "text/html; charset=utf-8"
    assert world.api.get("/nothing").json["detail"].startswith("there is nothing at this path")
    assert world.api.post("/").status_code == 404

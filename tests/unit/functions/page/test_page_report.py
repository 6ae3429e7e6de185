"""The file of a report: no text ends an element early, and the policy allows only its own parts."""

import gzip
import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from functions.page.report import report

SCRIPT = "let end = '</script><script>alert(1)</script>';"
STYLE = "body { color: red }"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "report.js").write_text(SCRIPT)
    (tmp_path / "assets" / "style-ABC.css").write_text(STYLE)
    (tmp_path / "assets" / "icon-ABC.svg").write_text("<svg/>")
    return tmp_path


def inside(element: str, file: str) -> list[str]:
    return re.findall(rf"<{element}[^>]*>(.*?)</{element}>", file, re.DOTALL)


def test_what_is_stored_cannot_end_the_element_that_holds_it(built: Path) -> None:
    content = {"note": "</script><script>document.title='owned'</script>"}
    file = report(content, "</title><script>", built).decode()
    data, script = inside("script", file)
    assert json.loads(gzip.decompress(b64decode(data))) == content
    assert script == SCRIPT.replace("</script", r"<\/script")
    assert file.count("<script") == 2 + SCRIPT.count("<script")
    assert "<title>&lt;/title&gt;&lt;script&gt;</title>" in file


def test_the_policy_allows_the_file_s_own_script_and_style_and_no_request(built: Path) -> None:
    file = report({}, "digits", built).decode()
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', file)
    assert found is not None
    policy = dict(part.split(" ", 1) for part in found[1].split("; "))
    for element, text in (("script", inside("script", file)[1]), ("style", STYLE)):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert policy[f"{element}-src"] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert "connect-src" not in policy


def test_a_checkout_without_the_built_page_makes_no_report(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run `make page`"):
        report({}, "digits", tmp_path)

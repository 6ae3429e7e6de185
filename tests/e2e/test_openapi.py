"""A service answers as its own OpenAPI document says, whatever is sent, and never with a 5xx."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.identity.roles import Role
from tests.e2e.conftest import ROOT, Up
from tunelet.client import Client
from tunelet.text.credential import PREFIX

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance"),
    *("negative_data_rejection", "missing_required_header", "unsupported_method"),
)
SPACE = {"x": {"type": "float", "min": 0, "max": 1}}
EXAMPLES = 3
"""Generated requests of a route, as an admin. `st run URL` beside a service tries thousands."""
KNOWN = """
[parameters]
"path.name" = "work"
"path.namespace" = "default"
"path.number" = 0
"""
"""Names that exist, so that requests reach more than the check of their names."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A service with an ended experiment, one for workers and one that fails."""
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "identity.json").write_text(json.dumps(identity()))
    options = ("--alias", "shell=echo objective=1", "--identity", str(folder / "identity.json"))
    one = Up(folder / "data", *options)
    one.client = Client(one.url, token=token("admin"))
    for name, code in (("digits", "shell"), ("work", {"workers": True})):
        request = {"name": name, "model_training_code": code, "hyperparameters": SPACE}
        one.client.submit({**request, "max_trials": 2})
    one.client.experiment("digits").wait(timeout=60)
    yield one
    one.close()


def identity() -> dict[str, object]:
    """A file in which each role has a token."""
    named = [(role, hashlib.sha256(token(role).encode()).hexdigest()) for role in Role]
    everywhere = {"namespaces": ["*"]}
    return {
        "tokens": [{"name": role, "sha256": hashed} for role, hashed in named],
        "roles": [{"role": role, **everywhere, "actors": [f"token:{role}"]} for role in Role],
    }


def token(role: str) -> str:
    return f"{PREFIX}{role}-0123456789abcdef0123456789abcdef"


def schemathesis(service: Up, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run Schemathesis over the document that the service serves."""
    program = Path(sys.executable).with_name("st")
    (folder / "known.toml").write_text(KNOWN)
    return subprocess.run(
        [
            *(program, "--config-file", "known.toml", "run", f"{service.url}/api/openapi.json"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,fuzzing", "--no-color"),
            "--generation-deterministic",
            *("--request-timeout", "60", "--suppress-health-check", "all", "--workers", "1"),
            *options,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("role", [*Role, "a stranger"])
def test_no_request_is_answered_otherwise_than_the_document_says(
    service: Up, tmp_path: Path, role: str
) -> None:
    known = ("--header", f"Authorization: Bearer {token(role)}") if role in [*Role] else ()
    # Of the others most requests are refused early, so one of each route is enough.
    examples = EXAMPLES if role == Role.ADMIN else 1
    ran = schemathesis(service, tmp_path, "--max-examples", str(examples), *known)
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr
    (tested,) = re.findall(r"Tested: (\d+)", ran.stdout)
    assert f"Selected: {tested}/{tested}" in ran.stdout
    assert "a bug ended the request" not in service.output.read_text()

"""A wrong configuration of identities is refused at the start, with each field and its remedy."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from functions.identity.config import load, parse
from functions.settings import Settings
from functions.wiring import gate
from tunelet.errors import Reject
from tunelet.text.credential import generated, hashed

HASH = hashed("x")
TOKENS = {"tokens": [{"name": "ci", "sha256": HASH}]}
ISSUER = {"url": "https://issuer.example", "audiences": ["tunelet"]}
PROXY = {"user_header": "X-User", "peers": ["10.0.0.0/8"]}


def issuer(**more: Any) -> dict[str, Any]:
    return {"issuers": [ISSUER | more]}


CLUSTER = ISSUER | {"kubernetes": True}


def role(**more: Any) -> dict[str, Any]:
    return TOKENS | {"roles": [{"role": "viewer", "namespaces": ["a"], "actors": ["x"]} | more]}


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ([], "body"),
        ({}, "body"),
        ({"token": []}, "token"),
        ({"tokens": {}}, "tokens"),
        ({"tokens": ["ci"]}, "tokens[0]"),
        ({"tokens": [{"name": "ci", "sha256": "abc"}]}, "tokens[0].sha256"),
        ({"tokens": [{"name": "ci"}]}, "tokens[0].sha256"),
        ({"tokens": [{"name": "a,b", "sha256": HASH}]}, "tokens[0].name"),
        ({"tokens": [{"name": "ci", "sha256": HASH, "extra": 1}]}, "tokens[0].extra"),
        ({"tokens": TOKENS["tokens"] * 2}, "tokens"),
        (issuer(url="http://issuer.example"), "issuers[0].url"),
        (issuer(url="file:///etc/passwd"), "issuers[0].url"),
        (issuer(audiences=[]), "issuers[0].audiences"),
        (issuer(algorithms=["HS256"]), "issuers[0].algorithms"),
        (issuer(algorithms=["none"]), "issuers[0].algorithms"),
        (issuer(leeway_seconds=3600), "issuers[0].leeway_seconds"),
        (issuer(jwks_url="http://10.0.0.1/keys"), "issuers[0].jwks_url"),
        (issuer(ca_file="/no/such/file"), "issuers[0].ca_file"),
        ({"issuers": [ISSUER, ISSUER]}, "issuers"),
        ({"issuers": [ISSUER | {"prefix": ""}, ISSUER | {"url": "https://b.example"}]}, "issuers"),
        ({"issuers": [CLUSTER, CLUSTER | {"url": "https://b.example"}]}, "issuers"),
        ({"proxy": {"user_header": "X-User"}}, "proxy"),
        ({"proxy": PROXY | {"secret_header": "X-Secret"}}, "proxy.secret_header"),
        ({"proxy": PROXY | {"peers": ["somewhere"]}}, "proxy.peers"),
        (role(role="owner"), "roles[0].role"),
        (role(namespaces=["A B"]), "roles[0].namespaces"),
        (role(namespaces=[]), "roles[0].namespaces"),
        (role(actors=[]), "roles[0].actors"),
        ({"kubernetes": {"token_review": "yes"}}, "kubernetes.token_review"),
        ({"kubernetes": {"access_review": True}}, "body"),
        (TOKENS | {"login": {"issuer": "https://issuer.example"}}, "login.client_id"),
    ],
)
def test_each_fault_names_its_field(written: Any, field: str) -> None:
    with pytest.raises(Reject) as refusal:
        parse(written)
    assert field in [error.field for error in refusal.value.errors]
    assert all(error.remedy for error in refusal.value.errors)


def test_all_faults_are_found_at_once() -> None:
    with pytest.raises(Reject) as refusal:
        parse({"tokens": [{"name": 1, "sha256": 2}], "issuers": [{}], "x": 1})
    fields = {error.field for error in refusal.value.errors}
    assert {"tokens[0].name", "tokens[0].sha256", "issuers[0].url", "x"} <= fields


def test_a_token_in_place_of_its_hash_is_not_shown() -> None:
    token = generated()
    with pytest.raises(Reject) as refusal:
        parse({"tokens": [{"name": "ci", "sha256": token}]})
    assert token not in repr(refusal.value.errors)


@pytest.mark.parametrize("text", ["tokens: [", "a: *b", "\x00"])
def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "identity.yaml"
    path.write_text(text)
    with pytest.raises(Reject) as refusal:
        load(str(path))
    assert refusal.value.errors[0].field == "TUNELET_IDENTITY"
    with pytest.raises(Reject, match="cannot be used"):
        load(str(tmp_path / "absent"))


def test_a_second_list_of_tokens_is_refused(tmp_path: Path) -> None:
    """The lines of `tunelet token new`, appended to a file that has them already."""
    path = tmp_path / "identity.yaml"
    lines = f'tokens:\n  - {{"name": "%s", "sha256": "{HASH}"}}\n'
    path.write_text(lines % "ci" + lines % "other")
    with pytest.raises(Reject) as refused:
        load(str(path))
    [error] = refused.value.errors
    assert (error.field, error.value) == ("TUNELET_IDENTITY", str(path))
    assert error.message == "has 'tokens' twice in one object (line 3, column 1)"
    assert "each name of an object once" in error.remedy

    path.write_text(f'{{"tokens": [{{"name": "a", "name": "b", "sha256": "{HASH}"}}]}}')
    with pytest.raises(Reject) as refused:
        load(str(path))
    assert "has 'name' twice in one object (line 1" in refused.value.errors[0].message


def test_a_fault_of_yaml_has_its_place_and_no_text_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "identity.yaml"
    path.write_text("tokens:\n  - {name: ci, sha256: secret\n")
    with pytest.raises(Reject) as refused:
        load(str(path))
    [error] = refused.value.errors
    assert error.message == "is neither YAML nor JSON (line 3, column 1)"
    assert error.remedy == "correct the file; 'tunelet docs operations/identity' shows one"


@pytest.mark.parametrize(
    "value",
    ["2026-13-01", "9" * 5000, "!!int x", "!!bool maybe", "!!timestamp x", "!!map x", "!!set [x]"],
)
def test_a_value_that_yaml_cannot_read_has_its_place(tmp_path: Path, value: str) -> None:
    """PyYAML lets through what Python raises for it."""
    path = tmp_path / "identity.yaml"
    path.write_text(f"tokens:\n  - name: {value}\n")
    with pytest.raises(Reject) as refused:
        load(str(path))
    [error] = refused.value.errors
    assert (error.field, error.value) == ("TUNELET_IDENTITY", str(path))
    assert error.message.endswith("(line 2, column 11)")


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "identity.yaml"
    path.write_text(f"tokens:\n  - name: ci\n    sha256: {HASH}\n")
    environ = {
        "TUNELET_STORE": "memory://",
        "TUNELET_SECRET": "0123456789abcdef",
        "TUNELET_LAUNCHER": "memory://",
        "TUNELET_IDENTITY": str(path),
    }
    settings = Settings.from_env(environ)
    assert settings.identity == str(path)
    assert gate(settings) is not gate(settings._replace(identity=""))
    path.write_text("tokens: []")
    with pytest.raises(Reject):
        gate(settings)


def test_without_identities_nothing_of_them_is_imported() -> None:
    code = (
        "import sys; from functions import wiring; import functions.api.handler;"
        "from functions.settings import Settings;"
        "gate = wiring.gate(Settings(store='', secret=b'', launcher=''));"
        "print(*sorted({'jwt', 'cryptography', 'yaml'} & sys.modules.keys()),"
        "*sorted(name for name in sys.modules if name.startswith('functions.identity.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        f"functions.identity.{name}" for name in ("actor", "gate", "rights")
    ]

"""The bill of materials and the provenance of a release, over real files."""

import hashlib
import importlib.util
import io
import json
import re
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


def program(name: str) -> ModuleType:
    """A program of infra/release, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "infra/release" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BOM, PROVENANCE, README = program("bom"), program("provenance"), program("readme")
REPOSITORY = "https://host.example/owner/tunelet"


def test_links_of_the_readme_name_the_files_of_the_tag() -> None:
    text = "[a](docs/a.md#b) ![c](d.webp) [e](#f) [g](https://h)\n```sh\n[i](j)\n```\n"
    assert README.shown(text, REPOSITORY, "v1") == (
        f"[a]({REPOSITORY}/blob/v1/docs/a.md#b) ![c]({REPOSITORY}/raw/v1/d.webp) "
        "[e](#f) [g](https://h)\n```sh\n[i](j)\n```\n"
    )


def test_without_a_repository_the_text_of_links_stays() -> None:
    assert README.shown("[`a`](b) ![c](d.webp)[e](https://f)", "", "v1") == "`a` [e](https://f)"
    assert README.urls("", "v1") == {}


@pytest.mark.parametrize("address", ["owner/tunelet", "git@host:owner/tunelet", "https://host"])
def test_another_address_than_a_repositorys_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNELET_REPOSITORY", address)
    with pytest.raises(ValueError, match=r"TUNELET_REPOSITORY = .*write one such as"):
        README.ReadmeHook(str(ROOT), {}).update({})


@pytest.mark.parametrize(
    "path", [each for each in REQUIREMENTS if each.name != "overrides.txt"], ids=lambda p: p.name
)
def test_a_bill_has_every_locked_requirement_with_every_hash(path: Path) -> None:
    text = path.read_text()
    bill = BOM.bill("tunelet", "1", list(BOM.locked(text)))
    pinned = re.findall(r"^([a-zA-Z0-9._-]+)==(\S+)", text, re.MULTILINE)
    assert {(each["name"], each["version"]) for each in bill["components"]} == {
        (re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in pinned
    }
    hashes = {
        each["content"]
        for component in bill["components"]
        for file in component["externalReferences"]
        for each in file["hashes"]
    }
    assert hashes == set(re.findall(r"--hash=sha256:(\w{64})", text))


@pytest.mark.parametrize("line", ["numpy>=2", "numpy==2.4 --hash=md5:1", "-e .", "numpy==2.4"])
def test_a_requirement_that_is_not_locked_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"not pinned|no hash"):
        list(BOM.locked(line))


STATUS = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.36+9~x\n"


def blob(archive: tarfile.TarFile, data: bytes, name: str | None = None) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    member = tarfile.TarInfo(name or f"blobs/sha256/{digest}")
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
    return {"digest": f"sha256:{digest}", "size": len(data)}


def test_the_packages_of_an_image_are_in_its_bill(tmp_path: Path) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w:gz") as files:
        blob(files, STATUS.encode(), "var/lib/dpkg/status.d/libc6")
        blob(files, b"x", "opt/tunelet/app")
    with tarfile.open(tmp_path / "image.tar", "w") as image:
        layers = [blob(image, layer.getvalue())]
        manifest = blob(image, json.dumps({"layers": layers}).encode())
        blob(image, json.dumps({"manifests": [manifest]}).encode(), "index.json")
    (found,) = BOM.installed(tmp_path / "image.tar")
    assert found["purl"] == "pkg:deb/debian/libc6@1%3A2.36%2B9~x?arch=amd64"


def test_a_statement_names_every_file_and_everything_that_it_was_made_from(tmp_path: Path) -> None:
    files = [tmp_path / "b.whl", tmp_path / "a.tar.gz"]
    for file in files:
        file.write_bytes(file.name.encode())
    base = f"python:3.11@sha256:{'0' * 64}"
    made = PROVENANCE.provenance(files, "c" * 40, "1.0", base, None)
    assert made["subject"] == [
        {"name": name, "digest": {"sha256": hashlib.sha256(name.encode()).hexdigest()}}
        for name in ("a.tar.gz", "b.whl")
    ]
    sources = made["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert sources[0]["digest"] == {"gitCommit": "c" * 40}
    assert sources[1]["digest"] == {"sha256": "0" * 64}
    for source in sources[2:]:
        data = (ROOT / "requirements" / source["name"]).read_bytes()
        assert source["digest"] == {"sha256": hashlib.sha256(data).hexdigest()}
    archive = PROVENANCE.provenance(files, "c" * 40, "1.0", "oci-archive:x", files[0])
    of_base = archive["predicate"]["buildDefinition"]["resolvedDependencies"][1]
    assert of_base["digest"] == made["subject"][1]["digest"]


def test_a_base_that_may_change_is_refused() -> None:
    with pytest.raises(SystemExit, match="digest"):
        PROVENANCE.provenance([], "c", "1", "python:3.11", None)


def test_the_same_commit_gives_the_same_images() -> None:
    """Kept by the build: a fixed time of all files, and code that depends on no random seed."""
    build = (ROOT / "infra/images/build").read_text()
    assert "--timestamp 0 " in build
    for name in ("Containerfile", "collector.Containerfile"):
        runs = re.findall(r"python3 (?:-m compileall|-S -B /distill)", _text(name))
        seeded = re.findall(r"PYTHONHASHSEED=0 python3 (?:-m comp|-S -B /dis)", _text(name))
        assert len(runs) == len(seeded) > 0


def test_no_image_is_root_or_has_a_shell() -> None:
    for name in ("Containerfile", "collector.Containerfile"):
        last = _text(name).rpartition("\nFROM ")[2]
        assert last.startswith("scratch\n")
        assert "USER 65532:65532" in last
        assert '\nENTRYPOINT ["/bin/python3"' in last


def _text(name: str) -> str:
    return (ROOT / "infra/images" / name).read_text()

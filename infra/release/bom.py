"""Writes a bill of materials: CycloneDX 1.6, of locked requirements and of an image.

    python bom.py NAME VERSION REQUIREMENTS… [--image ARCHIVE] > NAME.cdx.json

The components of Python come from the locked files, with every hash that may be installed. Those of
an image's operating system come from `var/lib/dpkg/status.d` in its layers; distill.py writes it.
The same input gives the same bytes.
"""

import argparse
import io
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_PACKAGES = "var/lib/dpkg/status.d/"

Json = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("version")
    parser.add_argument("requirements", type=Path, nargs="+")
    parser.add_argument("--image", type=Path)
    asked = parser.parse_args()
    found = [each for path in asked.requirements for each in locked(path.read_text())]
    if asked.image:
        found += installed(asked.image)
    json.dump(bill(asked.name, asked.version, found), sys.stdout, indent=1)
    print()


def bill(name: str, version: str, components: list[Json]) -> Json:
    """Return the document. A component that is named twice is in it once."""
    unique = {each["bom-ref"]: each for each in components}
    about = {"type": "application", "name": name, "version": version, "bom-ref": name}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": about},
        "components": [unique[reference] for reference in sorted(unique)],
    }


def locked(text: str) -> Iterator[Json]:
    """Yield a component for each pinned requirement of a file that uv has locked."""
    lines = text.replace("\\\n", " ").splitlines()
    for line in lines:
        if not (pinned := _PINNED.match(line)):
            if line.strip() and not line.lstrip().startswith("#"):
                raise ValueError(f"a requirement is not pinned: {line[:80]!r}")
            continue
        name, version = re.sub(r"[-_.]+", "-", pinned[1]).lower(), pinned[2]
        hashes = [{"alg": "SHA-256", "content": each} for each in _HASH.findall(line)]
        if not hashes:
            raise ValueError(f"a requirement has no hash: {pinned[0]}")
        yield _component(f"pkg:pypi/{name}@{version}", name, version) | _files(hashes)


def _files(hashes: list[Json]) -> Json:
    """The hashes of all files of which one is installed: each platform has another."""
    references = [
        {"type": "distribution", "url": f"sha256:{each['content']}", "hashes": [each]}
        for each in hashes
    ]
    return {"externalReferences": references}


def installed(archive: Path) -> Iterator[Json]:
    """Yield a component for each package of the operating system of which an image has files."""
    for path, data in _files_of(archive, _PACKAGES):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.+)$", data.decode(), re.MULTILINE))
        name, version = path.rpartition("/")[2], fields["Version"]
        purl = f"pkg:deb/debian/{name}@{quote(version, '')}?arch={fields['Architecture']}"
        yield _component(purl, name, version)


def _files_of(archive: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files below `prefix` of all layers of an OCI archive."""
    with tarfile.open(archive) as image:

        def read(digest: str) -> bytes:
            return _content(image, "blobs/" + digest.replace(":", "/"))

        (manifest,) = json.loads(_content(image, "index.json"))["manifests"]
        for layer in json.loads(read(manifest["digest"]))["layers"]:
            with tarfile.open(fileobj=io.BytesIO(read(layer["digest"]))) as files:
                for member in files:
                    path = member.name.removeprefix("./")
                    if path.startswith(prefix) and member.isfile():
                        yield path, _content(files, member.name)


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"the archive has no file {name}")
    return file.read()


def _component(purl: str, name: str, version: str) -> Json:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


if __name__ == "__main__":
    main()

"""Writes a provenance statement: in-toto Statement v1 with the predicate SLSA provenance v1.

    python provenance.py --commit SHA --version V --base NAME [--base-file FILE] FILE… > STATEMENT

It says from which commit, base image and locked requirements the files were made. It is not signed:
it proves nothing until the release is signed together with it.
"""

import argparse
import hashlib
import json
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BUILD_TYPE = "https://tunelet.dev/release/v1"
LOCKS = ("image.txt", "collector.txt", "uv.txt", "dev.txt")
ROOT = Path(__file__).resolve().parents[2]

Json = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--commit", required=True)
    parser.add_argument("--base", required=True)
    parser.add_argument("--base-file", type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("files", type=Path, nargs="+")
    asked = parser.parse_args()
    statement = provenance(asked.files, asked.commit, asked.version, asked.base, asked.base_file)
    json.dump(statement, sys.stdout, indent=1)
    print()


def provenance(
    files: Sequence[Path], commit: str, version: str, base: str, base_file: Path | None
) -> Json:
    """Return the statement about `files`, and about the images in archives among them."""
    ordered = sorted(files, key=lambda path: path.name)
    known = [{"name": "source", "digest": {"gitCommit": commit}}, _base(base, base_file)]
    known += [_described(ROOT / "requirements" / name) for name in LOCKS]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [each for path in ordered for each in _subjects(path)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"target": "release", "version": version},
                "resolvedDependencies": known,
            },
            "runDetails": {"builder": {"id": f"{BUILD_TYPE}/unsigned"}},
        },
    }


def _base(base: str, file: Path | None) -> Json:
    """The base image, by the digest in its name or by that of its archive."""
    _, at, digest = base.partition("@sha256:")
    if file is not None:
        return {"name": "base", "digest": _described(file)["digest"]}
    if not at:
        raise SystemExit("make release: name BASE by its digest, NAME@sha256:…, or as an archive")
    return {"name": "base", "uri": f"oci:{base}", "digest": {"sha256": digest}}


def _subjects(path: Path) -> list[Json]:
    """The file. For an archive also its image: by this digest a registry and a cluster know it."""
    found = [_described(path)]
    if path.name.endswith(".oci.tar"):
        with tarfile.open(path) as archive, archive.extractfile("index.json") as index:  # type: ignore[union-attr]
            (manifest,) = json.load(index)["manifests"]
        digest = manifest["digest"].removeprefix("sha256:")
        found.append({"name": path.name.removesuffix(".oci.tar"), "digest": {"sha256": digest}})
    return found


def _described(path: Path) -> Json:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "digest": {"sha256": digest}}


if __name__ == "__main__":
    main()

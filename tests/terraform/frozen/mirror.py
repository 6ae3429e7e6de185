"""A file system mirror of providers that have a schema and nothing else (schema.py, provider/)."""

import json
import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from tests.terraform.frozen.schema import provider_schema

HERE = Path(__file__).parent
PROVIDERS = ("azurerm", "google")


def missing() -> str | None:
    """What a machine lacks for the mirror; None if it has all."""
    absent = [name for name in ("npm", "go") if shutil.which(name) is None]
    return f"{' and '.join(absent)}, for the schemas of the providers" if absent else None


def build_mirror(folder: Path, host: str, cache: Path, configurations: Path) -> None:
    """Write the providers of all types that the configurations name; `cache` keeps the packages.

    `host` is where Terraform or OpenTofu takes providers from, if their source names none.
    """
    packages, program = _packages(cache), _program(cache)
    text = "".join(file.read_text() for file in sorted(configurations.rglob("*.tf")))
    for name in PROVIDERS:
        package = packages / "@cdktf" / f"provider-{name}"
        place = folder / host / "hashicorp" / name / frozen_version(package) / _platform()
        place.mkdir(parents=True)
        types = [_named(word, name, text) for word in ("resource", "data")]
        (place / "schema.json").write_text(json.dumps(provider_schema(package, *types)))
        shutil.copy(program, place / f"terraform-provider-{name}_v{place.parent.name}")


def _named(word: str, provider: str, text: str) -> set[str]:
    return set(re.findall(rf'^{word} "({provider}_\w+)"', text, re.M))


def frozen_version(package: Path) -> str:
    """The version of the provider with the package's schema."""
    return str(json.loads((package / "package.json").read_text())["cdktf"]["provider"]["version"])


def _packages(cache: Path) -> Path:
    named = [HERE / name for name in ("package.json", "package-lock.json", ".npmrc")]
    folder = cache / f"packages-{_digest(named)}"
    if not (folder / "node_modules" / ".package-lock.json").exists():  # npm writes it at the end.
        folder.mkdir(parents=True, exist_ok=True)
        for path in named:
            shutil.copy(path, folder)
        command = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True)
    return folder / "node_modules"


def _program(cache: Path) -> Path:
    program = cache / f"provider-{_digest(sorted((HERE / 'provider').iterdir()))}"
    if not program.exists():
        command = ["go", "build", "-trimpath", "-o", str(program), "."]
        subprocess.run(command, cwd=HERE / "provider", check=True)
    return program


def _platform() -> str:
    command = ["go", "env", "GOOS", "GOARCH"]
    asked = subprocess.run(command, capture_output=True, text=True, check=True)
    return "_".join(asked.stdout.split())


def _digest(files: list[Path]) -> str:
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]

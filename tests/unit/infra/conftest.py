"""The APIs' own schemas, strict."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

CHECK = Path(__file__).resolve().parents[2] / "manifests"

Resource = dict[str, Any]
Check = Callable[[list[Resource]], list[str]]


@pytest.fixture(scope="module")
def check(pytestconfig: pytest.Config) -> Iterator[Check]:
    """The faults of resources, by the schemas in the lock file."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("needs node and npm: the APIs' schemas are npm packages")
    folder = _installed(pytestconfig)
    shutil.copy(CHECK / "check.mjs", folder)
    with subprocess.Popen(
        ["node", "check.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as node:

        def problems(resources: list[Resource]) -> list[str]:
            assert node.stdin is not None
            assert node.stdout is not None
            print(json.dumps(resources, default=str), file=node.stdin, flush=True)
            return [problem for found in json.loads(node.stdout.readline()) for problem in found]

        yield problems


def _installed(config: pytest.Config) -> Path:
    """The folder with the packages of the lock file: npm takes seconds, so it is kept."""
    named = [CHECK / name for name in ("package.json", "package-lock.json", ".npmrc")]
    digest = sha256(b"".join(path.read_bytes() for path in named)).hexdigest()
    folder = config.cache.mkdir(f"manifests-{digest[:16]}")
    if not (folder / "node_modules" / ".package-lock.json").exists():  # npm writes it at the end.
        for path in named:
            shutil.copy(path, folder)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return folder

"""Two builds of an image, each in a storage of its own, have the same digest.

BASE names the base, as for `make image`. No cluster is needed.
"""

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import ROOT

pytestmark = pytest.mark.cluster


def built(image: str, folder: Path) -> dict[str, Any]:
    """Build the image in a storage below the folder; returns its manifest's descriptor."""
    storage = f"buildah --root={folder}/root --runroot={folder}/run"
    environment = os.environ | {"BUILDAH": storage, "OUT": str(folder)}
    try:
        subprocess.run(
            ["infra/images/build", image],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
        )
    finally:
        subprocess.run([*storage.split(), "rmi", "--all", "--force"], check=False)
    with tarfile.open(folder / f"{image}.tar") as archive:
        index = archive.extractfile("index.json")
        assert index is not None
        (found,) = json.load(index)["manifests"]
    return dict(found)


@pytest.mark.parametrize("image", ["tunelet-collector", "tunelet"])
def test_the_same_commit_and_base_give_the_same_image(image: str, tmp_path: Path) -> None:
    if not os.environ.get("BASE") or shutil.which("buildah") is None:
        pytest.skip("needs buildah, and BASE as for make image")
    one, two = built(image, tmp_path / "one"), built(image, tmp_path / "two")
    assert one["digest"] == two["digest"]

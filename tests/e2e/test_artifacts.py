"""The best trial's checkpoint is downloaded by name, from a real service and from its store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.test_cli import Shell

TRAIN = """
folder=${TUNELET_CHECKPOINT_URL#file://}
mkdir -p "$folder/deep"
echo "$1" > "$folder/deep/given"
head -c 9000000 /dev/zero | tr '\\0' x > "$folder/weights"
ln -s /etc/passwd "$folder/escape"
echo "objective=${1#--x=}"
"""


def test_the_checkpoint_of_the_best_is_downloaded(up: Callable[..., Any], tmp_path: Path) -> None:
    script = tmp_path / "train.sh"
    script.write_text(TRAIN)
    service = up("--alias", f"train=sh {script}")
    request = {
        "name": "saved",
        "model_training_code": "train",
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "max_trials": 3,
    }
    best = service.client.submit(request).wait(timeout=60).best
    tunelet = Shell(service.url, tmp_path)
    tunelet.env["TUNELET_NAMESPACE"] = "default"

    ran = tunelet("best", "saved", "--download", str(tmp_path / "model"))

    assert ran.code == 3, ran.err
    assert "has no artifact 'escape'" in ran.err
    assert not (tmp_path / "model" / "escape").exists()
    for path in (service.data / "store").glob("v1/default/saved/trials/*/*/escape"):
        path.unlink()
    ran = tunelet("best", "saved", "--download", str(tmp_path / "model"))
    assert (ran.code, f"2 files of trial {best.number}" in ran.err) == (0, True), ran.err
    assert (
        tmp_path / "model" / "deep" / "given"
    ).read_text() == f"--x={best.hyperparameters['x']}\n"
    assert (tmp_path / "model" / "weights").read_bytes() == b"x" * 9_000_000
    assert list(service.client.experiment("saved").artifacts) == ["deep/given", "weights"]
    service.close()
    store = (service.data / "store").as_uri()
    ran = tunelet.process("best", "saved", "--store", store, "--download", "again")
    assert ran.code == 0, ran.err
    assert (tmp_path / "again" / "weights").stat().st_size == 9_000_000

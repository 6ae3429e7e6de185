"""Workers in jobs of a real Slurm: the guide holds, and a job's end gives its trial back."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.documents.blocks import blocks
from tests.documents.reader import Reader
from tests.e2e import slurm
from tests.e2e.conftest import Up

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(bool(slurm.missing()), reason=f"needs {', '.join(slurm.missing())}"),
]
TUNELET = Path(sys.executable).with_name("tunelet")
REQUEST = {
    "name": "long",
    "model_training_code": {"workers": True},
    "hyperparameters": {"rate": {"type": "float", "min": 0.1, "max": 1}},
    "objective": {"metric": "loss", "direction": "minimize"},
    "max_trials": 1,
}
# It saves its step at SIGTERM, and ends only in its second attempt.
TRAIN = dedent("""\
    import os, signal, sys, time
    from pathlib import Path
    saved = Path(os.environ["TUNELET_CHECKPOINT_DIR"]) / "step"
    def save(*_):
        saved.parent.mkdir(parents=True, exist_ok=True)
        saved.write_text("1")
        sys.exit(143)
    signal.signal(signal.SIGTERM, save)
    step = int(saved.read_text()) if saved.exists() else 0
    Path(f"began-{os.environ['TUNELET_ATTEMPT']}").write_text(str(step))
    while not saved.exists():
        time.sleep(0.05)
    print("loss=0.5")
    """)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with slurm.cluster(tmp_path_factory.mktemp("slurm")) as env:
        yield env


def test_the_guide_holds(
    cluster: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", cluster["SLURM_CONF"])
    page = blocks("docs/guides/slurm.md")
    assert any(block.directives.get("needs") == "Slurm" for block in page)
    Reader(tmp_path, page, has={"Slurm"}).follow()


def test_a_job_that_slurm_ends_gives_its_trial_to_the_next_one_with_its_checkpoint(
    cluster: dict[str, str],
    up: Callable[..., Up],
    wait: Callable[[Callable[[], object]], None],
    tmp_path: Path,
) -> None:
    service = up()
    service.client.submit(REQUEST)
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "worker.sh").write_text(
        f"#!/bin/sh\nexec {TUNELET} worker long --url {service.url} -- {sys.executable} train.py\n"
    )

    def run(*command: str) -> str:
        env = os.environ | cluster
        ran = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        )
        return ran.stdout.strip()

    first = run("sbatch", "--parsable", "worker.sh")
    wait((tmp_path / "began-1").exists)
    # The signal of `--signal=B:TERM@60`, now and not a minute before a limit.
    run("scancel", "--signal=TERM", "--batch", first)
    wait(lambda: not run("squeue", "--noheader", "--job", first))
    assert [trial["state"] for trial in service.client.trials("long")] == ["WAITING"]
    run("sbatch", "--wait", "worker.sh")
    assert (tmp_path / "began-2").read_text() == "1"
    assert [trial["state"] for trial in service.client.trials("long")] == ["COMPLETE"]

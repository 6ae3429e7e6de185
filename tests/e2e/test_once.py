"""One sweep as a process of its own, as a CronJob runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT
from tunelet.log.markers import Marker, Markers

Environment = dict[str, str]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return {
        "TUNELET_STORE": f"file://{tmp_path}/store",
        "TUNELET_LAUNCHER": f"process://{tmp_path}/runs",
        "TUNELET_SECRET": "0123456789abcdef",
    }


def once(environment: Environment) -> subprocess.CompletedProcess[str]:
    bare = {k: v for k, v in os.environ.items() if not k.startswith("TUNELET_")}
    return subprocess.run(
        [sys.executable, "-m", "functions.hosting.once"],
        cwd=ROOT,
        env=bare | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_sweeps_and_ends(environment: Environment) -> None:
    from adapters.storage import open_store

    store = open_store(environment["TUNELET_STORE"])
    # It is so old that a sweep removes it.
    Markers(store, lambda: 0.0).set(Marker("default", "gone", "u", 0))
    assert next(store.list("live/"), None) is not None
    ran = once(environment)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert "swept 0 live experiments" in ran.stderr
    assert next(store.list("live/"), None) is None


def test_wrong_settings_are_explained_and_a_store_that_is_away_is_one_line(
    environment: Environment, tmp_path: Path
) -> None:
    wrong = once(environment | {"TUNELET_SCHEDULE": "cronjob://here"})
    assert wrong.returncode == 1
    assert "TUNELET_SCHEDULE names no CronJob; write it as cronjob://NAMESPACE/NAME" in (
        " ".join(wrong.stderr.split())
    )
    away = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_ALLOW_HTTP": "true"}
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-north-1"}
    ran = once(environment | away | keys | {"TUNELET_STORE": "s3://bucket/prefix"})
    assert ran.returncode == 1
    assert "the sweep was broken off, and the next one does its work" in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr

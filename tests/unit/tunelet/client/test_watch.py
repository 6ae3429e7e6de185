"""What `tunelet watch` asks a service."""

import pytest

from tests.unit.tunelet.client.conftest import Answer, Script
from tunelet.cli.connection import Connection
from tunelet.cli.watch import watch


def test_a_service_is_asked_once_for_an_experiment_that_has_ended(
    script: Script, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = {"name": "a", "state": "COMPLETE"}
    script.answers = [Answer(200, ended), Answer(200, {"trials": [], "next": None})]
    assert watch(Connection(script.url, "default", json=True), "a") == 0
    assert [seen.path.partition("?")[0].rpartition("/")[2] for seen in script.seen] == [
        "a",
        "trials",
    ]
    assert '"COMPLETE"' in capfd.readouterr().out

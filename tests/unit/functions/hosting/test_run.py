"""The way from a command to the API's function in its own process."""

import pytest
from werkzeug.wrappers import Request, Response

from functions.hosting import run
from functions.hosting.run import Direct
from functions.http import json_answer
from tunelet.errors import NotFound, Retry


class Api:
    """Answers with these statuses in turn, and with the last one from then on."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.keys: list[str | None] = []

    def __call__(self, request: Request) -> Response:
        self.keys.append(request.headers.get("Idempotency-Key"))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return json_answer({"status": status, "detail": "a word"}, status)


def test_a_request_is_repeated_with_its_key_while_the_store_is_away() -> None:
    api = Api(503, 503, 200)
    assert Direct(api).call("POST", "/api", {}, headers={"Idempotency-Key": "k"})["status"] == 200
    assert api.keys == ["k"] * 3


def test_a_store_that_stays_away_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "AWAY", 0.0)
    with pytest.raises(Retry, match="a word"):
        Direct(Api(503)).call("GET", "/api")


def test_other_errors_are_those_of_the_client() -> None:
    with pytest.raises(NotFound, match="a word"):
        Direct(Api(404)).call("GET", "/api")

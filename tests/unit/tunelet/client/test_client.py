"""A client's requests, its retries, and its interpretation of answers."""

import socket
import subprocess
import sys
from typing import Any

import pytest
from hyperopt import hp

from tunelet.client import Client
from tunelet.client.transport import Unreachable
from tunelet.errors import Conflict, Forbidden, NotFound, Reject, Retry, TuneletError, Unauthorized

SUBMITTED = {"name": "digits", "namespace": "default", "state": "RUNNING", "links": {}}
SPEC = {
    "hyperparameters": {"lr": {"type": "float", "min": 0, "max": 1}},
    "objectives": [{"metric": "loss", "direction": "minimize", "goal": None}],
    "max_trials": 2,
    "hpo_algorithm": {"name": "tpe", "settings": {}},
}
ZERO = {"waiting": 0, "running": 0, "complete": 0, "pruned": 0, "failed": 0, "stopped": 0}


def problem(status: int, detail: str = "as it is", **more: Any) -> dict[str, Any]:
    return {"status": status, "title": "title", "detail": detail, "errors": [], **more}


def trial(number: int, state: str = "RUNNING", attempt: int = 1) -> dict[str, Any]:
    return {
        "number": number,
        "attempt": attempt,
        "state": state,
        "hyperparameters": {"lr": 0.5},
        "values": {"loss": 0.25},
        "reason": None,
        "reports": [],
        "started_at": None,
        "finished_at": None,
    }


@pytest.fixture
def client(script: Any) -> Client:
    return Client(script.url, timeout=5)


def test_a_submit_is_sent_again_with_the_same_key_if_the_answer_was_lost(
    script: Any, answer: Any, client: Client
) -> None:
    script.answers = [None, answer(502), answer(200, SUBMITTED)]

    assert client.submit({"a": 1}).name == "digits"

    assert len(script.seen) == 3
    assert len({seen.headers["Idempotency-Key"] for seen in script.seen}) == 1
    assert [seen.body for seen in script.seen] == [{"a": 1}] * 3


def test_two_submits_have_different_keys(script: Any, answer: Any, client: Client) -> None:
    script.answers = [answer(200, SUBMITTED)]

    client.submit({})
    client.submit({})

    assert len({seen.headers["Idempotency-Key"] for seen in script.seen}) == 2


def test_a_search_space_of_a_library_is_sent_as_json(
    script: Any, answer: Any, client: Client
) -> None:
    script.answers = [answer(200, SUBMITTED)]

    client.submit({"a": 1, "hyperparameters": {"lr": hp.uniform("lr", 0, 1), "n": 3}})

    form = {"type": "float", "min": 0.0, "max": 1.0}
    assert script.seen[0].body == {"a": 1, "hyperparameters": {"lr": form}}


def test_a_search_space_that_json_cannot_hold_is_refused_before_anything_is_sent(
    script: Any, client: Client
) -> None:
    with pytest.raises(Reject, match=r"hyperparameters\.lr: depends on another"):
        client.submit({"hyperparameters": hp.uniform("lr", 0, hp.uniform("high", 1, 2))})

    assert not script.seen


def test_the_client_loads_no_library_for_a_request_in_json() -> None:
    code = (
        "import sys; from tunelet.interop import hyperparameters;"
        "hyperparameters({'x': {'type': 'float', 'min': 0, 'max': 1}});"
        "assert not {'hyperopt', 'optuna', 'ray', 'numpy', 'pydantic'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_given_key_is_the_one_that_is_sent(script: Any, answer: Any, client: Client) -> None:
    script.answers = [answer(200, SUBMITTED)]

    client.submit({}, idempotency_key="mine")

    assert script.seen[0].headers["Idempotency-Key"] == "mine"


def test_a_service_that_asks_for_more_time_than_there_is_is_not_waited_for(
    script: Any, answer: Any, client: Client
) -> None:
    script.answers = [answer(503, problem(503, "not ready"), (("Retry-After", "60"),))]

    with pytest.raises(Retry, match="not ready") as raised:
        client.experiment("digits")

    assert raised.value.after == 60
    assert len(script.seen) == 1


def test_retry_after_is_waited_for(script: Any, answer: Any, client: Client) -> None:
    script.answers = [
        answer(503, problem(503), (("Retry-After", "0"),)),
        answer(200, SUBMITTED),
    ]

    assert client.experiment("digits").state == "RUNNING"


def test_a_service_that_asks_to_send_less_is_waited_for_beyond_the_time_out(
    script: Any, answer: Any
) -> None:
    """Or a training would lose a report because others of its namespace send many."""
    script.answers = [
        answer(429, problem(429), (("Retry-After", "2"),)),
        answer(200, SUBMITTED),
    ]

    assert Client(script.url, timeout=1).experiment("digits").state == "RUNNING"
    assert len(script.seen) == 2


def test_without_a_listener_patience_ends_before_the_time_out() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"

        with pytest.raises(Unreachable, match=f"nothing answers at {url}"):
            Client(url, timeout=600, patience=0.1).experiment("digits")


def test_the_package_has_the_client_and_imports_it_when_it_is_used() -> None:
    code = (
        "import sys, tunelet;"
        "before = {name for name in sys.modules if name.startswith(('tunelet', 'urllib3'))};"
        "assert before == {'tunelet', 'tunelet.version'}, before;"
        "from tunelet import Client;"
        "import tunelet.client;"
        "assert Client is tunelet.client.Client"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_of_the_package_is_an_import_error() -> None:
    with pytest.raises(ImportError, match="Cleint"):
        exec("from tunelet import Cleint")


def test_deleting_is_done_when_the_second_delete_finds_nothing(
    script: Any, answer: Any, client: Client
) -> None:
    script.answers = [None, answer(404, problem(404))]

    client.delete("digits")

    assert [seen.method for seen in script.seen] == ["DELETE", "DELETE"]


def test_deleting_an_absent_experiment_raises_not_found(
    script: Any, answer: Any, client: Client
) -> None:
    script.answers = [answer(404, problem(404, "no such experiment"))]

    with pytest.raises(NotFound, match="no such experiment"):
        client.delete("digits")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Reject),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, Reject),
        (422, Reject),
        (500, TuneletError),
    ],
)
def test_a_problem_comes_back_as_the_error_that_it_was(
    script: Any, answer: Any, client: Client, status: int, error: type[TuneletError]
) -> None:
    script.answers = [answer(status, problem(status))]

    with pytest.raises(TuneletError, match="as it is") as raised:
        client.pause("digits")

    assert type(raised.value) is error


def test_a_refusal_brings_back_every_field(script: Any, answer: Any, client: Client) -> None:
    wrong = {"field": "max_trials", "value": 0, "message": "is too small", "remedy": "send 1"}
    script.answers = [answer(422, problem(422, errors=[wrong]))]

    with pytest.raises(Reject) as raised:
        client.extend("digits", max_trials=0)

    assert raised.value.errors == (("max_trials", 0, "is too small", "send 1"),)
    assert script.seen[0].body == {"max_trials": 0}


@pytest.mark.parametrize(("status", "body"), [(404, b"<html>"), (200, b"<html>")])
def test_another_kind_of_server_is_not_taken_for_the_service(
    script: Any, answer: Any, client: Client, status: int, body: bytes
) -> None:
    script.answers = [answer(status, body)]

    with pytest.raises(TuneletError, match="not as a Tunelet service does") as raised:
        client.experiment("digits")

    assert type(raised.value) is TuneletError


def test_pages_are_followed_at_the_address_that_the_client_knows(
    script: Any, answer: Any, client: Client
) -> None:
    link = "http://inside.example/api/experiments/digits/trials?after=0&limit=1"
    script.answers = [
        answer(200, {"trials": [trial(0)], "next": link}),
        answer(200, {"trials": [trial(1)], "next": None}),
    ]

    assert [each["number"] for each in client.trials("digits", limit=1)] == [0, 1]
    path = "/api/namespaces/default/experiments/digits/trials"
    assert [seen.path for seen in script.seen] == [f"{path}?limit=1", f"{path}?after=0&limit=1"]


def test_names_cannot_lead_out_of_their_path(script: Any, answer: Any) -> None:
    script.answers = [answer(200, SUBMITTED)]

    Client(script.url, namespace="a/b").experiment("../x?y")

    assert script.seen[0].path == "/api/namespaces/a%2Fb/experiments/..%2Fx%3Fy"


def test_waiting_reports_each_change_and_returns_the_end(
    script: Any, answer: Any, client: Client
) -> None:
    states = ["RUNNING", "RUNNING", "PAUSED", "COMPLETE"]
    script.answers = [answer(200, {**SUBMITTED, "state": state}) for state in states]
    seen: list[str] = []

    last = client.wait("digits", callback=lambda now: seen.append(now.state))

    assert last.state == "COMPLETE"
    assert seen == ["RUNNING", "PAUSED", "COMPLETE"]


def test_waiting_gives_up_at_its_own_time_out(script: Any, answer: Any, client: Client) -> None:
    script.answers = [answer(200, SUBMITTED)]

    with pytest.raises(TimeoutError, match="still RUNNING"):
        client.wait("digits", timeout=0)


def test_following_continues_at_its_place_and_into_the_next_attempt(
    script: Any, answer: Any, client: Client
) -> None:
    script.answers = [
        answer(200, trial(0)),
        answer(200, trial(0)),
        answer(200, b"one\n"),
        answer(200, trial(0, attempt=2)),
        answer(200, b"one\ntwo\n"),
        answer(200, trial(0, attempt=2)),
        answer(200, trial(0, "COMPLETE", attempt=2)),
        answer(200, b"three\n"),
        answer(200, trial(0, "COMPLETE", attempt=2)),
    ]

    assert b"".join(client.follow("digits", 0)) == b"one\ntwo\nthree\n"


def test_following_waits_for_a_trial_that_has_not_started(
    script: Any, answer: Any, client: Client
) -> None:
    script.answers = [
        answer(200, trial(0, "WAITING")),
        answer(200, trial(0, "WAITING")),
        answer(404, problem(404)),
        answer(200, trial(0, "COMPLETE")),
        answer(200, b"done\n"),
        answer(200, trial(0, "COMPLETE")),
    ]

    assert list(client.follow("digits", 0)) == [b"done\n"]


def test_an_answer_in_part_is_taken_as_it_is(script: Any, answer: Any, client: Client) -> None:
    script.answers = [answer(206, b"two\n")]

    assert list(client.logs("digits", 0, offset=4)) == [b"two\n"]
    assert script.seen[0].headers["Range"] == "bytes=4-"


def test_a_rest_that_comes_in_parts_is_read_to_its_end(
    script: Any, answer: Any, client: Client
) -> None:
    script.answers = [
        answer(206, b"two\n", (("Content-Range", "bytes 4-7/*"),)),
        answer(206, b"three\n", (("Content-Range", "bytes 8-13/14"),)),
    ]

    assert b"".join(client.logs("digits", 0, offset=4)) == b"two\nthree\n"
    assert [seen.headers["Range"] for seen in script.seen] == ["bytes=4-", "bytes=8-"]


def test_a_token_is_sent_as_a_bearer_token(script: Any, answer: Any) -> None:
    script.answers = [answer(200, SUBMITTED)]

    Client(script.url, token="secret").experiment("digits")

    assert script.seen[0].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x", "http://", "http://[", ""])
def test_an_invalid_address_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("TUNELET_URL", "nonsense")

    with pytest.raises(Reject, match="is not the address of a service"):
        Client(url)


def test_values_that_json_cannot_hold_are_refused_before_they_are_sent(
    script: Any, client: Client
) -> None:
    with pytest.raises(Reject, match="neither NaN nor infinity"):
        client.submit({"max_cost": float("inf")})

    assert not script.seen


def test_a_notebook_shows_an_experiment_as_an_escaped_table(
    script: Any, answer: Any, client: Client
) -> None:
    evil = {**trial(1, "COMPLETE"), "reason": "<script>"}
    whole = {**SUBMITTED, "spec": SPEC, "counts": {**ZERO, "complete": 2}, "best": trial(0)}
    script.answers = [
        answer(200, whole),
        answer(200, {"trials": [trial(0, "COMPLETE"), evil], "next": None}),
    ]

    html = client.experiment("digits")._repr_html_()

    assert "<b>digits</b> RUNNING: 2 of 2 ended; best loss=0.25" in html
    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_an_experiment_is_printed_in_one_line_for_any_number_of_reports(
    script: Any, answer: Any, client: Client
) -> None:
    best = {**trial(0), "reports": [{"step": n, "values": {"loss": 1.0}} for n in range(1000)]}
    script.answers = [
        answer(200, SUBMITTED),
        answer(200, {**SUBMITTED, "spec": SPEC, "best": best}),
    ]

    assert repr(client.submit({"a": 1})) == "<Experiment digits: RUNNING>"
    assert repr(client.experiment("digits")) == "<Experiment digits: RUNNING, best loss=0.25>"
    assert len(script.seen) == 2


def test_a_client_is_printed_with_its_address_and_without_its_token() -> None:
    shown = repr(Client("http://127.0.0.1:1", "team-a", token="secret"))

    assert shown == "Client('http://127.0.0.1:1', namespace='team-a')"


def test_a_traceback_names_every_wrong_field_with_its_remedy(
    script: Any, answer: Any, client: Client
) -> None:
    wrong = {"field": "max_trials", "value": 0, "message": "must be at least 1"}
    errors = [{**wrong, "remedy": "use at least 1"}, {"field": "name", "message": "is missing"}]
    script.answers = [answer(422, problem(422, "the request has 2 problems", errors=errors))]

    with pytest.raises(Reject) as caught:
        client.submit({"max_trials": 0})

    assert caught.value.__notes__ == [
        "max_trials = 0: must be at least 1; use at least 1",
        "name: is missing",
    ]


def test_a_value_without_a_json_form_is_refused_by_its_type(client: Client) -> None:
    with pytest.raises(Reject, match="a function has no form in JSON"):
        client.submit({"labels": {"owner": lambda: 0}})


def test_a_space_that_is_not_json_is_refused_before_it_is_sent(client: Client) -> None:
    with pytest.raises(Reject) as caught:
        client.submit({"hyperparameters": {"lr": {"type": "float", "min": lambda: 0}}})
    assert [error.field for error in caught.value.errors] == ["hyperparameters.lr.min"]


def test_the_best_of_several_objectives_is_a_front(
    script: Any, answer: Any, client: Client
) -> None:
    script.answers = [answer(200, {"pareto": [trial(3), trial(5)]})]

    assert [each["number"] for each in client.best("digits")] == [3, 5]


def test_before_the_first_completed_trial_there_is_no_best(
    script: Any, answer: Any, client: Client
) -> None:
    script.answers = [answer(200, SUBMITTED), answer(200, {"best": None})]

    assert client.experiment("digits").best is None

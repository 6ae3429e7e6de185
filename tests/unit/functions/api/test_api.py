"""The requests, answers and refusals of the API."""

from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from functions.api.files import PART_BYTES
from functions.api.handler import LOG_STREAMS
from tests.unit.functions.conftest import LIMIT, World
from tests.unit.tunelet.text.test_growth import QUADRATIC, growth
from tunelet.core.trial import Outcome, Verdict
from tunelet.errors import Retry

ONE = "/api/experiments/digits"


def problem(response: TestResponse, status: int) -> Any:
    """The problem document, after checking that it is a whole one."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    document = response.json
    assert document is not None
    assert set(document) == {"type", "title", "status", "detail", "instance", "errors"}
    assert document["status"] == status
    assert all(set(e) == {"field", "value", "message", "remedy"} for e in document["errors"])
    return document


def fields(document: Any) -> set[str]:
    return {error["field"] for error in document["errors"]}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class TestSubmit:
    def test_the_smallest_request_is_answered_200_with_name_state_and_links(
        self, world: World, smallest: Any
    ) -> None:
        answer = world.api.post("/api/submit_job", json=smallest)
        assert answer.status_code == 200
        assert set(answer.json) == {"name", "namespace", "state", "links"}
        assert (answer.json["namespace"], answer.json["state"]) == ("default", "RUNNING")
        assert all(world.api.get(link).status_code == 200 for link in answer.json["links"].values())

    def test_the_same_key_submits_once(self, world: World, smallest: Any) -> None:
        send = [
            world.api.post("/api/submit_job", json=smallest, headers={"Idempotency-Key": "k"})
            for _ in range(2)
        ]
        assert send[0].json["name"] == send[1].json["name"]
        assert len(world.api.get("/api/experiments").json["experiments"]) == 1

    @pytest.mark.parametrize("name", [None, "digits"])
    @pytest.mark.parametrize(
        "other",
        [
            {"max_trials": 7},
            {"parallel_trials": 2},
            {"hpo_algorithm": "tpe"},
            {"labels": {"a": "b"}},
        ],
        ids=str,
    )
    def test_a_key_that_comes_with_another_request_is_refused(
        self, world: World, smallest: Any, name: str | None, other: dict[str, Any]
    ) -> None:
        def submit(body: Any) -> Any:
            return world.api.post("/api/submit_job", json=body, headers={"Idempotency-Key": "k"})

        request = {**smallest, "name": name}
        first = submit(request).json["name"]
        problem(submit({**request, **other}), 409)

        # Not what has become of it counts, but what was asked for.
        world.api.patch(f"/api/experiments/{first}", json={"max_trials": 9})
        assert submit(request).json["name"] == first
        problem(submit({**request, "max_trials": 9}), 409)

    @pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "schlüssel"])
    def test_a_key_is_1_to_255_visible_ascii_characters(
        self, world: World, smallest: Any, key: str
    ) -> None:
        headers = {"Idempotency-Key": key}
        answer = world.api.post("/api/submit_job", json=smallest, headers=headers)
        assert fields(problem(answer, 422)) == {"Idempotency-Key"}

    def test_a_namespace_in_the_path_is_the_experiments(self, world: World, smallest: Any) -> None:
        answer = world.api.post("/api/namespaces/team/submit_job", json=smallest)
        assert answer.json["namespace"] == "team"
        assert answer.json["links"]["self"].startswith("/api/namespaces/team/experiments/")
        assert world.api.get("/api/experiments").json["experiments"] == []

    def test_all_faults_are_named_at_once(self, world: World, smallest: Any) -> None:
        wrong = {**smallest, "max_trials": 0, "parallel_trials": "many"}
        found = problem(world.api.post("/api/submit_job", json=wrong), 422)
        assert {"max_trials", "parallel_trials"} <= fields(found)

    def test_a_name_that_is_taken_is_a_conflict(self, world: World, smallest: Any) -> None:
        named = {**smallest, "name": "digits"}
        world.api.post("/api/submit_job", json=named)
        problem(world.api.post("/api/submit_job", json=named), 409)


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            *(b"", b"{", b"\xff", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"1e999", b"9" * 30),
            *(b'"\\ud800"', b"[" * 200 + b"]" * 200, b"[" * 60000),
        ],
    )
    def test_a_body_that_is_not_strict_json_is_a_bad_request(
        self, world: World, body: bytes
    ) -> None:
        answer = world.api.post("/api/submit_job", data=body, content_type="application/json")
        assert fields(problem(answer, 400)) == {"body"}

    @pytest.mark.parametrize(
        "media",
        [
            "application/x-www-form-urlencoded",
            "text/plain",
            None,
            "application/json; charset=latin-1",
        ],
    )
    def test_only_json_is_taken_as_json(self, world: World, media: str | None) -> None:
        answer = world.api.post("/api/submit_job", data=b"{}", content_type=media)
        assert fields(problem(answer, 415)) == {"Content-Type"}

    def test_a_charset_that_says_utf_8_is_fine(self, world: World, smallest: Any) -> None:
        media = "application/json; charset=UTF-8"
        assert (
            world.api.post("/api/submit_job", json=smallest, content_type=media).status_code == 200
        )

    @pytest.mark.parametrize("path", ["/api/submit_job", "/api/health", "/nowhere"])
    def test_a_body_beyond_the_limit_is_refused_wherever_it_goes(
        self, world: World, path: str
    ) -> None:
        answer = world.api.post(path, data=b" " * (LIMIT + 1), content_type="application/json")
        problem(answer, 413)

    def test_a_large_body_in_chunks_without_a_length_is_refused(self, world: World) -> None:
        class Endless:
            """A stream as a server gives it; it must not be read to its end."""

            given = 0

            def read(self, size: int = -1) -> bytes:
                assert self.given < 10 * LIMIT
                self.given += size
                return b" " * size

        media = "application/json"
        environ = EnvironBuilder("/api/submit_job", method="POST", content_type=media).get_environ()
        environ |= {"wsgi.input": Endless(), "wsgi.input_terminated": True}
        _, status, _ = run_wsgi_app(world.api.application, environ)
        assert status.startswith("413")

    def test_a_body_where_none_is_taken_is_refused(self, world: World) -> None:
        world.running()
        problem(world.api.post(f"{ONE}/pause", json={"why": "lunch"}), 422)
        assert world.api.post(f"{ONE}/pause", json={}).status_code == 200


class TestHttp:
    @pytest.mark.parametrize("path", ["/api", "/api/nothing", "/api//experiments", "/apis/x"])
    def test_an_unknown_path_is_a_problem_too(self, world: World, path: str) -> None:
        problem(world.api.get(path), 404)

    def test_an_unsupported_method_is_answered_with_the_supported_ones(self, world: World) -> None:
        answer = world.api.put("/api/experiments/digits")
        problem(answer, 405)
        assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"

    def test_options_are_answered_without_a_body(self, world: World) -> None:
        answer = world.api.options("/api/submit_job")
        assert (answer.status_code, answer.headers["Allow"]) == (204, "OPTIONS, POST")
        problem(world.api.options("/api/nothing"), 404)

    def test_head_is_get_without_its_body(self, world: World) -> None:
        world.running()
        for path in ("/api/experiments", ONE, f"{ONE}/trials/0/logs", "/api/docs", "/api/health"):
            get, head = world.api.get(path), world.api.head(path)
            assert (head.status_code, head.data) == (200, b"")
            assert head.content_type == get.content_type

    def test_a_slash_at_the_end_changes_nothing(self, world: World, smallest: Any) -> None:
        assert world.api.post("/api/submit_job/", json=smallest).status_code == 200

    def test_names_in_a_path_are_checked_before_anything_is_asked(self, world: World) -> None:
        path = f"/api/namespaces/{'n' * 41}/experiments/Up_/trials/-1"
        assert fields(problem(world.api.get(path), 422)) == {"namespace", "name", "number"}
        for name in ("a%2F..%2Fb", "%00", "..", "é"):
            assert world.api.get(f"/api/experiments/{name}").status_code in (404, 422)

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_a_page_of_another_site_or_host_may_change_nothing(
        self, world: World, site: str
    ) -> None:
        world.running()
        headers = {"Sec-Fetch-Site": site}
        problem(world.api.post(f"{ONE}/stop", headers=headers), 403)
        assert world.api.get(ONE, headers=headers).json["state"] == "RUNNING"

    def test_the_answer_to_a_transient_fault_says_when_to_retry(self, world: World) -> None:
        world.store.fault = Retry("the store is away", after=2.5)
        answer = world.api.get("/api/experiments/digits")
        problem(answer, 503)
        assert answer.headers["Retry-After"] == "3"
        problem(world.api.get("/api/ready"), 503)
        assert world.api.get("/api/health").status_code == 200

    def test_a_bug_shows_nothing_of_itself(self, world: World) -> None:
        world.store.fault = KeyError("secret-key-in-a-message")
        answer = world.api.get("/api/experiments/digits")
        problem(answer, 500)
        assert "secret" not in answer.text


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("limit=ten", "limit"),
            ("limit=", "limit"),
            ("limit=1&limit=2", "limit"),
            ("after=No", "after"),
            ("after=a%0A", "after"),
            ("state=running", "state"),
            ("page=2", "page"),
        ],
    )
    def test_an_unsupported_query_is_refused(self, world: World, query: str, field: str) -> None:
        found = problem(world.api.get(f"/api/experiments?{query}"), 422)
        assert fields(found) == {field}
        assert all(error["remedy"] for error in found["errors"])

    def test_experiments_come_in_pages_that_link_to_the_next(
        self, world: World, smallest: Any
    ) -> None:
        names = [f"exp-{n}" for n in range(5)]
        for name in names:
            world.service.submit({**smallest, "name": name}, "team")
        link, seen = "/api/namespaces/team/experiments?limit=2&state=RUNNING", []
        while link:
            page = world.api.get(link).json
            seen.append([experiment["name"] for experiment in page["experiments"]])
            link = page["next"]
        assert seen == [names[:2], names[2:4], names[4:]]

    def test_trials_come_in_pages_too(self, world: World) -> None:
        world.running(parallel_trials=3)
        page = world.api.get(f"{ONE}/trials?limit=2").json
        assert [trial["number"] for trial in page["trials"]] == [0, 1]
        page = world.api.get(page["next"]).json
        assert ([trial["number"] for trial in page["trials"]], page["next"]) == ([2], None)
        assert world.api.get(f"{ONE}/trials?after=-1&state=WAITING").json["trials"] == []

    def test_trials_and_experiments_are_found_by_the_state_stopped(self, world: World) -> None:
        """Both have one of that name, and each is asked for by itself."""
        world.running(parallel_trials=2)
        world.running(name="reached", objective={"goal": 1.0})
        world.service.attempts.finish(
            world.run("reached", 0), Outcome(Verdict.COMPLETE, {"objective": 0.5})
        )
        world.service.stop("default", "digits")

        of_digits = world.api.get(f"{ONE}/trials?state=STOPPED").json["trials"]
        of_reached = world.api.get("/api/experiments/reached/trials?state=STOPPED").json["trials"]
        stopped = world.api.get("/api/experiments?state=STOPPED").json["experiments"]

        assert [trial["reason"] for trial in of_digits] == ["the experiment ended: stopped"] * 2
        assert [trial["reason"] for trial in of_reached] == [
            "the experiment ended: the goal is reached"
        ] * 2
        assert [each["name"] for each in stopped] == ["digits"]
        assert world.api.get(f"{ONE}/trials?state=FAIL").json["trials"] == []

    def test_stopped_trials_are_counted_by_themselves(self, world: World) -> None:
        world.running(parallel_trials=2)
        counts = world.api.post(f"{ONE}/stop").json["counts"]
        assert counts == {
            **dict.fromkeys(("waiting", "running", "complete", "pruned", "failed"), 0),
            "stopped": 2,
        }


class TestExperiments:
    def test_an_experiment_can_be_paused_resumed_extended_stopped_and_deleted(
        self, world: World
    ) -> None:
        world.running()
        assert world.api.post(f"{ONE}/pause").json["state"] == "PAUSED"
        assert world.api.post(f"{ONE}/resume").json["state"] == "RUNNING"
        assert world.api.patch(ONE, json={"max_trials": 50}).json["spec"]["max_trials"] == 50
        assert world.api.post(f"{ONE}/stop").json["state"] == "STOPPED"
        deleted = world.api.delete(ONE)
        assert (deleted.status_code, deleted.data) == (204, b"")
        world.service.launch("default", "digits")
        problem(world.api.get(ONE), 404)
        problem(world.api.post(f"{ONE}/pause"), 404)

    def test_the_best_trial_is_null_before_there_is_one(self, world: World) -> None:
        world.running()
        assert world.api.get(f"{ONE}/best").json == {"best": None}

    def test_several_objectives_have_a_front(self, world: World) -> None:
        world.running(objectives=[{"metric": "loss"}, {"metric": "seconds"}])
        assert world.api.get(f"{ONE}/best").json == {"pareto": []}
        assert "best" not in world.api.get(ONE).json

    def test_given_hyperparameters_are_enqueued_once_for_a_key(self, world: World) -> None:
        world.running()
        trials = {"trials": [{"x": 0.5}]}
        send = [
            world.api.post(f"{ONE}/trials", json=trials, headers={"Idempotency-Key": "k"}).json
            for _ in range(2)
        ]
        assert send[0] == send[1]
        assert send[0]["trials"][0]["hyperparameters"] == trials["trials"][0]
        for wrong in ([], {}, {"trials": {}}, {"trials": [], "more": 1}, {"trials": [{"y": 1}]}):
            problem(world.api.post(f"{ONE}/trials", json=wrong), 422)

    def test_a_key_that_comes_with_other_trials_is_refused(self, world: World) -> None:
        world.running()

        def enqueue(*trials: Any) -> Any:
            body = {"trials": [{"x": x} for x in trials]}
            return world.api.post(f"{ONE}/trials", json=body, headers={"Idempotency-Key": "k"})

        first = enqueue(0.5, 0.25).json
        for others in ((0.5, 0.75), (0.25, 0.5), (0.5,), (0.5, 0.25, 0.5), ()):
            problem(enqueue(*others), 409)
        assert enqueue(0.5, 0.25).json == first

    def test_a_note_is_shown_with_the_trials_and_belongs_to_the_key(self, world: World) -> None:
        world.running()

        def propose(note: str | None) -> Any:
            body = {"trials": [{"x": 0.5}]} | ({} if note is None else {"note": note})
            return world.api.post(f"{ONE}/trials", json=body, headers={"Idempotency-Key": "k"})

        (made,) = propose("a hunch").json["trials"]
        assert made["note"] == "a hunch"
        for other in ("a guess", None):
            problem(propose(other), 409)
        assert propose("a hunch").json["trials"] == [made]
        assert world.restarted().api.get(f"{ONE}/trials/{made['number']}").json == made
        assert world.api.get(f"{ONE}/trials/0").json["note"] is None

    @pytest.mark.parametrize("note", ["", 7, None, "x" * 1001, "a\x1b[2Jb", ["a"]])
    def test_a_note_is_a_short_text_that_a_terminal_can_show(self, world: World, note: Any) -> None:
        world.running()
        answer = world.api.post(f"{ONE}/trials", json={"trials": [{"x": 0.5}], "note": note})
        if note is None:
            assert answer.status_code == 200
        else:
            assert problem(answer, 422)["errors"][0]["field"] == "note"

    def test_enqueueing_takes_time_in_proportion_to_the_trials(self, world: World) -> None:
        world.running(max_trials=50_000)

        def enqueue(count: int) -> None:
            world.service.enqueue("default", "digits", [{"x": 0.5}] * count, f"k{count}")

        assert growth(enqueue, int, 500) < QUADRATIC

    def test_logs_are_plain_text(self, world: World) -> None:
        world.running()
        answer = world.api.get(f"{ONE}/trials/0/logs?attempt=1")
        assert (answer.mimetype, answer.data[:9]) == ("text/plain", b"trial 0, ")
        problem(world.api.get(f"{ONE}/trials/0/logs?attempt=2"), 404)
        problem(world.api.get(f"{ONE}/trials/7/logs"), 404)

    def test_logs_can_be_read_from_a_byte_on(self, world: World) -> None:
        world.running()
        path = f"{ONE}/trials/0/logs"
        whole = world.api.get(path).data
        part = world.api.get(path, headers={"Range": "bytes=7-"})
        assert (part.status_code, part.data) == (206, whole[7:])
        size = len(whole)
        assert part.headers["Content-Range"] == f"bytes 7-{size - 1}/{size}"
        over = world.api.get(path, headers={"Range": f"bytes={size}-"})
        assert (over.status_code, over.headers["Content-Range"]) == (416, f"bytes */{size}")
        for other in ("bytes=0-3", "lines=1-", "bytes=x-", "bytes=-", "bytes=-x"):
            assert world.api.get(path, headers={"Range": other}).status_code == 200

    def test_the_end_of_the_logs_can_be_read(self, world: World) -> None:
        world.running()
        world.launcher.output = [b"x" * PART_BYTES, b"abc", b"def"]
        path, size = f"{ONE}/trials/0/logs", PART_BYTES + 6
        part = world.api.get(path, headers={"Range": "bytes=-4"})
        assert (part.status_code, part.data) == (206, b"cdef")
        assert part.headers["Content-Range"] == f"bytes {size - 4}-{size - 1}/{size}"
        most = world.api.get(path, headers={"Range": "bytes=-999999999"})
        assert (len(most.data), most.data[-6:]) == (PART_BYTES, b"abcdef")
        world.launcher.output = [b"abc"]
        assert world.api.get(path, headers={"Range": "bytes=-9"}).data == b"abc"
        none = world.api.get(path, headers={"Range": "bytes=-0"})
        assert (none.status_code, none.headers["Content-Range"]) == (416, "bytes */3")

    def test_a_long_rest_comes_in_parts(self, world: World) -> None:
        world.running()
        world.launcher.output = [b"x" * PART_BYTES, b"yz"]
        path = f"{ONE}/trials/0/logs"
        part = world.api.get(path, headers={"Range": "bytes=1-"})
        assert part.headers["Content-Range"] == f"bytes 1-{PART_BYTES}/*"
        assert part.data == b"x" * (PART_BYTES - 1) + b"y"
        rest = world.api.get(path, headers={"Range": f"bytes={PART_BYTES + 1}-"})
        assert rest.data == b"z"

    def test_readers_who_do_not_read_leave_the_rest_of_the_service_alone(
        self, world: World
    ) -> None:
        world.running()
        path = f"{ONE}/trials/0/logs"
        for _ in range(LOG_STREAMS + 1):
            assert world.api.get(path).data
            world.api.head(path)
            problem(world.api.get(f"{path}?attempt=9"), 404)
        slow = [world.api.get(path) for _ in range(LOG_STREAMS // 2)]
        busy = world.api.get(path)
        problem(busy, 503)
        assert busy.headers["Retry-After"] == "2"
        assert world.api.get(ONE).status_code == 200
        slow[0].close()
        assert world.api.get(path).data

    def test_a_namespace_whose_outputs_are_read_slowly_leaves_room_for_others(
        self, world: World
    ) -> None:
        places = {}
        for namespace in ("a", "b", "c"):
            world.running(namespace=namespace)
            path = f"/api/namespaces/{namespace}/experiments/digits/trials/0/logs"
            answers = [world.api.get(path) for _ in range(LOG_STREAMS)]
            places[namespace] = [each for each in answers if each.status_code == 200]
        assert [len(each) for each in places.values()] == [8, 4, 2]
        for each in places["b"]:
            each.close()
        assert world.api.get(path).data

    def test_an_absent_experiment_is_named(self, world: World) -> None:
        detail = problem(world.api.get("/api/namespaces/team/experiments/nobody"), 404)["detail"]
        assert detail.startswith("team/nobody: ")
        world.running()
        assert "default/digits" in problem(world.api.get(f"{ONE}/trials/99"), 404)["detail"]


class TestTraining:
    def test_numbers_that_no_float_can_hold_are_refused(self, world: World) -> None:
        world.running()
        token = world.token("digits", 0)
        event = (
            '{"specversion": "1.0", "id": "1", "source": "/x", "subject": "default/digits/0/1",'
            ' "type": "dev.tunelet.trial.completed", "datacontenttype": "application/json",'
            ' "data": {"values": {"objective": 1%s}}}'
        )
        for zeros in (400, 5000):
            answer = world.api.post(
                "/api/events",
                data=event % ("0" * zeros),
                content_type="application/cloudevents+json",
                headers=bearer(token),
            )
            assert 400 <= answer.status_code < 500
            problem(answer, answer.status_code)

    def test_reports_are_answered_with_whether_to_stop(self, world: World) -> None:
        world.running()
        headers = bearer(world.token("digits", 0))
        send = {"step": 1, "values": {"objective": 0.5, "grad": "NaN"}}
        answer = world.api.post(f"{ONE}/trials/0/reports", json=send, headers=headers)
        assert answer.json == {"stop": False}
        many = {"reports": [{"step": 2, "values": {"objective": 1}}]}
        world.api.post(f"{ONE}/trials/0/reports", json=many, headers=headers)
        trial = world.api.get(f"{ONE}/trials/0").json
        assert [report["step"] for report in trial["reports"]] == [1, 2]
        world.api.post(f"{ONE}/stop")
        answer = world.api.post(f"{ONE}/trials/0/reports", json=many, headers=headers)
        assert answer.json == {"stop": True}

    def test_an_outcome_ends_the_trial_and_becomes_the_best(self, world: World) -> None:
        world.running()
        headers = bearer(world.token("digits", 1))
        send = {"state": "COMPLETE", "values": {"objective": 0.25}}
        answer = world.api.post(f"{ONE}/trials/1/outcome", json=send, headers=headers)
        assert answer.json["state"] == "COMPLETE"
        assert world.api.get(f"{ONE}/best").json["best"]["number"] == 1

    @pytest.mark.parametrize(
        ("path", "body", "wrong"),
        [
            ("reports", {}, {"step", "values"}),
            ("reports", {"step": -1, "values": {}}, {"step", "values"}),
            ("reports", {"step": 1.5, "values": {"x": True}}, {"step", "values"}),
            ("reports", {"step": 1, "values": {"x": "big"}, "epoch": 2}, {"values", "epoch"}),
            ("reports", {"reports": None}, {"reports"}),
            ("reports", {"reports": [{"step": 1}, 5]}, {"reports[0].values", "reports[1]"}),
            ("reports", [], {"body", "step", "values"}),
            ("outcome", {}, {"state"}),
            ("outcome", {"state": "LOST"}, {"state"}),
            (
                "outcome",
                {"state": ["FAIL"], "values": 1, "reason": 2, "x": 3},
                {"state", "values", "reason", "x"},
            ),
        ],
    )
    def test_every_fault_of_the_body_is_named(
        self, world: World, path: str, body: Any, wrong: set[str]
    ) -> None:
        world.running()
        headers = bearer(world.token("digits", 0))
        answer = world.api.post(f"{ONE}/trials/0/{path}", json=body, headers=headers)
        assert wrong <= fields(problem(answer, 422))

    def test_a_token_is_for_one_trial_only(self, world: World) -> None:
        world.running()
        send = {"step": 1, "values": {"objective": 1}}
        missing = world.api.post(f"{ONE}/trials/0/reports", json=send)
        problem(missing, 401)
        assert missing.headers["WWW-Authenticate"].startswith("Bearer")
        for token in ("x", world.token("digits", 1), "ü", "." * 500):
            answer = world.api.post(f"{ONE}/trials/0/reports", json=send, headers=bearer(token))
            problem(answer, 403)


class TestDocs:
    def test_the_page_and_all_that_it_needs_come_from_here(self, world: World) -> None:
        page = world.api.get("/api/docs")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert "http" not in page.text.replace("http-equiv", "")
        for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"):
            assert f"/api/docs/{name}" in page.text
            assert world.api.get(f"/api/docs/{name}").status_code == 200
        problem(world.api.get("/api/docs/index.html"), 404)

    def test_algorithms_and_the_schema_are_published(self, world: World) -> None:
        names = {each["name"] for each in world.api.get("/api/algorithms").json["algorithms"]}
        assert {"random_search", "grid_search", "tpe"} <= names
        assert "hyperparameters" in world.api.get("/api/schema").json["properties"]

    def test_aliases_are_listed_and_whether_commands_are_accepted(self, world: World) -> None:
        assert world.api.get("/api/aliases").json == {"aliases": [], "commands": False}

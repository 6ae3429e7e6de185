"""The functions that a broker calls: 204 or one event after success, 4xx for invalid events."""

import json
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from adapters.events.cloudevents import STRUCTURED, TYPES, binary, structured
from tests.unit.functions.conftest import LIMIT, SIGNATURE, World
from tunelet.core.signal import COLLECT, ENDING, LAUNCH, SUGGEST, Signal
from tunelet.errors import Retry

HERE = Signal(SUGGEST, "default", "digits")


def send(function: Client, signal: Signal) -> TestResponse:
    headers, body = binary(signal)
    return function.post("/", headers=SIGNATURE.signed(headers, body), data=body)


def tell(function: Client, kind: str, subject: str, data: Any) -> TestResponse:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/somewhere",
        "ce-type": kind,
        "ce-subject": subject,
    }
    return function.post("/", headers=headers, json=data)


def test_a_step_answers_with_the_one_event_that_follows(world: World, smallest: Any) -> None:
    world.service.submit({**smallest, "name": "digits"})
    world.broker.signals.clear()
    answer = send(world.client("suggest"), HERE)
    assert answer.status_code == 200
    assert answer.headers["ce-type"] == TYPES[LAUNCH]
    assert answer.headers["ce-subject"] == "default/digits"
    assert world.broker.signals == []


def test_a_step_for_a_stranger_answers_nothing_and_publishes_what_follows(
    world: World, smallest: Any
) -> None:
    """An answer would show a trial that an experiment of others is there, and be signed."""
    world.service.submit({**smallest, "name": "digits"})
    world.broker.signals.clear()
    answer = tell(world.client("suggest"), TYPES[SUGGEST], "default/digits", {})
    assert (answer.status_code, answer.data) == (204, b"")
    assert not [name for name, _ in answer.headers if name.lower().startswith("ce-")]
    assert world.broker.signals == [HERE._replace(topic=LAUNCH)]


def test_a_step_without_a_next_answers_204_with_nothing(world: World) -> None:
    world.running()
    answer = send(world.client("launch"), HERE._replace(topic=LAUNCH))
    assert (answer.status_code, answer.data) == (204, b"")


def test_further_signals_of_a_step_are_published(world: World) -> None:
    world.running()
    world.broker.signals.clear()
    world.service.stop("default", "digits")
    # It is over: runs are to be stopped, and users may want to know.
    published = {signal.topic for signal in world.broker.signals}
    world.broker.signals.clear()
    answer = send(world.client("suggest"), HERE)
    assert [signal.topic for signal in world.broker.signals] == [LAUNCH]
    assert answer.headers["ce-type"] == "dev.tunelet.experiment.finished"
    assert published == {LAUNCH, "finished"}


def test_a_broker_that_is_away_costs_time_only(world: World) -> None:
    world.running()
    world.broker.away = True
    world.service.stop("default", "digits")
    assert send(world.client("suggest"), HERE).status_code == 200


def test_events_are_taken_in_structured_mode_too(world: World) -> None:
    world.running()
    headers, body = structured(HERE._replace(topic=COLLECT))
    assert headers["content-type"] == STRUCTURED
    assert world.client("complete").post("/", headers=headers, data=body).status_code == 204


def test_news_of_a_run_is_collected(world: World) -> None:
    world.running()
    world.launcher.tick()
    send(world.client("complete"), HERE._replace(topic=COLLECT))
    assert world.service.trial("default", "digits", 0).reports


def test_the_announced_end_of_a_run_is_collected(world: World) -> None:
    world.running()
    path = "/api/experiments/digits/trials/0/reports"
    bearer = {"Authorization": f"Bearer {world.token('digits', 0)}"}
    last = {"reports": [{"step": 3, "values": {"objective": 1.0}}], "ending": True}
    world.broker.signals.clear()
    assert world.api.post(path, json=last, headers=bearer).json == {"stop": False}
    [announced] = world.broker.signals
    assert announced == Signal(ENDING, "default", "digits", 0)
    for _ in range(3):
        world.launcher.tick()
    assert send(world.client("complete"), announced).status_code == 200
    assert world.service.trial("default", "digits", 0).state == "COMPLETE"
    assert send(world.client("complete"), announced._replace(number=None)).status_code == 422
    wrong = {"reports": [], "ending": "yes"}
    refused = world.api.post(path, json=wrong, headers=bearer)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == "ending"


_OURS = {
    "tunelet.dev/namespace": "default",
    "tunelet.dev/experiment": "digits",
    "tunelet.dev/trial": "0",
}


@pytest.mark.parametrize("change", ["add", "update", "delete"])
def test_a_change_of_a_job_of_ours_is_news_of_its_run(world: World, change: str) -> None:
    world.running()
    world.launcher.tick()
    job = {"kind": "Job", "metadata": {"name": "digits-0-1", "labels": _OURS}}
    kind, subject = f"dev.knative.apiserver.resource.{change}", "/apis/batch/v1/namespaces/n/jobs/j"
    assert tell(world.client("complete"), kind, subject, job).status_code == 204
    assert world.service.trial("default", "digits", 0).reports
    assert not world.service.trial("default", "digits", 2).reports


def test_the_work_after_the_end_of_a_job_continues_its_trace(world: World) -> None:
    world.running()
    for _ in range(5):
        world.launcher.tick()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    kept = {"metrics": {}, "container": "training", "traceparent": trace}
    metadata = {"labels": _OURS, "annotations": {"tunelet.dev/record": json.dumps(kept)}}
    kind, subject = "dev.knative.apiserver.resource.update", "/apis/batch/v1/namespaces/n/jobs/j"
    with_traces = world.broker.traced
    tell(world.client("complete"), kind, subject, {"metadata": metadata})
    assert trace in with_traces


@pytest.mark.parametrize(
    "job",
    [
        None,
        [],
        {},
        {"metadata": 1},
        {"metadata": {"labels": {"tunelet.dev/trial": 5}}},
        {"metadata": {"labels": {**_OURS, "tunelet.dev/experiment": "../digits"}}},
        {"metadata": {"labels": {**_OURS, "tunelet.dev/namespace": "Default"}}},
        {"metadata": {"labels": {**_OURS, "tunelet.dev/trial": "٣"}}},
        {"metadata": {"labels": _OURS, "annotations": 5}},
        # What a source in the mode Reference tells.
        {"kind": "Job", "namespace": "n", "name": "digits-012345-0-1", "apiVersion": "batch/v1"},
    ],
)
def test_a_change_of_any_other_job_means_nothing(world: World, job: Any) -> None:
    kind, subject = "dev.knative.apiserver.resource.update", "/apis/batch/v1/namespaces/n/jobs/j"
    assert tell(world.client("complete"), kind, subject, job).status_code == 204


def test_training_code_may_tell_through_a_broker(world: World) -> None:
    world.running()
    complete, token = world.client("complete"), world.token("digits", 0)
    subject = "default/digits/0/1"
    said = {"token": token, "step": 1, "values": {"objective": 0.5}}
    assert tell(complete, "dev.tunelet.trial.reported", subject, said).status_code == 204
    said = {"token": token, "values": {"objective": 0.25}}
    assert tell(complete, "dev.tunelet.trial.completed", subject, said).status_code == 204
    assert world.service.best("default", "digits")[0].values == {"objective": 0.25}
    said = {"token": world.token("digits", 1), "reason": "diverged"}
    tell(complete, "dev.tunelet.trial.failed", "default/digits/1/1", said)
    assert world.service.trial("default", "digits", 1).reason == "diverged"


@pytest.mark.parametrize("kind", ["dev.tunelet.sweep.requested", "dev.knative.sources.ping"])
def test_sweep_makes_up_for_lost_events(world: World, smallest: Any, kind: str) -> None:
    world.broker.away = True
    world.service.submit({**smallest, "name": "digits", "hyperparameters": {"x": _X}})
    assert tell(world.client("sweep"), kind, "", {}).status_code == 204
    assert len(world.launcher.running()) == 3


_X = {"type": "float", "min": 0, "max": 1}


class TestPoison:
    """An invalid event must not come again: any 4xx except 404, 408, 409 and 429."""

    @pytest.mark.parametrize("function", ["suggest", "launch", "complete", "sweep"])
    def test_an_event_for_another_function(self, world: World, function: str) -> None:
        answer = tell(world.client(function), "dev.example.other", "default/digits", {})
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "type"

    @pytest.mark.parametrize(
        "subject", ["", "digits", "a/b/c", "a/b/1/2/3", "A/b", "../b", "a/b\x7f"]
    )
    def test_a_subject_that_names_no_experiment(self, world: World, subject: str) -> None:
        assert tell(world.client("suggest"), TYPES[SUGGEST], subject, {}).status_code == 422

    def test_a_trial_event_with_a_wrong_token_or_of_another_attempt(self, world: World) -> None:
        world.running()
        kind, data = "dev.tunelet.trial.reported", {"step": 1, "values": {"objective": 1}}
        complete, token = world.client("complete"), world.token("digits", 0)
        for subject, given in [
            ("default/digits/0/1", {}),
            ("default/digits/0/1", {"token": 5}),
            ("default/digits/0/1", {"token": "wrong"}),
            ("default/digits/0/2", {"token": token}),
            ("default/digits/1/1", {"token": token}),
            ("default/digits", {"token": token}),
        ]:
            assert tell(complete, kind, subject, {**data, **given}).status_code in (403, 422)
        assert not world.service.trial("default", "digits", 0).reports

    def test_a_trial_event_for_an_absent_experiment_is_not_found(self, world: World) -> None:
        data = {"token": "x", "step": 1, "values": {"objective": 1}}
        answer = tell(world.client("complete"), "dev.tunelet.trial.reported", "default/no/0", data)
        assert answer.status_code == 422

    def test_no_event_at_all(self, world: World) -> None:
        suggest = world.client("suggest")
        assert suggest.post("/", json={"hello": 1}).status_code == 422
        assert suggest.post("/").status_code == 422
        assert suggest.post("/", data=b"[]", content_type=STRUCTURED).status_code == 422
        assert suggest.get("/").status_code == 405
        assert suggest.post("/", data=b" " * (LIMIT + 1)).status_code == 413

    def test_a_batch_where_one_event_is_taken(self, world: World) -> None:
        batch = "application/cloudevents-batch+json"
        assert world.client("suggest").post("/", data=b"[]", content_type=batch).status_code == 422


def test_a_signal_for_an_experiment_that_is_gone_is_done_with(world: World) -> None:
    for topic, function in ((SUGGEST, "suggest"), (LAUNCH, "launch"), (COLLECT, "complete")):
        assert send(world.client(function), HERE._replace(topic=topic)).status_code == 204


def test_a_passing_fault_is_to_be_delivered_again(world: World) -> None:
    world.store.fault = Retry("the store is away", after=7)
    answer = send(world.client("suggest"), HERE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")


def test_a_bug_is_to_be_delivered_again_and_shows_nothing(world: World) -> None:
    world.store.fault = KeyError("secret")
    answer = send(world.client("suggest"), HERE)
    assert answer.status_code == 500
    assert "secret" not in answer.text


class TestEventsOfPipelines:
    """POST /api/events: the same trial events straight to the API, in any mode."""

    def events(self, world: World) -> list[dict[str, Any]]:
        return [
            {
                "specversion": "1.0",
                "id": str(step),
                "source": "/pipeline",
                "type": "dev.tunelet.trial.reported",
                "subject": "default/digits/0/1",
                "data": {"step": step, "values": {"objective": 1.0 / step}},
            }
            for step in (1, 2, 3)
        ]

    def test_one_in_structured_mode_with_the_token_in_a_header(self, world: World) -> None:
        world.running()
        headers = {
            "Authorization": f"Bearer {world.token('digits', 0)}",
            "Content-Type": STRUCTURED,
        }
        event = json.dumps(self.events(world)[0])
        answer = world.api.post("/api/events", data=event, headers=headers)
        assert answer.json == {"events": [{"id": "1", "stop": False}]}

    def test_a_batch_is_taken_whole_and_again_without_effect(self, world: World) -> None:
        world.running()
        headers = {
            "Authorization": f"Bearer {world.token('digits', 0)}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        for _ in range(2):
            answer = world.api.post("/api/events", json=self.events(world), headers=headers)
            assert [told["id"] for told in answer.json["events"]] == ["1", "2", "3"]
        assert [r.step for r in world.service.trial("default", "digits", 0).reports] == [1, 2, 3]

    def test_an_event_of_another_type_is_refused(self, world: World) -> None:
        headers, body = binary(HERE)
        for data in (b"", b"{}", b'{"specversion": []}', body):
            answer = world.api.post("/api/events", data=data, headers={"Content-Type": STRUCTURED})
            assert answer.status_code == 422
        assert world.api.post("/api/events", data=body, headers=headers).status_code == 422
        batch = {"Content-Type": "application/cloudevents-batch+json"}
        many = [{}] * 501
        assert world.api.post("/api/events", json=many, headers=batch).status_code == 422

"""Every request is counted, logs its subject, and passes on the trace that it came with."""

import io
import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from adapters.events.cloudevents import binary
from adapters.storage.memory import MemoryStore
from functions.telemetry import log
from functions.telemetry.metrics import MeteredStore
from functions.telemetry.observed import observed
from functions.telemetry.spans import Spans, spans_of
from tests.unit.functions.conftest import SIGNATURE, SilentLauncher, World
from tunelet import tracing
from tunelet.core.run import Launch
from tunelet.core.signal import SUGGEST, Signal
from tunelet.errors import Retry, Throttled
from tunelet.ports import Stored

TRACE = "0af7651916cd43dd8448eb211c80319c"
CONTEXT = f"00-{TRACE}-b7ad6b7169203331-01"
HERE = Signal(SUGGEST, "default", "digits")


def figures(world: World) -> dict[str, float]:
    lines = world.api.get("/metrics").text.splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")
    }


def test_requests_are_counted_by_function_and_code(world: World) -> None:
    key = 'tunelet_request_seconds_count{code="404",function="api"}'
    before = figures(world).get(key, 0)
    world.api.get("/api/experiments/absent")
    assert figures(world)[key] == before + 1


def test_a_sweep_sets_the_number_of_live_experiments(world: World) -> None:
    world.running()
    event = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/schedule"}
    world.client("sweep").post("/", headers=event | {"ce-type": "dev.knative.sources.ping"})
    assert figures(world)["tunelet_live_experiments"] == 1


class Busy(MemoryStore):
    def get(self, key: str) -> Stored | None:
        raise Throttled("slow down") if key == "busy" else Retry("again")


def test_a_stores_requests_are_counted_by_how_they_ended(world: World) -> None:
    def counted(operation: str, result: str) -> float:
        labels = f'operation="{operation}",result="{result}"'
        return figures(world).get(f"tunelet_store_request_seconds_count{{{labels}}}", 0)

    kinds = {("get", "throttled"): 1, ("get", "retry"): 1, ("create", "ok"): 2, ("list", "ok"): 1}
    before = {kind: counted(*kind) for kind in kinds}
    store = MeteredStore(Busy())
    for key, fault in (("busy", Throttled), ("other", Retry)):
        with pytest.raises(fault):
            store.get(key)
    store.create("a/1", b"")
    store.create("a/2", b"")
    assert list(store.list("a/")) == ["a/1", "a/2"]
    assert {kind: counted(*kind) - before[kind] for kind in kinds} == kinds


def test_no_label_names_a_tenant(world: World) -> None:
    world.running(namespace="secret-team")
    world.api.get("/api/namespaces/secret-team/experiments/digits")
    assert "secret-team" not in world.api.get("/metrics").text


class Keeping(SilentLauncher):
    """Keeps the launches."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Launch] = []

    def launch(self, launch: Launch) -> None:
        self.asked.append(launch)
        super().launch(launch)


def test_a_trace_continues_in_events_and_runs() -> None:
    world = World(launcher=Keeping())
    space = {"x": {"type": "float", "min": 0, "max": 1}}
    request = {"name": "digits", "model_training_code": "trainer", "hyperparameters": space}
    sent = world.api.post("/api/submit_job", json=request, headers={"traceparent": CONTEXT})
    assert sent.status_code == 200, sent.text
    with tracing.within(CONTEXT):
        headers, body = binary(HERE)
    headers = SIGNATURE.signed(headers, body)
    answer = world.client("suggest").post("/", headers=headers, data=body)
    assert answer.headers["ce-type"] == "dev.tunelet.launch.requested"
    assert answer.headers["ce-traceparent"] == CONTEXT
    world.client("launch").post("/", headers=dict(answer.headers), data=answer.data)
    assert isinstance(world.launcher, Keeping)
    assert [launch.env["TRACEPARENT"] for launch in world.launcher.asked] == [CONTEXT] * 3


@pytest.mark.parametrize("given", ["", "00-0-0-0", f"00-{'0' * 32}-b7ad6b7169203331-01", "x" * 99])
def test_an_invalid_trace_context_is_not_passed_on(world: World, smallest: Any, given: str) -> None:
    world.service.submit({**smallest, "name": "digits"})
    headers, body = binary(HERE)
    headers = SIGNATURE.signed(headers, body) | {"traceparent": given}
    answer = world.client("suggest").post("/", headers=headers, data=body)
    assert answer.headers["ce-type"] == "dev.tunelet.launch.requested"
    assert "ce-traceparent" not in answer.headers


def test_log_lines_name_the_subject_of_the_request(world: World) -> None:
    world.running()
    stream = io.StringIO()
    log.configure("launch", stream)
    world.broker.away = True
    world.service.stop("default", "digits")
    stream.truncate(0)
    stream.seek(0)
    with tracing.within(CONTEXT):
        headers, body = binary(HERE._replace(topic=SUGGEST))
    world.client("suggest").post("/", headers=headers, data=body)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert lines
    for line in lines:
        assert (line["namespace"], line["experiment"]) == ("default", "digits")
        assert line["trace_id"] == TRACE


def test_the_subject_of_one_request_is_not_in_the_log_lines_of_the_next(world: World) -> None:
    world.running()
    world.api.get("/api/experiments/digits")
    assert log.subject() == {}
    assert tracing.current() is None


def test_a_span_is_linked_to_the_trace_that_its_request_joined() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))

    def joins(_: Request) -> Response:
        tracing.join(CONTEXT)
        return Response()

    spans = Spans(provider.get_tracer("test"))
    client = Client(Request.application(observed("complete", joins, spans)))
    client.post("/", headers={"ce-type": "dev.knative.apiserver.resource.update"})
    Client(Request.application(observed("complete", lambda _: Response(), spans))).post("/")
    linked, alone = kept.get_finished_spans()
    assert [format(link.context.trace_id, "032x") for link in linked.links] == [TRACE]
    assert not alone.links


def test_nothing_is_traced_unless_the_environment_says_where_to() -> None:
    assert spans_of({}) is None
    address = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert spans_of(address | {"OTEL_SDK_DISABLED": "true"}) is None

"""One trace from submit through events and training to the outcome, in a trace collector."""

import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from urllib3.util import Retry

from tests.e2e.processes import POOL, over_folder
from tests.e2e.test_functions import request
from tests.serving import serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
# Training code that tells its outcome over HTTP, and hands the trace on as any client would.
TRAIN = f"""exec {sys.executable} - <<'PY'
import json, os, urllib.request
env = os.environ
names = [env["TUNELET_" + name] for name in ("NAMESPACE", "EXPERIMENT", "TRIAL")]
trial = "/api/namespaces/%s/experiments/%s/trials/%s" % tuple(names)
request = urllib.request.Request(
    env["TUNELET_API_URL"] + trial + "/outcome",
    json.dumps({{"state": "COMPLETE", "values": {{"objective": 0.5}}}}).encode(),
    {{
        "Content-Type": "application/json",
        "Authorization": "Bearer " + env["TUNELET_TRIAL_TOKEN"],
        "traceparent": env["TRACEPARENT"],
    }},
)
urllib.request.urlopen(request).close()
PY
"""


LATER = Retry(200, backoff_factor=0.5, backoff_max=0.5)


class Collector:
    """A receiver of OTLP over HTTP that keeps the spans it is sent."""

    def __init__(self) -> None:
        kept: list[Any] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp

                body = self.rfile.read(int(self.headers["Content-Length"]))
                told = otlp.ExportTraceServiceRequest.FromString(body)
                for resource in told.resource_spans:
                    for scope in resource.scope_spans:
                        kept.extend(scope.spans)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """A test has no use for an access log."""

        self.spans = kept
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    started = Collector()
    with serving(started.server):
        yield started


def test_submit_events_and_outcome_are_one_trace(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    functions = over_folder(tmp_path, TRAIN)
    try:
        for port in functions.ports.values():  # or events would be lost, and no sweep is sent here
            POOL.request("GET", f"http://127.0.0.1:{port}/", retries=LATER)
        sent = POOL.request(
            "POST",
            f"{functions.client.url}/api/submit_job",
            json=request(metrics={"source": "push"}),
            headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
        )
        assert sent.status == 200, sent.data
        deadline = time.monotonic() + 120
        while not functions.client.experiment("spread").ended:
            assert time.monotonic() < deadline, functions.log.read_text()
            time.sleep(0.2)
    finally:
        functions.close()  # and what is left of the spans is sent
    ours = [span for span in collector.spans if span.trace_id.hex() == TRACE]
    names = {span.name for span in ours}
    assert {
        "api POST",
        "suggest dev.tunelet.suggest.requested",
        "launch dev.tunelet.launch.requested",
    } <= names
    told = [s for s in ours if _attributes(s).get("tunelet.trial") is not None]
    assert {_attributes(span)["tunelet.trial"] for span in told} == {"0", "1", "2", "3"}
    for span in ours:
        assert _attributes(span)["tunelet.experiment"] == "spread"
    known = {span.span_id for span in ours} | {bytes.fromhex("00f067aa0ba902b7")}
    assert {span.parent_span_id for span in ours} <= known


def _attributes(span: Any) -> dict[str, str]:
    return {each.key: each.value.string_value for each in span.attributes}

"""The collector's interpretation of answers, from the service and from proxies before it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from adapters.collector.api import Answer, ReportApi
from adapters.collector.delivery import Delivery
from adapters.collector.pending import Pending
from adapters.collector.settings import CollectorSettings
from tests.serving import serving
from tunelet.core.trial import Report

BATCH: list[dict[str, Any]] = [{"step": 1, "values": {"loss": 0.5}}]


class Front(BaseHTTPRequestHandler):
    """Gives one answer after the other."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[list[tuple[int, dict[str, str], bytes]]] = []
    asked: ClassVar[list[tuple[str, str | None, bytes]]] = []
    traces: ClassVar[list[str | None]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, self.headers["Authorization"], body))
        self.traces.append(self.headers["traceparent"])
        status, headers, data = self.answers.pop(0)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[ReportApi]:
    Front.answers.clear()
    Front.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    with serving(server) as port:
        given = dict.fromkeys(CollectorSettings._fields, "")
        where = {"namespace": "a", "experiment": "b", "trial": "7", "token": "secret"}
        where |= {"traceparent": "of the trial", "api_url": f"http://127.0.0.1:{port}/base"}
        yield ReportApi(CollectorSettings(**given | where))  # type: ignore[arg-type]


def answered(api: ReportApi, status: int, data: bytes = b"", **headers: str) -> Answer:
    Front.answers.append((status, {k.replace("_", "-"): v for k, v in headers.items()}, data))
    return api.report(BATCH)


def test_reports_have_the_trials_token_and_the_answer_says_whether_to_stop(api: ReportApi) -> None:
    assert answered(api, 200, b'{"stop":false}') == Answer(taken=True)
    assert answered(api, 200, b'{"stop":true}') == Answer(taken=True, stop=True)
    body = b'{"reports":[{"step":1,"values":{"loss":0.5}}]}'
    path = "/base/api/namespaces/a/experiments/b/trials/7/reports"
    assert Front.asked == [(path, "Bearer secret", body)] * 2
    assert set(Front.traces) == {"of the trial"}


def test_only_the_services_own_refusal_is_final(api: ReportApi) -> None:
    problem = b'{"status":403,"detail":"the token is forged"}'
    refused = answered(api, 403, problem, Content_Type="application/problem+json")
    assert refused.taken
    assert "the token is forged" in str(refused.fault)
    for status in (404, 403, 302, 500):
        assert not answered(api, status, b"no such route", Content_Type="text/plain").taken
    assert not answered(api, 200, b"<html>log in</html>").taken
    assert not answered(api, 429, problem, Content_Type="application/problem+json").taken


def test_it_waits_as_long_as_it_is_asked_to_within_reason(api: ReportApi) -> None:
    assert answered(api, 503, Retry_After="7").after == 7
    assert answered(api, 503, Retry_After="86400").after == 30
    assert answered(api, 503, Retry_After="Fri, 27 Nov 2026 00:00:00 GMT").after is None


def test_a_closed_connection_is_opened_again(api: ReportApi) -> None:
    assert answered(api, 200, b'{"stop":false}', Connection="close").taken
    assert answered(api, 200, b'{"stop":false}').taken


def test_the_last_reports_announce_the_end_and_without_any_a_request_does(
    api: ReportApi,
) -> None:
    news = Pending()
    delivery = Delivery(api, news, "/nowhere/stop")
    news.add([Report(1, {"loss": 0.5})])
    Front.answers += [(200, {}, b'{"stop":false}')] * 3
    delivery.deliver()
    news.add([Report(2, {"loss": 0.25})])
    news.close()
    delivery.deliver()
    delivery.end()  # the last reports have told it
    other = Delivery(api, Pending(), "/nowhere/stop")
    other.end()
    assert [json.loads(body) for _, _, body in Front.asked] == [
        {"reports": [{"step": 1, "values": {"loss": 0.5}}]},
        {"reports": [{"step": 2, "values": {"loss": 0.25}}], "ending": True},
        {"reports": [], "ending": True},
    ]

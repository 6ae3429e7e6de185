"""The watch on Jobs, against a server that answers as the Kubernetes API may."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from adapters.launchers.kubernetes.access import Access
from adapters.launchers.kubernetes.api import KubernetesApi
from adapters.launchers.kubernetes.jobwatch import JobWatch
from adapters.launchers.kubernetes.labels import RECORD, SAVED, labels, selector
from adapters.launchers.kubernetes.launcher import KubernetesLauncher, Options
from tests.contracts.launchers import STDOUT
from tests.serving import serving
from tunelet import tracing
from tunelet.core.run import Launch, Run
from tunelet.errors import Reject

RUN = Run("team", "digits", "0123456789abcdef", 0, 1)
OTHER = RUN._replace(experiment="letters")
JOBS = "/apis/batch/v1/namespaces/trials-team/jobs"


def job(run: Run | None, version: int) -> dict[str, Any]:
    own = labels(run, "tunelet") if run else {"app": "other"}
    return {"metadata": {"name": "j", "resourceVersion": str(version), "labels": own}}


def listing(version: int, *runs: Run | None) -> bytes:
    items = [job(run, 1) for run in runs]
    return json.dumps({"metadata": {"resourceVersion": str(version)}, "items": items}).encode()


def change(kind: str, run: Run | None, version: int) -> bytes:
    return json.dumps({"type": kind, "object": job(run, version)}).encode() + b"\n"


Answer = tuple[int, list[bytes]]
OPEN: Answer = (0, [])
"""A watch on which nothing comes."""


class Server:
    """Gives its answers in turn, for lists and for watches; a watch's pieces one by one."""

    def __init__(self, lists: list[Answer], watches: list[Answer]) -> None:
        self.lists, self.watches = lists, watches
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.traces: list[str | None] = []
        """In which the news were told."""
        self.over = threading.Event()
        serving = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = dict(parse_qsl(parts.query))
                serving.asked.append((parts.path, query))
                answers = serving.watches if "watch" in query else serving.lists
                status, pieces = answers.pop(0) if answers else OPEN
                self.send_response(status or 200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    time.sleep(0.01)
                if not status:
                    serving.over.wait(60)
                self.wfile.write(b"0\r\n\r\n")

            def do_POST(self) -> None:
                made = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                made["metadata"]["uid"] = "u"
                missing = "/trials-nowhere/" in self.path
                body = json.dumps({"message": "not found"} if missing else made).encode()
                self.send_response(404 if missing else 201)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """A test has no use for an access log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @contextmanager
    def running(self) -> Iterator[None]:
        with serving(self.server):
            try:
                yield
            finally:
                self.over.set()

    @property
    def api(self) -> KubernetesApi:
        host = f"http://127.0.0.1:{self.server.server_port}"
        return KubernetesApi(Access(host=host, authorization=lambda: None))

    def versions(self) -> list[str]:
        """From which each watch began."""
        return [query["resourceVersion"] for _, query in self.asked if "watch" in query]


Told = tuple[str, str, int | None]
Made = Callable[[list[Answer], list[Answer]], tuple[Server, list[Told], JobWatch]]


@pytest.fixture
def watching() -> Iterator[Made]:
    end = ExitStack()

    def make(lists: list[Answer], watches: list[Answer]) -> tuple[Server, list[Told], JobWatch]:
        server, told = Server(lists, watches), list[Told]()
        end.enter_context(server.running())

        def news(*whose: Any) -> None:
            server.traces.append(tracing.current())
            told.append(whose)

        watch = JobWatch(server.api, selector("tunelet"), news, pause=0.01)
        end.callback(watch.stop)
        watch.add(JOBS)
        return server, told, watch

    with end:
        yield make


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.005)


def test_existing_objects_are_reported_once_per_experiment_at_the_beginning(watching: Made) -> None:
    later = RUN._replace(number=5)
    server, told, _ = watching([(200, [listing(7, RUN, later, OTHER, None)])], [OPEN])
    until(lambda: server.versions() == ["7"])
    assert told == [("team", "digits", None), ("team", "letters", None)]
    path, query = server.asked[0]
    assert path == JOBS
    assert "app.kubernetes.io/managed-by=tunelet" in query["labelSelector"]


def test_changes_are_reported_as_they_come_even_in_pieces(watching: Made) -> None:
    line = change("MODIFIED", RUN, 8)
    watch = (0, [line[:20], line[20:] + change("DELETED", OTHER, 9), change("ADDED", None, 10)])
    _, told, _ = watching([(200, [listing(7)])], [watch])
    until(lambda: len(told) == 2)
    assert told == [("team", "digits", 0), ("team", "letters", 0)]


def test_the_end_of_a_job_is_news_and_other_changes_are_not(watching: Made) -> None:
    runs = [RUN._replace(number=number) for number in range(5)]
    marked = {**labels(runs[4], "tunelet"), SAVED: "true"}
    states: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("ADDED", {}, {}),
        ("MODIFIED", {}, {"active": 1, "ready": 1}),
        ("MODIFIED", {}, {"conditions": [{"type": "Complete", "status": "True"}]}),
        ("MODIFIED", {"deletionTimestamp": "2026-11-26T00:00:00Z"}, {"active": 1}),
        ("MODIFIED", {"labels": marked}, {"conditions": [{"type": "Complete", "status": "True"}]}),
    ]
    annotations = {RECORD: '{"metrics":{"source":"stdout"},"container":"training"}'}
    pieces = []
    for run, (kind, metadata, status) in zip(runs, states, strict=True):
        thing = json.loads(change(kind, run, 8))
        thing["object"]["metadata"] |= {"annotations": annotations} | metadata
        thing["object"]["status"] = status
        pieces.append(json.dumps(thing).encode() + b"\n")
    server, told, _ = watching([(200, [listing(7)])], [(200, pieces), OPEN])
    until(lambda: len(server.versions()) == 2)
    assert told == [("team", "digits", 2), ("team", "digits", 3)]


def test_another_kind_ends_by_the_condition_in_its_record(watching: Made) -> None:
    kept = {"metrics": {}, "container": "main", "success": 'status.phase=="Done"', "path": "/p"}
    pieces = []
    for number, phase in enumerate(("Pending", "Running", "Done")):
        thing = json.loads(change("MODIFIED", RUN._replace(number=number), 8))
        thing["object"]["metadata"]["annotations"] = {RECORD: json.dumps(kept)}
        thing["object"]["status"] = {"phase": phase}
        pieces.append(json.dumps(thing).encode() + b"\n")
    server, told, _ = watching([(200, [listing(7)])], [(200, pieces), OPEN])
    until(lambda: len(server.versions()) == 2)
    assert told == [("team", "digits", 2)]


def test_the_end_of_a_job_continues_the_trace_of_its_launch(watching: Made) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    kept = {"metrics": {}, "container": "training", "traceparent": trace}
    thing = json.loads(change("DELETED", RUN, 8))
    thing["object"]["metadata"]["annotations"] = {RECORD: json.dumps(kept)}
    pieces = [json.dumps(thing).encode() + b"\n", change("DELETED", OTHER, 9)]
    server, told, _ = watching([(200, [listing(7)])], [(200, pieces), OPEN])
    until(lambda: len(told) == 2)
    assert server.traces == [trace, None]


def test_a_watch_that_ends_silently_continues_from_its_version(watching: Made) -> None:
    first = (200, [change("MODIFIED", RUN, 8), change("BOOKMARK", None, 12)])
    server, told, _ = watching([(200, [listing(7)])], [first, (200, []), OPEN])
    until(lambda: len(server.versions()) == 3)
    assert server.versions() == ["7", "12", "12"]
    assert told == [("team", "digits", 0)]


@pytest.mark.parametrize(
    "broken",
    [
        (200, [b'{"type": "ERROR", "object": {"kind": "Status", "code": 410}}\n']),
        (410, [b"{}"]),
        (500, [b"{}"]),
        (403, [b"{}"]),
        (200, [b"no json\n"]),
    ],
)
def test_a_watch_that_cannot_go_on_begins_with_a_new_list(watching: Made, broken: Answer) -> None:
    lists: list[Answer] = [(200, [listing(7)]), (503, [b"{}"]), (200, [listing(20, RUN)])]
    server, told, _ = watching(lists, [broken, OPEN])
    until(lambda: server.versions() == ["7", "20"])
    until(lambda: told == [("team", "digits", None)])


def test_a_right_that_is_missing_is_logged_once(
    watching: Made, caplog: pytest.LogCaptureFixture
) -> None:
    server, _, _ = watching([(403, [b'{"message": "no right"}'])] * 4 + [(200, [listing(7)])], [])
    until(server.versions)
    assert [each.message for each in caplog.records if "is broken" in each.message] == [
        f"the watch of {JOBS} is broken: {caplog.records[0].args[1]}"  # type: ignore[index]
    ]


def test_a_collection_is_watched_once(watching: Made) -> None:
    server, _, watch = watching([(200, [listing(7)]), (200, [listing(1)])], [OPEN, OPEN])
    watch.add(JOBS)
    watch.add(JOBS.replace("team", "other"))
    until(lambda: len(server.versions()) == 2)
    paths = [f"/apis/batch/v1/namespaces/trials-{name}/jobs" for name in ("other", "team")]
    assert sorted(path for path, _ in server.asked) == sorted(paths * 2)


def test_a_namespace_that_users_only_name_is_not_watched() -> None:
    """There may be any number of them, and each watch is a thread and a connection."""
    server = Server([(200, [listing(7)])], [OPEN])
    launcher = KubernetesLauncher(server.api, Options(prefix="trials-"))
    with server.running(), ExitStack() as end:
        end.callback(launcher.watch(lambda *_: None, lambda *_: None))
        with pytest.raises(Reject, match="create it"):
            launcher.launch(launched(RUN._replace(namespace="nowhere")))
        launcher.launch(launched(RUN))
        until(server.versions)
    assert {path.split("/")[5] for path, _ in server.asked} == {"trials-team"}


def launched(run: Run) -> Launch:
    return Launch(run, {"image": "image"}, (), (), {"TUNELET_TRIAL_TOKEN": "t"}, STDOUT)


def test_nothing_is_reported_after_the_end(watching: Made) -> None:
    late = [change("BOOKMARK", None, 8)] * 20 + [change("MODIFIED", RUN, 9)]
    server, told, watch = watching([(200, [listing(7)])], [(200, late)])
    until(server.versions)
    watch.stop()
    time.sleep(0.5)
    assert told == []

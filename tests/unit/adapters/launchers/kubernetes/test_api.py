"""The launcher's interpretation of answers of a Kubernetes API, over real HTTP."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.launchers import open_launcher
from adapters.launchers.kubernetes.access import Access, access
from adapters.launchers.kubernetes.api import KubernetesApi
from adapters.launchers.kubernetes.objects import Objects
from tests.serving import serving
from tunelet.core.run import Run
from tunelet.errors import Forbidden, NotFound, Reject, Retry, TuneletError

RUN = Run("team", "digits", "0123456789abcdef", 0, 1)


class Server:
    """Answers each request with the next of `answers`, and keeps the requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, Any] | str]] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.asked.append((self.command, self.path, dict(self.headers), body))
                status, document = server.answers.pop(0)
                text = document if isinstance(document, str) else json.dumps(document)
                raw = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                if status == 429:
                    self.send_header("Retry-After", "7")
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.http.daemon_threads = True
    with serving(server.http):
        yield server


@pytest.fixture
def api(server: Server) -> KubernetesApi:
    return KubernetesApi(Access(server.url, lambda: "Bearer t"))


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (500, "etcdserver: request timed out", Retry),
        (503, "not ready", Retry),
        (429, "too many requests", Retry),
        (401, "Unauthorized", Retry),
        (410, "the continue token is too old", Retry),
        (403, 'jobs.batch "j" is forbidden: exceeded quota: q', Retry),
        (404, 'namespaces "n" not found', NotFound),
        (422, 'Job.batch "j" is invalid: spec.template', Reject),
        (400, "strict decoding error: unknown field", Reject),
    ],
)
def test_an_answer_becomes_the_error_that_says_what_to_do_next(
    server: Server, api: KubernetesApi, status: int, message: str, error: type[TuneletError]
) -> None:
    server.answers = [(status, {"kind": "Status", "message": message})]
    with pytest.raises(error) as raised:
        api.create("/apis/batch/v1/namespaces/n/jobs", {})
    assert type(raised.value) is error
    assert message in str(raised.value)
    assert len(server.asked) == 1, "nothing is sent twice"
    if isinstance(raised.value, Retry) and status == 429:
        assert raised.value.after == 7


REFUSED = (403, {"kind": "Status", "message": 'jobs.batch is forbidden: User "x" cannot create'})
READY: tuple[int, dict[str, Any]] = (200, {})


def test_a_lack_of_rights_is_final_if_the_server_is_ready(
    server: Server, api: KubernetesApi
) -> None:
    server.answers = [REFUSED, READY, REFUSED]
    with pytest.raises(Forbidden, match="cannot create"):
        api.create("/a", {})
    assert [path for _, path, _, _ in server.asked] == ["/a", "/readyz", "/a"]


@pytest.mark.parametrize("early", [REFUSED, (500, {"message": "informers not synced"}), (401, {})])
def test_a_refusal_of_a_starting_server_is_not_a_lack_of_rights(
    server: Server, api: KubernetesApi, early: tuple[int, dict[str, Any]]
) -> None:
    server.answers = [REFUSED, early]
    with pytest.raises(Retry, match=r"not ready.*cannot create"):
        api.create("/a", {})


def test_a_request_refused_before_the_server_was_ready_succeeds_later(
    server: Server, api: KubernetesApi
) -> None:
    server.answers = [REFUSED, READY, (201, {"kind": "Job"})]
    assert api.create("/a", {}) == {"kind": "Job"}


def test_an_existing_object_is_not_created_and_an_absent_one_is_none(
    server: Server, api: KubernetesApi
) -> None:
    server.answers = [(409, {}), (404, {}), (404, {}), (404, {})]
    assert api.create("/a", {}) is None
    assert api.get("/a") is None
    api.patch("/a", {})
    api.delete("/a", "Foreground")
    method, _, headers, body = server.asked[-1]
    assert (method, json.loads(body)["propagationPolicy"]) == ("DELETE", "Foreground")
    assert headers["Authorization"] == "Bearer t"


GONE = "unable to retrieve container logs for containerd://a291350a"


@pytest.mark.parametrize("said", [GONE, f"{GONE}\n"])
def test_an_answer_that_the_log_is_gone_is_not_output(
    server: Server, api: KubernetesApi, said: str
) -> None:
    server.answers = [(200, said)]
    with pytest.raises(NotFound, match="unable to retrieve"):
        Objects(api, "", "tunelet", 60).output(RUN, "pod", "training")


@pytest.mark.parametrize("said", ["", f"{GONE}\nobjective=1\n"])
def test_any_other_text_of_the_node_is_output(
    server: Server, api: KubernetesApi, said: str
) -> None:
    server.answers = [(200, said)]
    found = Objects(api, "", "tunelet", 60).output(RUN, "pod", "training")
    assert b"".join(found).decode() == said


def test_a_list_is_read_page_by_page(server: Server, api: KubernetesApi) -> None:
    server.answers = [
        (200, {"metadata": {"continue": "more"}, "items": [{"n": 1}]}),
        (200, {"metadata": {}, "items": [{"n": 2}]}),
    ]
    assert list(api.list("/a", labelSelector="b=c")) == [{"n": 1}, {"n": 2}]
    asked = [parse_qs(urlsplit(path).query) for _, path, _, _ in server.asked]
    assert [each.get("continue") for each in asked] == [None, ["more"]]
    assert all(each["labelSelector"] == ["b=c"] for each in asked)


def test_a_server_that_cannot_be_reached_is_a_passing_fault() -> None:
    with pytest.raises(Retry, match="does not answer"):
        KubernetesApi(Access("http://127.0.0.1:9", lambda: None)).get("/a")


def test_a_pod_reaches_the_api_with_its_own_account_and_reads_a_renewed_token(
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text("old\n")
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    found = access(environ, tmp_path)
    assert found.host == "https://[fd00::1]:6443"
    assert found.ca_file == str(tmp_path / "ca.crt")
    assert found.authorization() == "Bearer old"
    (tmp_path / "token").write_text("new")
    assert found.authorization() == "Bearer new"


def test_a_kubeconfig_comes_first_and_one_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        json.dumps(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": "https://k:6443"}}],
                "users": [{"name": "u", "user": {"token": "mine"}}],
            }
        )
    )
    found = access({"KUBECONFIG": str(config), "KUBERNETES_SERVICE_HOST": "h"}, tmp_path)
    assert (found.host, found.authorization()) == ("https://k:6443", "Bearer mine")
    with pytest.raises(Reject, match="KUBECONFIG"):
        access({"KUBECONFIG": str(tmp_path / "none")}, tmp_path)


@pytest.mark.parametrize(
    ("url", "options", "what"),
    [
        ("kubernetes://?prefx=a", {}, "prefx"),
        ("kubernetes://?ttl_seconds=long", {}, "ttl_seconds"),
        ("kubernetes://", {"limit": 3}, "TUNELET_MAX_PROCESSES"),
        ("kubernetes://", {"aliases": {"a": ["b"]}}, "TUNELET_ALIASES"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_by_name(
    url: str, options: dict[str, Any], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(Reject, match=what):
        open_launcher(url, **options)

"""The benchmarks measure the real service, and print figures for programs."""

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request

from adapters.storage import open_store
from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from benchmarks import load, quality, requests, suggest, writers
from benchmarks.__main__ import BENCHMARKS, BY_HAND
from benchmarks.coldstart import AIMS
from benchmarks.harness import reading, trainers
from benchmarks.harness.counting import Counting
from benchmarks.harness.delay import DelayedStore, relay
from benchmarks.harness.figures import line, percentile
from benchmarks.harness.inline import Inline, InlineLauncher, Queue, request
from benchmarks.harness.installed import moved
from benchmarks.harness.jobs import anonymous, gaps
from benchmarks.harness.libraries import Library, Optuna
from benchmarks.harness.nested_spaces import Hyperopt
from benchmarks.harness.panels import Panel, draw
from benchmarks.harness.postgres import postgres
from benchmarks.harness.problems import PROBLEMS
from benchmarks.harness.racing import LibrarySearch, Logged, Searcher, search
from benchmarks.harness.running import NAME, NAMESPACE, UID, prepare, standing
from benchmarks.harness.table import by_turns, medians, show
from benchmarks.overhead import STORAGES
from benchmarks.stores import contestants
from functions.api.handler import Api
from functions.events.outbox import Nowhere, Outbox
from tests.serving import serving
from tunelet.assembly import assembled
from tunelet.core.events import Reported
from tunelet.core.run import Run
from tunelet.core.trial import Assignment, Report
from tunelet.engine.tokens import Tokens
from tunelet.log.entry import FORMAT, Entry, encode
from tunelet.log.journal import Journal
from tunelet.log.journal_cache import Journals
from tunelet.ports import Store

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("algorithm", ["random_search", "grid_search", "tpe"])
def test_an_experiment_runs_to_its_end_in_one_thread(tmp_path: Path, algorithm: str) -> None:
    numbers: list[str] = []

    def objective(env: dict[str, str]) -> float:
        numbers.append(env["TUNELET_TRIAL"])
        return float(env["TUNELET_TRIAL"])

    inline = Inline(open_store(tmp_path.as_uri()), objective)
    ended = inline.run(request(algorithm, trials=14, parallel=3))
    assert ended.state == "COMPLETE"
    assert ended.counts["complete"] == 14
    assert sorted(map(int, numbers)) == list(range(14))
    assert [one.number for one in ended.best] == [0]


def test_every_figure_has_the_name_that_it_is_known_by() -> None:
    assert set(STORAGES) == {"optuna_sqlite", "optuna_journal", "optuna_memory"}
    assert set(AIMS) == {"api", "complete", "suggest_random", "suggest_tpe"}


def test_measures_take_turns() -> None:
    order: list[str] = []
    measures = {
        "a": lambda: float(order.append("a") is None),
        "b": lambda: 2 * float(order.append("b") is None),
    }
    found = by_turns(measures, 2)
    assert order == ["a", "b", "a", "b"]
    assert medians(found) == {"a": 1.0, "b": 2.0}


def test_a_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    show("Heading", ["", "seconds"], [["api", "1.0"], ["complete", "10.0"]])
    assert capsys.readouterr().out.splitlines() == [
        "Heading",
        "",
        "          seconds",
        "--------  -------",
        "api           1.0",
        "complete     10.0",
        "",
    ]


def test_figures_are_printed_on_one_line_with_four_digits() -> None:
    printed = line({"100": {"put": 1.23456, "get": 2.0}, "trials": 100})
    assert printed == '{"100": {"put": 1.2346, "get": 2.0}, "trials": 100}'


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_the_percentile_of_no_values_is_zero() -> None:
    assert percentile([], 0.99) == 0.0


def test_make_bench_runs_every_benchmark() -> None:
    made = (ROOT / "Makefile").read_text()
    bench = [name for name in BENCHMARKS if f"-m benchmarks {name}\n" in made]
    assert sorted({*bench, *BY_HAND}) == sorted(BENCHMARKS)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "benchmarks.md").read_text()


def test_requests_are_counted_by_kind() -> None:
    store = Counting(MemoryStore())
    assert store.create("a", b"1")
    assert not store.create("a", b"2")
    found = store.get("a")
    assert found is not None
    assert store.replace("a", b"3", found.version)
    store.put("b", b"4")
    assert store.get("c") is None
    store.delete("b")
    assert dict(store.calls) == {"put": 4, "get": 2, "list": 0, "delete": 1}
    assert store.objects_read == 1


@pytest.mark.parametrize(("keys", "pages"), [(0, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_a_listing_costs_a_request_for_each_page(keys: int, pages: int) -> None:
    store = Counting(MemoryStore())
    for number in range(keys):
        store.put(f"k/{number}", b"")
    assert len(list(store.list("k/"))) == keys
    assert store.calls["list"] == pages


def test_a_far_store_is_a_store() -> None:
    near = MemoryStore()
    far = DelayedStore(near, 0.0)
    assert far.create("a", b"1")
    found = far.get("a")
    assert found is not None
    assert found.data == b"1"
    assert far.replace("a", b"2", found.version)
    for number in range(1500):
        far.put(f"k/{number}", b"")
    assert list(far.list("k/")) == list(near.list("k/"))
    assert list(far.list("k/", limit=3)) == list(near.list("k/", limit=3))
    far.delete("a")
    assert near.get("a") is None


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_relay_passes_everything_on() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    with serving(server) as port, relay(f"127.0.0.1:{port}", 0.001) as address:
        connection = HTTPConnection(address, timeout=10)
        for body in (b"", b"small", b"large" * 100_000):
            connection.request("PUT", "/k", body, {"Expect": "100-continue"})
            assert connection.getresponse().read() == body
        connection.close()


def test_writers_return_the_reports_that_they_wrote() -> None:
    with ThreadPoolExecutor(2) as pool:
        measured = writers.measure(pool, 3, warm=0.1, seconds=0.3, delay=0.0)
    assert [writer.trial for writer in measured.writers] == [0, 2, 1]
    assert all(writer.acknowledged for writer in measured.writers)


def test_an_acknowledged_report_that_does_not_stand_ends_the_benchmark() -> None:
    store = MemoryStore()
    prepare(store, 2)
    assert writers.check(store, {0: 0, 1: 0}) == standing(store, NAMESPACE, NAME).entries
    with pytest.raises(SystemExit, match="1 acknowledged reports are lost"):
        writers.check(store, {0: 1, 1: 0})


def test_a_report_that_is_twice_in_the_log_ends_the_benchmark() -> None:
    store = MemoryStore()
    prepare(store, 1)
    told = Reported(number=0, attempt=1, reports=(Report(0, {"loss": 1.0}),))
    journal = Journal(store, NAMESPACE, NAME)
    journal.read()
    *_, last = store.list(f"{journal.path}journal/")
    stored = store.get(last)
    assert stored is not None
    before = json.loads(stored.data)
    seq = before["seq"] + 1
    twice, _ = encode(Entry(FORMAT, seq, before["sum"], "0" * 16, (told, told)))
    store.put(f"{journal.path}journal/{seq:020d}.json", twice)
    assert standing(store, NAMESPACE, NAME).twice == [(0, 0)]
    with pytest.raises(SystemExit, match="1 reports stand twice"):
        writers.check(store, {0: 1})


def test_a_load_reads_all_that_was_written(tmp_path: Path) -> None:
    load.write(tmp_path, 70)
    found = reading.tunelet(tmp_path.as_uri())
    assert (found.trials, found.reports) == (70, 700)
    assert found.objects_read


def test_optuna_reads_all_that_it_wrote(tmp_path: Path) -> None:
    load.write_study(tmp_path, 2)
    found = reading.optuna(f"{tmp_path}/journal")
    assert (found.trials, found.reports) == (2, 20)


def test_the_log_of_a_benchmark_is_written_once(tmp_path: Path) -> None:
    wrote: list[int] = []

    def write(folder: Path, trials: int) -> None:
        wrote.append(trials)

    folder = tmp_path / "kept" / "log"
    assert load.written(folder, 3, write) == load.written(folder, 3, write) == folder
    assert wrote == [3]


def test_a_log_is_written_again_once_the_code_of_the_log_has_changed() -> None:
    assert ROOT / "tunelet" / "log" / "journal.py" in load.sources()


def test_a_trial_alone_costs_a_write_a_report_and_three_more_at_most() -> None:
    row = requests.measure(40, 1, delay=0.0)
    assert row.calls["put"] <= requests.REPORTS + 3 + 0.2  # the submission's, of 40 trials
    assert row.dollars("S3") == pytest.approx(
        0.005 * (row.calls["put"] + row.calls["list"]) + 0.0004 * row.calls["get"]
    )


def test_trials_that_run_together_share_their_writes() -> None:
    row = requests.measure(64, 16, delay=0.002)
    assert row.calls["put"] < requests.REPORTS


def test_optunas_calls_are_counted() -> None:
    calls = requests.optuna_calls(2, 1)
    assert calls["append"] > 2 * requests.REPORTS
    assert calls["read"] > 0


@contextmanager
def api(store: Store) -> Iterator[int]:
    """Serve the api function on a port of this machine."""
    queue = Queue()
    launcher = InlineLauncher(lambda _: 0.0, queue.signals)
    url = "http://127.0.0.1"
    service = assembled(store, launcher, load_catalog(), queue, secret=bytes(16), api_url=url)
    app = Request.application(Api(service, Outbox(Nowhere()), 1 << 20))
    with serving(make_server("127.0.0.1", 0, app, threaded=True)) as port:
        yield port


@pytest.mark.parametrize("one_by_one", [False, True])
def test_trainers_return_the_acknowledged_reports(one_by_one: bool) -> None:
    store = MemoryStore()
    prepare(store, 2)
    with api(store) as port:
        runs = [Run(NAMESPACE, NAME, UID, trial, 1) for trial in range(2)]
        tokens = [Tokens(bytes(16)).issue(run) for run in runs]
        path = f"/api/experiments/{NAME}/trials/{{}}/reports"
        told = trainers.report(trainers.Load(port, path, 50.0, one_by_one, 0.1, 0.4), tokens)
    log = standing(store, NAMESPACE, NAME)
    assert set(log.reports) == {
        (each.trial, step) for each in told for step in range(each.acknowledged)
    }
    assert not log.twice
    assert [each.trial for each in told] == [0, 1]
    assert all(each.acknowledged and not each.refused for each in told)


@pytest.mark.parametrize("name", ["memory", "file", "optuna_sqlite", "optuna_journal"])
def test_every_store_on_this_machine_takes_trials(tmp_path: Path, name: str) -> None:
    measure = contestants(tmp_path, None)[name]
    assert measure(3, 1) > 0
    assert measure(3, 2) > 0


@pytest.mark.skipif(shutil.which("initdb") is None, reason="PostgreSQL is not installed")
def test_postgresql_takes_trials_and_leaves_nothing(tmp_path: Path) -> None:
    with postgres() as database:
        assert database is not None
        assert contestants(tmp_path, database)["optuna_postgres"](2, 1) > 0
    assert not Path(database.partition("host=")[2]).exists()


def test_there_is_no_figure_without_a_database(tmp_path: Path) -> None:
    assert "optuna_postgres" not in contestants(tmp_path, None)
    assert "optuna_postgres" in contestants(tmp_path, "postgresql+psycopg:///")


def test_the_log_that_suggestions_are_asked_of_has_the_librarys_trials() -> None:
    contestant = next(one for one in suggest.CONTESTANTS if one.algorithm == "cma_es")
    library, store = suggest.filled(contestant, 30), MemoryStore()
    suggest.write(store, contestant, library)
    trials = list(Journals(store).trials(suggest.NAMESPACE, suggest.NAME))
    assert [one.hyperparameters for one in trials] == library.assignments()
    assert [one.values["objective"] for one in trials] == list(
        map(suggest.loss, library.assignments())
    )
    assert [one.note for one in trials] == library.notes()[0]
    assert sum(one.note is not None for one in trials) == 15


@pytest.mark.parametrize("algorithm", ["optuna.RandomSampler", "hyperopt.rand", "asha"])
def test_a_suggestion_is_timed(algorithm: str) -> None:
    contestant = next(one for one in suggest.CONTESTANTS if one.algorithm == algorithm)
    times = suggest.measure(contestant, 20, 1)
    assert times.at_hand > 0
    assert times.service > 0
    assert (times.library > 0) is (contestant.library is not None)


LIBRARIES = {
    "optuna.RandomSampler": lambda space: Optuna(space, "RandomSampler", 1),
    "hyperopt.rand": lambda space: Hyperopt(space, "rand", 1),
}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_search_the_same_space(name: str, problem: str) -> None:
    space = PROBLEMS[problem].space
    library: Library = LIBRARIES[name](space)
    for _ in range(20):
        assignment, _asked = library.ask()
        assert not space.problems(assignment)
        assert list(assignment) == list(space.active(assignment))
        values = PROBLEMS[problem].evaluate(assignment, Random(1))
        assert len(values) == PROBLEMS[problem].objectives
        assert all(map(math.isfinite, values))


@pytest.mark.parametrize(
    ("problem", "assignment", "least"),
    [
        ("branin", {"x": 3.14159265, "y": 2.275}, 0.397887),
        (
            "hartmann6",
            dict(
                zip(
                    "abcdef", (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573), strict=True
                )
            ),
            -3.32237,
        ),
        ("rosenbrock_mixed", {f"x{n}": 1.0 for n in range(10)}, 0.0),
        ("tree", {"x1": 0, "x2": 0, "x4": 0.0, "r8": 0.0}, 0.1),
        ("tree", {"x1": 1, "x3": 1, "x7": 0.5, "r9": 0.2}, 0.85),
    ],
)
def test_published_functions_have_their_published_values(
    problem: str, assignment: Assignment, least: float
) -> None:
    assert PROBLEMS[problem].evaluate(assignment, Random(1)) == [pytest.approx(least, abs=1e-4)]


def test_a_noisy_search_is_judged_by_true_values_and_a_front_by_its_missing_volume() -> None:
    noisy, front = PROBLEMS["noisy_sphere"], PROBLEMS["zdt1"]
    best: Assignment = {"a": 1.3, "b": -2.1, "c": 0.4, "d": 3.2, "e": -3.6}
    worse = best | {"a": 2.3}
    assert noisy.scores([best, worse], [[2.0], [1.0]]) == [0.0, pytest.approx(1.0)]
    corner, dominated = [0.5, 5.0], [0.6, 6.0]
    assert front.scores([{}, {}], [corner, dominated]) == [7.5, 7.5]
    assert front.scores([{}, {}], [corner, [0.25, 8.0]]) == [7.5, 7.0]


class Counted:
    """A searcher of one hyperparameter that counts running trials."""

    def __init__(self) -> None:
        self.running = set[int]()
        self.most = self.asked = 0

    def ask(self, count: int) -> Sequence[tuple[Assignment, Any]]:
        new = [({"x": 0.0, "y": float(n)}, n) for n in range(self.asked, self.asked + count)]
        self.asked += count
        self.running |= {n for _, n in new}
        self.most = max(self.most, len(self.running))
        return new

    def tell(self, asked: int, values: list[float]) -> None:
        self.running.remove(asked)


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_search_runs_its_parallel_trials_and_no_more_than_its_budget(parallel: int) -> None:
    searcher = Counted()
    scores = search(PROBLEMS["branin"], lambda: searcher, 1, parallel, 15)
    assert len(scores) == searcher.asked == 15
    assert searcher.most == parallel
    assert not searcher.running
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("parallel", [1, 3])
def test_ours_and_theirs_search_alike(parallel: int) -> None:
    problem = PROBLEMS["tree"]

    def ours() -> Searcher:
        return Logged(problem, "hyperopt.tpe", {"n_startup_jobs": 3}, 1, parallel, 8)

    def theirs() -> Searcher:
        return LibrarySearch(Hyperopt(problem.space, "tpe", 1, n_startup_jobs=3))

    for new in (ours, theirs):
        scores = search(problem, new, 1, parallel, 8)
        assert len(scores) == 8
        assert scores[-1] <= scores[0]


def test_a_used_up_space_ends_a_search() -> None:
    few = PROBLEMS["classifiers"]._replace(
        hyperparameters={"n": {"type": "int", "min": 1, "max": 3}}, evaluate=lambda _a, _r: [1.0]
    )
    scores = search(few, lambda: Logged(few, "random_search", {}, 1, 2, 9), 1, 2, 9)
    assert len(scores) == 3


def test_the_verdict_worse_distinguishes_a_difference_from_chance() -> None:
    fine = [[float(n)] for n in range(20)]
    bad = [[n + 15.0] for n in range(20)]
    assert quality.worse(quality.Scores(bad, fine)) < 1e-4
    assert quality.worse(quality.Scores(fine, bad)) > 0.99
    assert quality.worse(quality.Scores(fine, fine)) == pytest.approx(0.5, abs=0.02)
    a, b, c = (quality.Race("tpe", name, 1) for name in "abc")
    corrected = quality.holm({a: 0.01, b: 0.04, c: 0.03})
    assert corrected == {a: pytest.approx(0.03), c: pytest.approx(0.06), b: pytest.approx(0.06)}


def test_a_race_has_scores_of_every_seed() -> None:
    scores = quality.raced(quality.Race("nsga2", "zdt1", 2), seeds=2, budget=5)
    assert [[len(run) for run in runs] for runs in scores] == [[5, 5], [5, 5]]


def test_a_plot_has_both_bands_in_every_panel() -> None:
    runs = [[3.0, 2.0, 2.0], [4.0, 1.0, 0.5]]
    rows = [[Panel("a<b", "x", runs, runs), None], [None, Panel("c", "y", runs, runs)]]
    drawn = ElementTree.fromstring(draw(rows))
    assert len(drawn.findall("{*}path")) == 2 * 2 * 2
    assert {one.text for one in drawn.findall("{*}text")} >= {"ours", "theirs", "a<b", "x"}


def test_a_gap_ends_with_the_job_that_takes_the_place() -> None:
    created, completed = [0.0, 0.1, 5.5, 7.0], [5.0, 6.0, 9.0, 10.0]
    assert gaps(created, completed, 2) == [0.5, 1.0]


def test_a_bare_job_is_the_same_without_labels_and_secret() -> None:
    token = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "exp-0-1", "key": "T"}}}
    container = {"name": "training", "image": "i", "env": [{"name": "A", "value": "1"}, token]}
    template = {
        "metadata": {"labels": {"tunelet.dev/trial": "0"}},
        "spec": {"containers": [container]},
    }
    job = {
        "metadata": {"name": "exp-0-1", "labels": {"tunelet.dev/trial": "0"}, "uid": "u"},
        "spec": {"backoffLimit": 0, "selector": {"matchLabels": {}}, "template": template},
        "status": {"succeeded": 1},
    }
    made = anonymous(job, "bare-0", "T")
    assert "tunelet" not in json.dumps(made)
    assert made["metadata"] == {"name": "bare-0"}
    pod = made["spec"]["template"]["spec"]
    assert pod["containers"][0]["env"] == [{"name": "A", "value": "1"}]
    assert "selector" not in made["spec"]
    assert len(container["env"]) == 2, "the other's is as it was"


OVERLAY = """
kind: Namespace
metadata: {name: tunelet}
---
kind: Namespace
metadata: {name: tunelet-trials-default}
---
kind: ClusterRole
metadata: {name: tunelet-launch}
---
kind: RoleBinding
metadata:
  name: tunelet-launch
  namespace: tunelet-trials-default
roleRef: {kind: ClusterRole, name: tunelet-launch}
subjects:
- kind: ServiceAccount
  name: tunelet
  namespace: tunelet
---
kind: ConfigMap
metadata:
  name: tunelet
  namespace: tunelet
data: {TUNELET_API_URL: "http://tunelet.tunelet.svc"}
"""


def test_an_overlay_is_moved_with_all_that_names_its_namespaces() -> None:
    functions, trials, role, binding, settings = moved(OVERLAY, "tl-x")
    assert functions["metadata"]["name"] == "tl-x"
    assert trials["metadata"]["name"] == "tl-x-trials-default"
    assert binding["metadata"]["namespace"] == "tl-x-trials-default"
    assert binding["roleRef"]["name"] == role["metadata"]["name"] == "tunelet-launch-tl-x"
    assert binding["subjects"][0]["namespace"] == settings["metadata"]["namespace"] == "tl-x"
    assert settings["data"]["TUNELET_API_URL"] == "http://tunelet.tl-x.svc"

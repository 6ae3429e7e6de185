"""What a function imports until its first answer: imports decide how fast it starts from zero."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.events.cloudevents import binary
from adapters.storage import open_store
from benchmarks.harness.inline import Inline, request
from tunelet.core.signal import COLLECT, SUGGEST, Signal

MAIN = Path(__file__).resolve().parents[3] / "functions" / "main.py"
ANSWER = """
import json, re._compiler, sys
from functions_framework import create_app
compiled, compile = [], re._compiler.compile
re._compiler.compile = lambda *args: compiled.append(1) or compile(*args)
target, source, path, headers, body = json.loads(sys.argv[1])
client = create_app(target, source).test_client()
answer = client.open(path, method="POST" if body else "GET", headers=headers, data=body)
assert answer.status_code < 300, answer.text
print(json.dumps([sorted(sys.modules), len(compiled)]))
"""
PATTERNS = 20
"""Regular expressions that a start may compile: `complete` compiled 66 at import."""
HEAVY = {
    *("asyncio", "tqdm"),
    *("pydantic", "prometheus_client", "opentelemetry", "kubernetes", "jwt", "cryptography"),
    *("numpy", "optuna", "scipy", "hyperopt", "yaml", "boto3", "obstore", "google.cloud.storage"),
    *("tunelet.space", "tunelet.request.models"),
    *("algorithms.optuna", "algorithms.hyperopt", "algorithms.ray", "algorithms.stopping"),
}
MODEL = {"numpy", "optuna", "tunelet.space", "algorithms.optuna"}


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with an experiment of each algorithm that has room for a trial."""
    url = (tmp_path / "store").as_uri()
    for algorithm in ("random_search", "tpe"):
        inline = Inline(open_store(url), lambda env: float(env["TUNELET_TRIAL"]))
        inline.run({**request(algorithm, 11), "name": algorithm.replace("_", "-")})
        inline.service.extend("default", algorithm.replace("_", "-"), {"max_trials": 12})
    return url


@pytest.mark.parametrize(
    ("target", "needs"),
    [
        ("api", set()),
        ("api submit", {"tunelet.space"}),
        ("complete random-search", set()),
        ("suggest random-search", {"tunelet.space"}),
        ("suggest tpe", MODEL),
    ],
)
def test_a_function_imports_only_what_its_first_answer_needs(
    store: str, tmp_path: Path, target: str, needs: set[str]
) -> None:
    imported, patterns = _started(store, tmp_path, *target.split())
    heavy = {name for name in HEAVY if name in imported}
    assert heavy == needs
    assert patterns <= PATTERNS


def test_what_a_function_defers_is_there_when_it_is_used() -> None:
    """In a process of its own, for Optuna is imported in this one."""
    program = """
import sys
from functions.deferred import MODULES, defer
defer()
import numpy, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
assert MODULES <= sys.modules.keys() and "tqdm" not in sys.modules, "not deferred"
optuna.create_study().optimize(lambda trial: 1.0, n_trials=1, show_progress_bar=True)
assert "tqdm" in sys.modules, "not loaded"
numpy._core._add_newdocs.add_newdoc
assert "Parameters" in numpy.array.__doc__
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=MAIN.parents[1])


def _started(store: str, tmp_path: Path, target: str, what: str = "") -> tuple[set[str], int]:
    call = [target, str(MAIN), *_call(target, what)]
    environment = {
        "PATH": "",
        "FUNCTION_TARGET": target,
        "TUNELET_STORE": store,
        "TUNELET_SECRET": "0" * 32,
        "TUNELET_LAUNCHER": f"process://{tmp_path}/runs",
    }
    found = subprocess.run(
        [sys.executable, "-c", ANSWER, json.dumps(call)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    imported, patterns = json.loads(found.stdout.splitlines()[-1])
    return set(imported), patterns


def _call(target: str, what: str) -> tuple[str, dict[str, str], str]:
    if target == "api" and what:
        body = json.dumps(request("random_search", 3))
        return "/api/submit_job", {"Content-Type": "application/json"}, body
    if target == "api":
        return "/api/experiments/tpe", {}, ""
    topic = COLLECT if target == "complete" else SUGGEST
    headers, data = binary(Signal(topic, "default", what))
    return "/", dict(headers), data.decode() or "{}"

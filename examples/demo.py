"""`make demo`: runs a real search on this machine, from one HTTP request to the best trial.

It starts `tunelet up`, sends the smallest request word for word, watches the training processes,
prints the best hyperparameters, and stops the service. The data stay in demo-data/;
`tunelet up --data demo-data` shows them.
"""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
TUNELET = Path(sys.executable).with_name("tunelet")
DATA = "demo-data"
TRAIN = "examples/digits/train.py"

REQUEST = """\
{"model_training_code": "docker_image_url",
 "hyperparameters": {
    "learning_rate": {"type": "float", "min": 0.01, "max": 0.1},
    "batch_size":    {"type": "int", "min": 32, "max": 128}},
 "hpo_algorithm": "random_search"}"""


def main() -> None:
    began = time.monotonic()
    command = shlex.join([sys.executable, str(ROOT / TRAIN)])
    say(
        "The service, in one process. An alias says what the image is on this machine:",
        f'tunelet up --port 0 --data {DATA} --alias "docker_image_url=python {TRAIN}"',
    )
    with service("--alias", f"docker_image_url={command}") as url:
        say(
            "A search, over HTTP:",
            f"curl {url}/api/submit_job -H 'Content-Type: application/json' -d '{REQUEST}'",
        )
        answer = post(f"{url}/api/submit_job", REQUEST)
        print(json.dumps(answer, indent=2))
        name = answer["name"]
        say("Training processes run, three at a time:", f"tunelet watch {name}")
        watched = tunelet("watch", name, "--url", url)
        say("The best hyperparameters:", f"tunelet best {name}")
        found = tunelet("best", name, "--url", url)
    say(f"All of it took {time.monotonic() - began:.0f} s. To look further, start it again:")
    print(f"  {shown(TUNELET)} up --data {DATA}")
    print(f"  {shown(TUNELET)} trials {name}")
    print(f"  {shown(TUNELET)} logs {name} 0")
    print(f"  http://127.0.0.1:8080/#/default/{name}   (the page)")
    print("  http://127.0.0.1:8080/api/docs")
    sys.exit(watched or found)


@contextmanager
def service(*options: str) -> Iterator[str]:
    """Run the service on a free port while the block runs; yields its address."""
    process = subprocess.Popen(
        [TUNELET, "up", "--port", "0", "--data", DATA, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        greeting = process.stdout.readline()
        if not greeting:
            sys.exit(process.wait())
        print(greeting, end="", flush=True)
        yield next(word for word in greeting.split() if word.startswith("http://"))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        process.stdout.close()


def post(url: str, body: str) -> dict[str, Any]:
    request = Request(url, body.encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def tunelet(*arguments: str) -> int:
    """Run a command of the command line; returns its exit code."""
    return subprocess.run([TUNELET, *arguments], cwd=ROOT, check=False).returncode


def say(text: str, command: str | None = None) -> None:
    print(f"\n{text}" + (f"\n\n$ {command}" if command else ""), flush=True)


def shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


if __name__ == "__main__":
    main()

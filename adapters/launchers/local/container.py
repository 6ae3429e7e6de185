"""Run images in podman or docker, for the process launcher, by their command lines.

The engine's client runs under a shim, as any local command does. It forwards signals
to the container, and the shim removes the container when the client has ended. Building
the command is pure and tested; no test runs an engine.

The container shares the host's network, because the service listens on loopback, and has
the trial's checkpoint folder under the same path as on the host.
"""

import math
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from adapters.launchers.kubernetes.quantity import quantity
from adapters.launchers.local.environment import inherited
from adapters.launchers.local.folder import Plan, RunFolder
from adapters.launchers.local.orphans import MARK
from adapters.launchers.local.slots import SLOT
from tunelet.core.run import Launch
from tunelet.errors import FieldError, Postponed, Reject
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.training.metrics import clean

ENGINES = ("podman", "docker")
ENGINE_FAILED = 125
"""The exit code of `podman run` and `docker run` if the container could not be started."""

ENV_FILE = "container.env"
"""A file in the run's folder for variables, because all users can read a command line."""

_PROBE_SECONDS = 10.0
_LEAST_SECONDS = 1.0
"""The least seconds for which an answer is reused for all callers."""
_SAID = 300
_ENGINE_SAYS = lazy_pattern(
    r"^(docker|podman): |^Error response from|level=\"?(error|fatal)|cannot connect to",
    re.IGNORECASE,
)
_PODMAN_SAYS = lazy_pattern(r"^Error: ")
"""A training may print such a line too, but hardly one that exits with `ENGINE_FAILED`."""
_IMAGE_AT_FAULT = lazy_pattern(
    r"reference format|access .*denied|unauthorized|authentication required|no such image"
    r"|(manifest|name|repository|tag|image)\b.*\b(unknown|not (found|known|exist))"
    r"|no matching manifest|short-name|unqualified-search|no image found|does not exist",
    re.IGNORECASE,
)
_RESOURCES = "model_training_code.resources"
_LEAST_CPU = 10
"""Thousandths of a processor. Engines refuse less, and less than 6 MiB: the request's fault."""
_LEAST_MEMORY = 6 << 20
_MOST_MEMORY = 2**63 - 1


class Containers:
    """Runs any image with the first engine on this machine that works.

    If none works, runs are postponed until one does, and none fails.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._program: str | None = None
        self._why = ""
        self._good_until = -math.inf

    def plan(self, launch: Launch, folder: RunFolder, grace: float) -> Plan:
        """Return the plan of the run. Raises `Postponed` if no engine works."""
        with self._turn:
            found = self._program is not None and shutil.which(self._program) is not None
            if not found:
                self._look()
            if self._program is None:
                raise Postponed(self._missing(launch.code["image"]))
            return container_plan(self._program, launch, folder, grace)

    def obstacle(self, image: str) -> str | None:
        with self._turn:
            self._look()
            return None if self._program else self._missing(image)

    def _missing(self, image: str) -> str:
        own = f"or start the service with --alias '{image}=COMMAND'"
        return f"image {image!r} has no alias here, and {self._why}, {own}"

    def _look(self) -> None:
        """Find an engine, unless that was tried just now.

        There are many callers, and an engine that hangs delays each answer.
        """
        asked = self._clock()
        if asked >= self._good_until:
            self._program, self._why = find()
            now = self._clock()
            self._good_until = now + max(_LEAST_SECONDS, 2 * (now - asked))


def find() -> tuple[str | None, str]:
    """Return the path of an engine that works, or why there is none.

    A client without its daemon does not work.
    """
    installed = list(filter(None, map(shutil.which, ENGINES)))
    answers = []
    for program in installed:
        fault = _fault(program)
        if fault is None:
            return program, ""
        answers.append(f"{program} does not work ({fault})")
    why = "; ".join(answers) or "neither podman nor docker is installed here"
    remedy = "start the engine" if installed else "install podman"
    return None, f"{why}: {remedy}"


def _fault(program: str) -> str | None:
    """Return why an engine does not work; None if it does."""
    try:
        answer = subprocess.run(
            [program, "info"], capture_output=True, timeout=_PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PROBE_SECONDS:g} s"
    except OSError as error:
        return str(error.strerror)
    # docker info exits with 0 without a daemon, and says so on standard error.
    if answer.returncode == 0 and b"Cannot connect" not in answer.stderr:
        return None
    said = clean(answer.stderr.strip().rpartition(b"\n")[2])
    return said[:_SAID] or f"{program} info exited with {answer.returncode}"


def refusal(program: str, output: str) -> tuple[str, bool] | None:
    """Return the engine's error when it could not run an image, and whether the image is at fault.

    None if there is no error: the training itself may exit with `ENGINE_FAILED`.
    """
    podman = Path(program).name == "podman"
    said = [
        line
        for line in output.splitlines()
        if _ENGINE_SAYS.search(line) or (podman and _PODMAN_SAYS.search(line))
    ]
    return (said[-1], any(map(_IMAGE_AT_FAULT.search, said))) if said else None


def container_plan(program: str, launch: Launch, folder: RunFolder, grace: float) -> Plan:
    """Return the plan by which `program` runs the launch's image."""
    name = f"tunelet-{launch.run.namespace}-{launch.run.name}"
    # These go through the client's environment, because a line of a file may be too short.
    hidden = {key: value for key, value in launch.env.items() if key.startswith("TUNELET_")}
    return Plan(
        run=launch.run,
        argv=(program, "run", *_options(name, launch, folder), *_image(launch)),
        env=inherited(os.environ) | hidden | {MARK: str(folder.path)},
        metrics=launch.metrics,
        timeout=launch.timeout,
        grace=grace,
        metrics_file=_metrics_file(launch, folder),
        cleanup=((program, "rm", "--force", name),),
        lost_codes=(ENGINE_FAILED,),
        files={ENV_FILE: "".join(_env_lines(launch))},
    )


def _options(name: str, launch: Launch, folder: RunFolder) -> Iterator[str]:
    yield from ("--rm", f"--name={name}", "--network=host")
    yield f"--env-file={folder.path / ENV_FILE}"
    for key in launch.env:
        if key.startswith("TUNELET_"):
            yield f"--env={key}"
    yield f"--env={SLOT}"
    checkpoint = urlsplit(launch.env.get("TUNELET_CHECKPOINT_URL", ""))
    if checkpoint.scheme == "file":
        path = unquote(checkpoint.path)
        yield f"--volume={path}:{path}"
    if file := _metrics_path(launch):
        yield f"--volume={folder.work}:{file.parent}"
    yield from _limits(launch.code.get("resources") or {})
    if launch.command:
        yield f"--entrypoint={launch.command[0]}"


def _env_lines(launch: Launch) -> Iterator[str]:
    """Yield the user's variables as lines; engines do not unquote them."""
    for key, value in launch.env.items():
        if key.startswith("TUNELET_"):
            continue
        if "\n" in value or "\r" in value:
            field, message = f"model_training_code.env.{key}", "has a line break"
            remedy = "encode it, because podman and docker cannot pass it on without showing it"
            raise Reject(f"{field} {message}; {remedy}", [FieldError(field, None, message, remedy)])
        yield f"{key}={value}\n"


def _image(launch: Launch) -> tuple[str, ...]:
    """Return the image and its arguments. With a dash it would be an option of the engine."""
    image = str(launch.code["image"])
    if image.startswith("-"):
        message, remedy = "begins with a dash", "write the image's name and nothing else"
        error = FieldError("model_training_code.image", image, message, remedy)
        raise Reject(f"the image {image!r} {message}", [error])
    return (image, *launch.command[1:], *launch.args)


def _metrics_path(launch: Launch) -> PurePosixPath | None:
    """Return the path of the metrics in the container. Its parent folder is shared."""
    path = launch.metrics.file
    if path is None:
        return None
    if not path.startswith("/") or PurePosixPath(path).parent == PurePosixPath("/"):
        raise Reject(f"metrics.path {path!r} must be /folder/name for an image in a container")
    if ":" in path:
        # It separates the parts of a volume, of which the last are options.
        raise Reject(f"metrics.path {path!r} must be without a colon for an image in a container")
    return PurePosixPath(path)


def _metrics_file(launch: Launch, folder: RunFolder) -> str | None:
    path = _metrics_path(launch)
    return str(Path(folder.work) / path.name) if path else None


def _limits(resources: Mapping[str, Any]) -> Iterator[str]:
    """Yield Kubernetes' limits of cpu and memory as the engine's options, rounded up."""
    where = _RESOURCES + (".limits" if "limits" in resources else "")
    limits = resources.get("limits") or resources
    if "cpu" in limits:
        thousandths = math.ceil(quantity(limits["cpu"], f"{where}.cpu") * 1000)
        yield f"--cpus={max(thousandths, _LEAST_CPU) / 1000:g}"
    if "memory" in limits:
        memory = math.ceil(quantity(limits["memory"], f"{where}.memory"))
        yield f"--memory={min(max(memory, _LEAST_MEMORY), _MOST_MEMORY)}"

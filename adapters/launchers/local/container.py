"""Images in podman or docker, for the process launcher: how to call their command lines.

The engine's client runs beside the same shim as any local command; it forwards signals
to the container, and the shim removes the container when the client has ended. Building
the command is pure and tested; no test runs an engine.

The container shares the host's network, because the service listens on loopback, and has
the trial's checkpoint folder under the same path as on the host.
"""

import math
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from adapters.launchers.kubernetes.quantity import quantity
from adapters.launchers.local.environment import inherited
from adapters.launchers.local.folder import Plan, RunFolder
from adapters.launchers.local.leftovers import MARK
from tunelet.errors import FieldError, Reject
from tunelet.ports import Launch

ENGINES = ("podman", "docker")
ENGINE_FAILED = 125
"""The exit code of `podman run` and `docker run` if the container could not be started."""

ENV_FILE = "container.env"
"""In the run's folder, for what stands in a command line everybody can see."""

_PROBE_SECONDS = 20
_RESOURCES = "model_training_code.resources"
_LEAST_CPU = 10
"""Thousandths; engines refuse less, and less than 6 MiB, which is no fault of the machine."""
_LEAST_MEMORY = 6 << 20
_MOST_MEMORY = 2**63 - 1


class Containers:
    """Runs any image with the first engine on this machine that answers."""

    def __init__(self) -> None:
        self._program: str | None = None

    def plan(self, launch: Launch, folder: RunFolder, grace: float) -> Plan:
        """Raises `Reject` if no engine answers."""
        self._program = self._program or find()
        if self._program is None:
            image = launch.code["image"]
            raise Reject(
                f"image {image!r} has no alias here and neither podman nor docker answers;"
                f" start the service with --alias '{image}=COMMAND', or install podman"
            )
        return container_plan(self._program, launch, folder, grace)


def find() -> str | None:
    """The path of an engine that works: a client without its daemon is of no use."""
    for program in filter(None, map(shutil.which, ENGINES)):
        try:
            answer = subprocess.run(
                [program, "info"], capture_output=True, timeout=_PROBE_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            continue
        # docker info exits with 0 without a daemon, and says so on standard error.
        if answer.returncode == 0 and b"Cannot connect" not in answer.stderr:
            return program
    return None


def container_plan(program: str, launch: Launch, folder: RunFolder, grace: float) -> Plan:
    """How `program` runs the launch's image."""
    name = f"tunelet-{launch.run.namespace}-{launch.run.name}"
    # The client's own environment carries what may be longer than a line of a file may be.
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
    checkpoint = urlsplit(launch.env.get("TUNELET_CHECKPOINT_URL", ""))
    if checkpoint.scheme == "file":
        path = url2pathname(checkpoint.path)
        yield f"--volume={path}:{path}"
    if file := _metrics_path(launch):
        yield f"--volume={folder.work}:{file.parent}"
    yield from _limits(launch.code.get("resources") or {})
    if launch.command:
        yield f"--entrypoint={launch.command[0]}"


def _env_lines(launch: Launch) -> Iterator[str]:
    """The user's variables; engines take each line as it stands."""
    for key, value in launch.env.items():
        if key.startswith("TUNELET_"):
            continue
        if "\n" in value or "\r" in value:
            field, message = f"model_training_code.env.{key}", "has a line break"
            remedy = "encode it, for podman and docker cannot pass that on unseen by others"
            raise Reject(f"{field} {message}; {remedy}", [FieldError(field, None, message, remedy)])
        yield f"{key}={value}\n"


def _image(launch: Launch) -> tuple[str, ...]:
    return (launch.code["image"], *launch.command[1:], *launch.args)


def _metrics_path(launch: Launch) -> PurePosixPath | None:
    """Where in the container the file or folder of metrics will be; what it is in is shared."""
    path = launch.metrics.get("path")
    if launch.metrics["source"] not in ("file", "tensorboard") or not path:
        return None
    if not path.startswith("/") or PurePosixPath(path).parent == PurePosixPath("/"):
        raise Reject(f"metrics.path {path!r} must be /folder/name for an image in a container")
    return PurePosixPath(path)


def _metrics_file(launch: Launch, folder: RunFolder) -> str | None:
    path = _metrics_path(launch)
    return str(Path(folder.work) / path.name) if path else None


def _limits(resources: Mapping[str, Any]) -> Iterator[str]:
    """Kubernetes' limits of cpu and memory, in the engine's words, rounded up as there."""
    where = _RESOURCES + (".limits" if "limits" in resources else "")
    limits = resources.get("limits") or resources
    if "cpu" in limits:
        thousandths = math.ceil(quantity(limits["cpu"], f"{where}.cpu") * 1000)
        yield f"--cpus={max(thousandths, _LEAST_CPU) / 1000:g}"
    if "memory" in limits:
        memory = math.ceil(quantity(limits["memory"], f"{where}.memory"))
        yield f"--memory={min(max(memory, _LEAST_MEMORY), _MOST_MEMORY)}"

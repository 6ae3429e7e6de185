"""Run trainings as local processes, each with a shim that outlives the service.

The shim records how the run ended. All state is in the folder (see `folder` and `slots`), so
any number of launchers over one folder, in any processes, see and do the same, and a service
that was killed finds its runs again. POSIX only: it needs flock. The folder must be on a local
file system.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

import msgspec

import tunelet
from adapters.launchers.local.abilities import missing, places
from adapters.launchers.local.checkpoint_folder import (
    checkpoint_folder,
    make_checkpoint_folder,
    remove_if_empty,
)
from adapters.launchers.local.environment import inherited
from adapters.launchers.local.folder import (
    Plan,
    RunFolder,
    chunks,
    locked,
    run_path,
    runs_path,
    segment,
)
from adapters.launchers.local.observation import Reading
from adapters.launchers.local.orphans import MARK
from adapters.launchers.local.slots import SLOT, Slots
from adapters.launchers.local.unsaved import Unsaved
from adapters.launchers.local.watcher import Watcher
from tunelet.core.run import COMMAND, Launch, Life, Observation, Phase, Run, by_life
from tunelet.errors import NotFound, Reject, Retry
from tunelet.ports import Room, RunNews, Versions, WatchableLauncher

GRACE_SECONDS = 10.0
_SHIM = Path(__file__).with_name("shim.py")
_STALE_SECONDS = 3600


class Fallback(Protocol):
    """Runs images that have no alias."""

    def plan(self, launch: Launch, folder: RunFolder, grace: float) -> Plan:
        """Return how to run it. Raises `Reject` if it cannot, `Postponed` if it cannot now."""

    def obstacle(self, image: str) -> str | None:
        """Return why it cannot run the image now; None if it can."""


class ProcessLauncher:
    """Runs at most `limit` runs at a time; further ones are refused with `Throttled`.

    Refused experiments get the next slots in turn.

    `aliases` maps an image's name to a local command. A word of the command that names a file in
    the present folder is replaced by its full path, because the training runs in a folder of its
    own, or in `workdir` if given. `commands` allows training code that is a command without an
    image.
    """

    def __init__(
        self,
        folder: Path,
        aliases: Mapping[str, Sequence[str]],
        limit: int,
        fallback: Fallback | None = None,
        grace: float = GRACE_SECONDS,
        workdir: Path | None = None,
        commands: bool = False,
    ) -> None:
        self._folder = folder.resolve()
        self._aliases = {image: _absolute(words) for image, words in aliases.items()}
        self._fallback = fallback
        self._grace = grace
        self._workdir = workdir
        self._commands = commands
        self._temporary = self._folder / "tmp"
        self._temporary.mkdir(parents=True, exist_ok=True)
        self._slots = Slots(self._folder / "slots", limit)
        self._unsaved = Unsaved(self._folder / "unsaved")
        self._readings: dict[Run, Reading] = {}
        """The readings of active runs, and of runs that ended since the last look."""
        self._shims: list[subprocess.Popen[bytes]] = []
        self._watchers: list[Watcher] = []
        self._turn = threading.Lock()
        self._remove_stale()

    in_process = False

    @property
    def announces_room(self) -> bool:
        return bool(self._watchers)

    def launch(self, launch: Launch) -> None:
        self._reap()
        folder = self._at(launch.run)
        if folder.launched():
            return
        plan = msgspec.structs.replace(
            self._plan(launch, folder),
            modules=_modules(),
            store=launch.store,
            digest=launch.digest,
        )
        with _passing("the process could not be started"):
            folder.discard_unbegun(self._temporary)
            slot = self._slots.take(launch.run)
            try:
                self._unsaved.add(launch.run)
                if checkpoint := checkpoint_folder(launch.env):
                    make_checkpoint_folder(checkpoint, launch.store)
                env = plan.env | {SLOT: str(slot.number)}
                self._start(folder, msgspec.structs.replace(plan, env=env), slot.descriptor)
            finally:
                os.close(slot.descriptor)
        for watcher in self._watchers:
            watcher.add(launch.run)

    def observe(self, run: Run) -> Observation:
        self._reap()
        folder = self._at(run)
        if not folder.launched():
            self._ensure_there()
            self._forget(run)
            return Observation(phase=Phase.ABSENT)
        with _passing("the run's folder could not be read"):
            seen = self._reading(run, folder).observe()
        if seen.phase is Phase.ENDED:
            self._forget(run)
        return seen

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        self._reap()
        wanted = (namespace, experiment)
        with _passing("the active runs could not be listed"):
            found = {run for run in self._slots.runs() if (run.namespace, run.experiment) == wanted}
        return sorted(run for run in found if self._at(run).held())

    def lives(self) -> Mapping[Life, Versions]:
        """See `Launcher.lives`. Leaves out runs of an unknown store."""
        with _passing("the active runs could not be listed"):
            return by_life({run: "" for run in self._slots.runs() if self.origin(run)})

    def origin(self, run: Run) -> str | None:
        try:
            return self._at(run).plan().store or None
        except FileNotFoundError:
            return None

    def stop(self, run: Run) -> None:
        self._forget(run)
        with _passing("the run could not be stopped"):
            self._at(run).stop()

    @property
    def stop_removes_output(self) -> bool:
        return False

    def unsaved(self, namespace: str, experiment: str) -> Sequence[Run]:
        with _passing("the runs with output could not be listed"):
            runs = self._unsaved.runs(segment(namespace), segment(experiment))
            folders = ((run, self._at(run)) for run in runs)
            return [run for run, folder in folders if not folder.held() and folder.launched()]

    def saved(self, run: Run) -> None:
        with _passing("the run could not be marked"):
            self._unsaved.remove(run)

    def logs(self, run: Run) -> Iterator[bytes]:
        try:
            output = self._at(run).output.open("rb")
        except FileNotFoundError:
            self._ensure_there()
            raise NotFound(f"trial {run.number}, attempt {run.attempt} has no output") from None
        return chunks(output.read, output.close)

    def heard(self, run: Run) -> float | None:
        try:
            return self._at(run).output.stat().st_mtime
        except FileNotFoundError:
            return None

    def remove(self, namespace: str, experiment: str, uid: str) -> None:
        top = self._runs(namespace, experiment)
        life = top / segment(uid)
        with _passing("a run's folder could not be removed"):
            for path in sorted(life.glob("*/*")):
                folder = RunFolder(path)
                if not folder.held():
                    remove_if_empty(checkpoint_folder(folder.plan().env))
                    folder.remove(self._temporary)
        self._unsaved.forget(Life(namespace, experiment, uid))
        for path in (*life.glob("*"), life, top):
            # Fails if a run is active in it, or another process removed it.
            with suppress(OSError):
                path.rmdir()

    def obstacle(self, code: Mapping[str, Any]) -> str | None:
        image = code.get("image")
        if image == COMMAND:
            return missing(code)
        if image in self._aliases:
            return missing({**code, "command": self._aliases[image]})
        if image is None or self._fallback is None:
            return None
        return self._fallback.obstacle(image)

    def ready(self) -> None:
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise Retry(f"the folder of runs, {self._folder}, cannot be written")

    def _ensure_there(self) -> None:
        """Raise `Retry` if the folder is absent, perhaps because its disk is not mounted.

        Every launcher makes the folder with its slots, and removes neither.
        """
        if not (self._folder / "slots").is_dir():
            raise Retry(f"the folder of runs, {self._folder}, is absent (is its disk mounted?)")

    def watch(self, news: RunNews, room: Room) -> Callable[[], None]:
        """Watch the runs from a thread; returns a function that ends the thread.

        Calls `news(namespace, experiment, None)` when a run has news: never with a number, because
        a look at all runs is cheap here and shares a commit. Calls `room(namespace, experiment)`
        when a refused experiment should try again.
        """

        def report(run: Run) -> None:
            news(run.namespace, run.experiment, None)

        watcher = Watcher(self._slot_runs, self._at, report, self._slots.called, room)
        self._watchers.append(watcher)

        def stop() -> None:
            self._watchers.remove(watcher)
            watcher.stop()

        return stop

    def _slot_runs(self) -> Iterator[Run]:
        self._reap()
        return self._slots.runs()

    def _plan(self, launch: Launch, folder: RunFolder) -> Plan:
        image = launch.code.get("image")
        if image is None:
            raise Reject("a Kubernetes manifest cannot run as a local process; give an image")
        if image == COMMAND:
            return self._command_plan(launch, folder)
        if image in self._aliases:
            command = launch.command or self._aliases[image]
            argv = (*command, *launch.args)
            return _local_plan(launch, folder, argv, self._grace, self._workdir)
        if self._fallback is not None:
            return self._fallback.plan(launch, folder, self._grace)
        raise Reject(
            f"image {image!r} has no alias here and there is nothing to run containers with;"
            f" start the service with --alias '{image}=COMMAND', or install podman or docker"
        )

    def _command_plan(self, launch: Launch, folder: RunFolder) -> Plan:
        if not self._commands:
            raise Reject("commands without an image are not allowed on this machine")
        workdir = Path(launch.code["workdir"]) if launch.code.get("workdir") else None
        command = launch.command if workdir else _absolute(launch.command)
        return _local_plan(launch, folder, (*command, *launch.args), self._grace, workdir)

    def _start(self, folder: RunFolder, plan: Plan, slot: int) -> None:
        """Make the run's folder and start its shim, unless another process did.

        A process that dies between the two leaves a folder that does not count as a launch.
        """
        lock = folder.create(plan, self._temporary)
        if lock is None:
            if not folder.launched():
                raise Retry("another process is removing the rest of a launch that died")
            return
        try:
            shim = _start_shim(folder, lock, slot)
        finally:
            os.close(lock)
        with self._turn:
            self._shims.append(shim)

    def _reap(self) -> None:
        """Reap the shims that have ended, so that none stays as a zombie."""
        with self._turn:
            self._shims = [shim for shim in self._shims if shim.poll() is None]

    def _reading(self, run: Run, folder: RunFolder) -> Reading:
        """Return the run's reading, which may hold some MiB of output."""
        with self._turn:
            if run not in self._readings:
                ended = [other for other in self._readings if not self._at(other).held()]
                for other in ended:
                    del self._readings[other]
                self._readings[run] = Reading(folder)
            return self._readings[run]

    def _forget(self, run: Run) -> None:
        """Drop the run's reading. A later look, which is rare, reads the output again."""
        with self._turn:
            self._readings.pop(run, None)

    def _runs(self, namespace: str, experiment: str) -> Path:
        return runs_path(self._folder, namespace, experiment)

    def _at(self, run: Run) -> RunFolder:
        return RunFolder(run_path(self._folder, run))

    def _remove_stale(self) -> None:
        """Remove the leftovers of launches and removals that were killed long ago."""
        for path in self._temporary.iterdir():
            with suppress(FileNotFoundError):
                old = time.time() - path.stat().st_mtime > _STALE_SECONDS
                if old and not locked(path / "lock"):
                    shutil.rmtree(path)


def open_url(
    url: str,
    *,
    aliases: Mapping[str, Sequence[str]],
    limit: int | None,
    workdir: Path | None = None,
    commands: bool = False,
) -> ProcessLauncher:
    """Open the launcher of `process:///folder`. Aliases' commands start in `workdir` if given."""
    from adapters.launchers.local.container import Containers

    folder = Path(unquote(urlsplit(url).path))
    return ProcessLauncher(
        folder, aliases, places(limit), Containers(), workdir=workdir, commands=commands
    )


def _local_plan(
    launch: Launch, folder: RunFolder, argv: tuple[str, ...], grace: float, workdir: Path | None
) -> Plan:
    path = launch.metrics.file
    return Plan(
        run=launch.run,
        argv=argv,
        # Unbuffered, because a value in a buffer cannot be observed.
        env={"PYTHONUNBUFFERED": "1"}
        | inherited(os.environ)
        | launch.env
        | {MARK: str(folder.path), "TUNELET_STOP_FILE": str(folder.path / "stop")},
        metrics=launch.metrics,
        timeout=launch.timeout,
        grace=grace,
        metrics_file=str((workdir or folder.work) / path) if path else None,
        workdir=str(workdir) if workdir is not None else None,
    )


def _modules() -> tuple[str, ...]:
    """Return the folders from which this process imports its modules."""
    root = str(Path(tunelet.__file__).parents[1])
    return tuple(dict.fromkeys((root, *filter(os.path.isabs, sys.path))))


def _start_shim(folder: RunFolder, lock: int, slot: int) -> subprocess.Popen[bytes]:
    # The user can read the errors of a failing shim in the run's output.
    with folder.output.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-S", "-E", str(_SHIM), str(folder.path), str(lock), str(slot)],
            pass_fds=(lock, slot),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder.path,
            env=inherited(os.environ),
            start_new_session=True,
        )


def _absolute(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(Path(word).absolute()) if Path(word).is_file() else word for word in words)


@contextmanager
def _passing(what: str) -> Iterator[None]:
    """Turn faults of the machine (no space, too many files) into `Retry`."""
    try:
        yield
    except OSError as error:
        raise Retry(f"{what}: {error}") from error


if TYPE_CHECKING:

    def _conforms(launcher: ProcessLauncher) -> WatchableLauncher:
        return launcher

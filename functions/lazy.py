"""A launcher that is opened when it is first used.

`api` and `suggest` hardly ever use theirs, and importing one is a good part of the time that a
function needs to start.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tunelet.core.run import Launch, Life, Observation, Run
from tunelet.ports import Launcher, Versions


class LazyLauncher:
    """Delegates to the launcher that `opens` returns; calls `opens` once, at the first use."""

    def __init__(self, opens: Callable[[], Launcher]) -> None:
        self._opens = opens

    @cached_property
    def _launcher(self) -> Launcher:
        return self._opens()

    @property
    def announces_room(self) -> bool:
        return self._launcher.announces_room

    @property
    def in_process(self) -> bool:
        return self._launcher.in_process

    def launch(self, launch: Launch) -> None:
        self._launcher.launch(launch)

    def observe(self, run: Run) -> Observation:
        return self._launcher.observe(run)

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        return self._launcher.active(namespace, experiment)

    def lives(self) -> Mapping[Life, Versions]:
        return self._launcher.lives()

    def origin(self, run: Run) -> str | None:
        return self._launcher.origin(run)

    @property
    def stop_removes_output(self) -> bool:
        return self._launcher.stop_removes_output

    def unsaved(self, namespace: str, experiment: str) -> Sequence[Run]:
        return self._launcher.unsaved(namespace, experiment)

    def saved(self, run: Run) -> None:
        self._launcher.saved(run)

    def stop(self, run: Run) -> None:
        self._launcher.stop(run)

    def logs(self, run: Run) -> Iterator[bytes]:
        return self._launcher.logs(run)

    def heard(self, run: Run) -> float | None:
        return self._launcher.heard(run)

    def remove(self, namespace: str, experiment: str, uid: str) -> None:
        self._launcher.remove(namespace, experiment, uid)

    def obstacle(self, code: Mapping[str, Any]) -> str | None:
        """None until the launcher is opened: a hint is not worth that time."""
        opened = "_launcher" in self.__dict__
        return self._launcher.obstacle(code) if opened else None

    def ready(self) -> None:
        self._launcher.ready()


if TYPE_CHECKING:
    _: type[Launcher] = LazyLauncher

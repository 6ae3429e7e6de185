"""Plugins run in a process of their own, so that whatever they do hurts only their experiment.

A plugin that raises, exits, crashes its process or never answers makes the algorithm fail; the
service ends that experiment with the reason. What goes to and from the process is pickled.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Trial
from tunelet.ports import Algorithm

LIMIT = 60.0
"""Seconds for an answer, with the start of the process."""

_START = "import sys; from algorithms.catalog.plugin_main import answer; answer(sys.stdin.buffer)"


class Isolated:
    """An algorithm that is loaded and asked elsewhere. `name` is that of its entry point."""

    def __init__(self, name: str, settings: Mapping[str, Any], limit: float = LIMIT) -> None:
        self._name = name
        self._settings = dict(settings)
        self._limit = limit

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        question = pickle.dumps((self._name, self._settings, problem, list(trials), count))
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            ended = subprocess.run(
                [sys.executable, "-c", _START],
                input=question,
                capture_output=True,
                timeout=self._limit,
                # Whatever ends the service from a terminal is no verdict on the plugin.
                start_new_session=True,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired as slow:
            raise RuntimeError(f"it gave no answer in {self._limit:g} seconds") from slow
        if ended.returncode != 0:
            last = ended.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise RuntimeError(last or f"its process ended with code {ended.returncode}")
        _, _, answered = ended.stdout.rpartition(MARK)
        found = pickle.loads(answered)
        if not isinstance(found, Suggestions):
            raise TypeError(f"it answered with {type(found).__name__}, not Suggestions")
        return found


MARK = b"\n--- suggestions ---\n"
"""Before it, the plugin may have printed anything."""


if TYPE_CHECKING:
    _: type[Algorithm] = Isolated

"""Runs plugins in processes of their own, so that a fault of a plugin harms one experiment only.

If a plugin raises, exits, crashes its process or never answers, the algorithm fails, and the
service ends its experiment with the reason. Arguments and answers are pickled.
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
"""Seconds for an answer, including the start of the process."""

_START = "import sys; from algorithms.catalog.plugin_main import answer; answer(sys.stdin.buffer)"


class Isolated:
    """An algorithm that runs in another process. `name` is the name of its entry point."""

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
                # Ctrl-C in the service's terminal must not count as a failure of the plugin.
                start_new_session=True,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired as slow:
            raise RuntimeError(f"it did not answer within {self._limit:g} seconds") from slow
        if ended.returncode != 0:
            last = ended.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise RuntimeError(last or f"its process ended with code {ended.returncode}")
        _, _, answered = ended.stdout.rpartition(MARK)
        found = pickle.loads(answered)
        if not isinstance(found, Suggestions):
            raise TypeError(f"it answered with {type(found).__name__}, not Suggestions")
        return found


MARK = b"\n--- suggestions ---\n"
"""Begins the answer. The plugin may have printed anything before it."""


if TYPE_CHECKING:
    _: type[Algorithm] = Isolated

"""The program of a plugin's process. `algorithms.catalog.plugin_process` starts it."""

import pickle
import sys
from typing import Any

from algorithms.catalog.installed import InstalledAlgorithms
from algorithms.catalog.plugin_process import MARK
from tunelet.errors import Reject


def answer(question: Any) -> None:
    """Load the plugin that `question` names, and print what it suggests."""
    name, settings, problem, trials, count = pickle.load(question)
    try:
        algorithm = InstalledAlgorithms().load_here(name, settings)
    except Reject as refused:
        sys.exit(str(refused))
    found = algorithm.suggest(problem, trials, count)
    sys.stdout.flush()
    sys.stdout.buffer.write(MARK + pickle.dumps(found))

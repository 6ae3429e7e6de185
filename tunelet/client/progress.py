"""Shows how far a search is while its caller waits: in a notebook, in a terminal, or to a function.

A notebook gets a bar that IPython replaces in place, so no widget library is needed.
"""

import importlib
import shutil
import sys
import time
from collections.abc import Callable
from html import escape
from typing import Any

from tunelet.client.report import FINAL, ended, leading, planned, progress, winners
from tunelet.errors import FieldError, Reject
from tunelet.text.messages import shortened

Json = dict[str, Any]
Show = Callable[[Json], object]
"""Takes the experiment's JSON whenever it has changed."""

_LINE_SECONDS = 10.0
"""Between two lines where a line cannot be overwritten."""


def shown_by(wish: bool | Show | None) -> Show | None:
    """Return the function that shows progress; None: nothing does.

    None as a wish shows it in a notebook and in a terminal, True everywhere, False nowhere.
    Raises `Reject` for any other wish.
    """
    if callable(wish):
        return wish
    if wish not in (None, True, False):
        remedy = "give True, False or a function of the experiment"
        error = FieldError("progress", repr(wish), "shows nothing", remedy)
        raise Reject(f"progress cannot be {wish!r}: {remedy}", [error])
    if wish is False:
        return None
    if _in_notebook():
        return Notebook()
    if sys.stderr.isatty():
        return Terminal()
    return Lines() if wish else None


def line(experiment: Json) -> str:
    """Return the state in one line of text."""
    best = f"; best {leading(experiment)}" if _has_best(experiment) else ""
    return f"{experiment['name']}: {progress(experiment)}{best}{_why_failed(experiment)}"


def _why_failed(experiment: Json) -> str:
    if experiment["state"] != "FAILED":
        return ""
    see = f"; see: tunelet logs {experiment['name']} 0" if experiment["counts"]["failed"] else ""
    return f"{see}; {experiment.get('reason')}"


def html(experiment: Json) -> str:
    """Return the state as a bar with a line of text."""
    most, done = planned(experiment) or 0, ended(experiment)
    bar = f'<progress max="{most}" value="{done}" style="width:20em"></progress> ' if most else ""
    return f"<div>{bar}{escape(line(experiment))}</div>"


class Notebook:
    """Replaces one output of the cell."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, experiment: Json) -> None:
        ipython: Any = importlib.import_module("IPython.display")
        picture = ipython.HTML(html(experiment))
        if self._handle is None:
            self._handle = ipython.display(picture, display_id=True)
        else:
            self._handle.update(picture)


class Terminal:
    """Overwrites one line of standard error. A search that fails raises its whole reason."""

    def __call__(self, experiment: Json) -> None:
        text = " ".join(line(experiment).split())
        shown = shortened(text, shutil.get_terminal_size().columns - 1)
        end = "\n" if experiment["state"] in FINAL else ""
        sys.stderr.write(f"\r\x1b[K{shown}{end}")
        sys.stderr.flush()


class Lines:
    """Prints a line to standard error now and then, and one at the end."""

    def __init__(self) -> None:
        self._at = 0.0

    def __call__(self, experiment: Json) -> None:
        now = time.monotonic()
        if experiment["state"] in FINAL or now - self._at >= _LINE_SECONDS:
            self._at = now
            print(line(experiment), file=sys.stderr, flush=True)


def _has_best(experiment: Json) -> bool:
    return bool(winners(experiment)) if {"best", "pareto"} & experiment.keys() else False


def _in_notebook() -> bool:
    """Whether a kernel runs this code; a terminal's IPython has no such outputs."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")

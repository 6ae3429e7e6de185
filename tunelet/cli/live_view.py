"""The live view of an experiment in a terminal: a bar, the best so far, the newest trials."""

import time
from typing import TYPE_CHECKING, NamedTuple

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table as Grid
from rich.text import Text

from tunelet.cli.polling import polled
from tunelet.cli.table import colored, lines, printable
from tunelet.client.report import (
    FINAL,
    Json,
    assignment,
    created,
    duration,
    ended,
    metrics,
    moment,
    planned,
    score,
    trial_table,
    winners,
)

if TYPE_CHECKING:
    from tunelet.client import Client

# The lines of the view that are not trials: head, bar, best, blanks, the table's head.
_FRAME = 8
_TALLEST = 20


class _View(NamedTuple):
    experiment: Json
    trials: list[Json]


def picture(client: "Client", name: str) -> Json:
    """Redraw until the experiment has ended; return its last state."""
    console = Console(highlight=False)
    room = max(3, min(_TALLEST, console.size.height - _FRAME))
    view: _View | None = None
    looks = polled(lambda: _look(client, name, room))
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            seen = next(looks)
            fault = None
            if isinstance(seen, _View):
                view = seen
            elif view is None:
                raise seen
            else:
                fault = f"{seen}; retrying"
            live.update(_drawn(view, time.time(), console.size.width, fault), refresh=True)
            if view.experiment["state"] in FINAL:
                break
    console.print()
    return view.experiment


def _look(client: "Client", name: str, room: int) -> _View:
    """Running trials and the newest others, at most `room`. The cost does not grow with trials."""
    experiment = client.experiment(name).json
    newest = list(client.trials(name, after=max(-1, created(experiment) - room - 1), limit=room))
    running = {trial["number"] for trial in newest if trial["state"] == "RUNNING"}
    older = []
    if experiment["counts"]["running"] > len(running):
        first = newest[0]["number"] if newest else 0
        runs = client.trials(name, "RUNNING", limit=room)
        older = [trial for trial in runs if trial["number"] < first][:room]
    kept = [trial for trial in newest if trial["state"] == "RUNNING"] + older
    others = [trial for trial in newest if trial["state"] != "RUNNING"]
    left = max(0, room - len(kept))
    shown = [*kept, *(others[-left:] if left else ())]
    return _View(experiment, sorted(shown, key=lambda trial: int(trial["number"])))


def _drawn(view: _View, now: float, columns: int, fault: str | None) -> RenderableType:
    experiment, spec = view.experiment, view.experiment["spec"]
    stars = [trial["number"] for trial in winners(experiment)]
    table = trial_table(view.trials, spec, now, stars)
    body = lines(table, columns) if view.trials else ["no trials yet"]
    parts = [
        _line(_head(experiment)),
        _bar(experiment, now, columns),
        _line(_best(experiment)),
        *_held(experiment),
        Text(),
    ]
    parts += [_line(line) for line in body]
    if fault:
        parts += [Text(), Text(fault, style="yellow", no_wrap=True)]
    return Group(*parts)


def _line(ansi: str) -> Text:
    text = Text.from_ansi(ansi)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _head(experiment: Json) -> str:
    spec = experiment["spec"]
    goals = ", ".join(f"{each['direction']} {each['metric']}" for each in spec["objectives"])
    name = click.style(experiment["name"], bold=True)
    return f"{name}  {colored(experiment['state'])}  {goals} with {spec['hpo_algorithm']['name']}"


def _best(experiment: Json) -> str:
    best = winners(experiment)
    if not best:
        return "no completed trial" if experiment["state"] in FINAL else "no completed trial yet"
    if len(best) > 1:
        return f"{len(best)} trials on the Pareto front of {', '.join(metrics(experiment['spec']))}"
    trial = best[0]
    values = click.style(score(trial, experiment["spec"]), fg="green")
    return f"best  {values}  {assignment(trial['hyperparameters'])}"


def _held(experiment: Json) -> list[Text]:
    """The reason if a live experiment starts no further trial."""
    if experiment["state"] in FINAL or not experiment["reason"]:
        return []
    return [Text(printable(experiment["reason"]), style="yellow")]


def _bar(experiment: Json, now: float, columns: int) -> RenderableType:
    done, most = ended(experiment), planned(experiment)
    counts = experiment["counts"]
    words = [
        f"{done} ended" if most is None else f"{done}/{most}",
        *(f"{counts[key]} {key}" for key in ("running", "failed", "stopped") if counts.get(key)),
    ]
    words += _times(experiment, now)
    if most is None:
        return Text("  ".join(words), no_wrap=True, overflow="ellipsis")
    grid = Grid.grid(padding=(0, 2))
    grid.add_row(
        ProgressBar(
            total=most,
            completed=done,
            width=max(10, min(40, columns - 50)),
            complete_style="cyan",
            finished_style="green",
        ),
        Text("  ".join(words), no_wrap=True, overflow="ellipsis"),
    )
    return grid


def _times(experiment: Json, now: float) -> list[str]:
    start = moment(experiment["submitted_at"]) or now
    passed = (moment(experiment["ended_at"]) or now) - start
    done, most = ended(experiment), planned(experiment)
    if experiment["state"] != "RUNNING" or most is None or not 0 < done < most:
        return [duration(passed)]
    return [duration(passed), f"about {duration(passed / done * (most - done))} left"]

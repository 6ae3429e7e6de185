"""What an experiment and its trials show in a notebook: tables and plots."""

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

from tunelet.client import importance, plots
from tunelet.client.report import winners
from tunelet.client.svg import Plot
from tunelet.client.trial import Trial

Json = dict[str, Any]


class Results:
    """Tables and plots over `experiment`, the API's JSON, and its trials.

    Each call of a method of `Experiment` asks the service again.
    """

    def _results(self) -> tuple[Json, Sequence[Trial]]:
        """Return the experiment's JSON and its trials, by number."""
        raise NotImplementedError

    def _with_reports(self, trials: Sequence[Trial]) -> Sequence[Trial]:
        """Return the trials with their reports, which those of `_results` may lack."""
        return trials

    def dataframe(self) -> Any:
        """Return a row for each trial: a pandas DataFrame, or one of polars if only that is there.

        Columns are named as in `tunelet export`: "values.loss", "hyperparameters.lr", and so on.
        Raises `ImportError` if neither is installed.
        """
        _, trials = self._results()
        rows = [dict(_row(trial)) for trial in trials]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        table = {name: [row.get(name) for row in rows] for name in columns}
        for library in ("pandas", "polars"):
            try:
                return importlib.import_module(library).DataFrame(table)
            except ModuleNotFoundError as fault:
                if fault.name != library:
                    raise
        raise ImportError("dataframe() needs pandas or polars: pip install pandas")

    def plot_history(self) -> Plot:
        """Plot the first objective of each trial by number, and the best so far."""
        experiment, trials = self._results()
        spec = experiment["spec"]
        return plots.history(trials, spec["objectives"][0], spec.get("constraints", ()))

    def plot_parallel(self) -> Plot:
        """Plot a line for each trial across its hyperparameters to its first objective."""
        experiment, trials = self._results()
        spec = experiment["spec"]
        return plots.parallel(trials, spec["hyperparameters"], spec["objectives"][0])

    def plot_slices(self) -> Plot:
        """Plot the first objective of each trial over each hyperparameter."""
        experiment, trials = self._results()
        spec = experiment["spec"]
        return plots.slices(trials, spec["hyperparameters"], spec["objectives"][0])

    def importances(self) -> dict[str, float]:
        """Return each hyperparameter's share of the importance for the first objective.

        Largest first; the sum is 1. Empty while too few trials have completed. The method is
        PED-ANOVA (`tunelet.client.importance`).
        """
        experiment, trials = self._results()
        spec = experiment["spec"]
        return importance.importances(trials, spec["hyperparameters"], spec["objectives"][0])

    def plot_importance(self) -> Plot:
        """Plot how much each hyperparameter matters for the first objective."""
        experiment, trials = self._results()
        spec = experiment["spec"]
        objective = spec["objectives"][0]
        shares = importance.importances(trials, spec["hyperparameters"], objective)
        return plots.importance(shares, objective["metric"])

    def plot_scatter(self, x: str | None = None, y: str | None = None) -> Plot:
        """Plot each trial at two of its hyperparameters or metrics, or at its number: "trial".

        The colour is the rank by the first objective. Without names they are the two most important
        hyperparameters. Raises `ValueError` for an unknown name.
        """
        experiment, trials = self._results()
        spec = experiment["spec"]
        forms, objective = spec["hyperparameters"], spec["objectives"][0]
        if x is None or y is None:
            first, second = plots.two_of(trials, forms, objective)
            x, y = x or first, y or second
        return plots.scatter(trials, forms, objective, x, y)

    def plot_curves(self) -> Plot:
        """Plot the reports of the best 40 and the newest 20 trials, by step."""
        experiment, trials = self._results()
        objective = experiment["spec"]["objectives"][0]
        wanted = plots.with_curves(trials, objective)
        return plots.curves(self._with_reports(wanted), objective)

    def plot_timeline(self) -> Plot:
        """Plot when each trial ran, from its start to its end."""
        return plots.timeline(self._results()[1])

    def plot_pareto(self) -> Plot:
        """Plot the first two objectives of each trial. Raises `ValueError` if there is only one."""
        experiment, trials = self._results()
        spec = experiment["spec"]
        objectives = spec["objectives"]
        if len(objectives) < 2:
            raise ValueError(
                "a plot of the Pareto front needs two objectives; the plot of the history shows one"
            )
        front = [trial["number"] for trial in winners(experiment)]
        return plots.pareto(trials, objectives, front, spec.get("constraints", ()))


def _row(trial: Trial) -> Iterator[tuple[str, Any]]:
    yield "number", trial.number
    yield "state", trial.state
    yield from ((f"values.{name}", value) for name, value in trial.values.items())
    yield from ((f"hyperparameters.{name}", v) for name, v in trial.hyperparameters.items())
    yield from ((f"attributes.{name}", value) for name, value in trial.attributes.items())
    yield "attempt", trial.attempt
    yield "started_at", trial.started_at
    yield "finished_at", trial.finished_at
    yield "reason", trial.reason

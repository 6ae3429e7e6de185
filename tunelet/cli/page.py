"""One experiment or trial as lines of a label and a text."""

from collections.abc import Sequence

import click

from tunelet.cli.table import colored, printable
from tunelet.client.report import (
    Json,
    ago,
    elapsed,
    figure,
    metrics,
    progress,
    score,
    sparkline,
    winners,
)


def pairs(entries: Sequence[tuple[str, str]]) -> list[str]:
    """Aligned lines of a label and a text; entries without a text are left out."""
    filled = [(label, text) for label, text in entries if text]
    room = max((len(label) for label, _ in filled), default=0)
    return [f"{click.style(f'{label:{room}}', dim=True)}  {text}" for label, text in filled]


def experiment_lines(experiment: Json, now: float) -> list[str]:
    spec = experiment["spec"]
    reason = experiment["reason"]
    state = colored(experiment["state"]) + (f": {printable(reason)}" if reason else "")
    head = [
        ("name", experiment["name"]),
        ("namespace", experiment["namespace"]),
        ("state", state),
        ("trials", progress(experiment)),
        ("parallel", str(spec["parallel_trials"])),
        ("algorithm", spec["hpo_algorithm"]["name"]),
        ("code", _code(spec["model_training_code"])),
        ("submitted", ago(experiment["submitted_at"], now)),
        ("took" if experiment["ended_at"] else "running for", _took(experiment, now)),
        *(("objective", _objective(each)) for each in spec["objectives"]),
        ("labels", _labels(spec)),
        ("note", printable(experiment.get("note") or "")),
    ]
    return [*pairs(head), "", *_space(spec["hyperparameters"]), *_best(experiment)]


def trial_lines(trial: Json, spec: Json) -> list[str]:
    """The trial with all digits, so that it can be copied."""
    given = trial["hyperparameters"]
    values = {metric: trial["values"][metric] for metric in metrics(spec)}
    entries = {**values, **given}
    room = max(len(name) for name in entries)
    body = [
        f"  {click.style(name.ljust(room), bold=name in values)}  {_exact(value)}"
        for name, value in entries.items()
    ]
    cut_off = "  STOPPED: the newest values that it reported" if trial["state"] == "STOPPED" else ""
    label = click.style("best trial", dim=True)
    return [f"{label}  {trial['number']}{cut_off}{_curve(trial, spec)}", *body]


def _exact(value: object) -> str:
    return repr(value) if isinstance(value, float) else printable(figure(value))


def _best(experiment: Json) -> list[str]:
    best = winners(experiment)
    if len(best) > 1:
        text = [f"  trial {trial['number']}  {score(trial, experiment['spec'])}" for trial in best]
        return ["", click.style("Pareto front", dim=True), *text]
    return ["", *trial_lines(best[0], experiment["spec"])] if best else []


def _curve(trial: Json, spec: Json) -> str:
    goal = metrics(spec)[0]
    steps = (report["values"].get(goal) for report in trial["reports"])
    curve = sparkline(float(value) for value in steps if value is not None)
    return f"  {click.style(curve, fg='cyan')}" if curve else ""


def _labels(spec: Json) -> str:
    labels = spec.get("labels", {})
    return printable(" ".join(f"{name}={value}" for name, value in labels.items()))


def _took(experiment: Json, now: float) -> str:
    return elapsed(experiment["submitted_at"], experiment["ended_at"], now)


def _code(code: Json) -> str:
    if "workers" in code:
        return "workers ask for the trials"
    if "manifest" in code:
        return f"a {code['manifest']['kind']} manifest"
    return printable(
        " ".join([code["image"], *(code.get("command") or ()), *(code.get("args") or ())])
    )


def _objective(objective: Json) -> str:
    goal = "" if objective["goal"] is None else f" to {figure(objective['goal'])}"
    return f"{objective['direction']} {objective['metric']}{goal}"


def _space(parameters: Json) -> list[str]:
    room = max(len(name) for name in parameters)
    body = [f"  {name:{room}}  {printable(_domain(of))}" for name, of in parameters.items()]
    return [click.style("search space", dim=True), *body]


def _domain(parameter: Json) -> str:
    kind = parameter["type"]
    if kind == "categorical":
        text = "one of " + ", ".join(_choice(choice) for choice in parameter["choices"])
        text += " as a flag" if parameter.get("flag") else ""
    elif "min" in parameter:
        text = f"{kind} {figure(parameter['min'])} to {figure(parameter['max'])}"
    else:
        text = f"{kind} mean {figure(parameter['mean'])}, std {figure(parameter['std'])}"
    if parameter.get("step"):
        text += f" by {figure(parameter['step'])}"
    scale = parameter.get("scale") or ("log" if parameter.get("log") else "linear")
    text += f", {scale} scale" if scale != "linear" else ""
    return text + (f", when {_when(parameter['when'])}" if parameter.get("when") else "")


def _choice(choice: object) -> str:
    if isinstance(choice, dict):
        return f"{figure(choice['value'])} (weight {figure(choice['weight'])})"
    return figure(choice)


def _when(conditions: Json) -> str:
    return " and ".join(f"{parent} is {_allowed(value)}" for parent, value in conditions.items())


def _allowed(value: object) -> str:
    if isinstance(value, dict):
        ends = [
            f"{word} {figure(value[end])}"
            for end, word in (("min", "from"), ("max", "to"))
            if end in value
        ]
        return " ".join(ends)
    return " or ".join(map(figure, value)) if isinstance(value, list) else figure(value)

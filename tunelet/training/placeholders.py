"""The training contract: the inputs of one run's training code.

Pure: makes a `Launch` from the spec, the run and its hyperparameters. Hyperparameters reach the
training code as `--name=value` arguments and as JSON in TUNELET_HYPERPARAMETERS. If command, args,
env or manifest have `${hyperparameters.NAME}`, the value replaces it, and the arguments are not
appended. The other placeholders are `${trial.number}`, `${trial.attempt}`, `${trial.name}` (the
run's name, unique to the attempt), `${experiment.name}`, `${experiment.namespace}` and
`${checkpoint.url}`. Text like `${HOME}` is the shell's and is not changed; `$${log.dir}` becomes
the text `${log.dir}`.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from tunelet.core.run import Launch, Run
from tunelet.core.spec import Spec
from tunelet.core.trial import Assignment, Scalar
from tunelet.errors import FieldError, Reject
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.training import arguments
from tunelet.training.arguments import text

_PLACEHOLDER = lazy_pattern(
    r"(?<!\$)\$\{((?:hyperparameters|trial|experiment|checkpoint)\.[^{}]*)\}"
)
_KEPT = lazy_pattern(r"\$(?=\$\{[A-Za-z_][\w-]*\.[^{}]*\})")
"""The first of two dollar signs before a text in the form of a placeholder."""
HYPERPARAMETERS = "hyperparameters."
"""The beginning of a hyperparameter's placeholder."""
OTHERS = (
    "trial.number",
    "trial.attempt",
    "trial.name",
    "experiment.name",
    "experiment.namespace",
    "checkpoint.url",
)

_TEXT_ONLY = frozenset(
    (
        *("args", "command", "value"),
        *("annotations", "labels", "matchLabels", "nodeSelector"),
        *("data", "stringData"),
    )
)
"""Keys of a Kubernetes manifest below which the API accepts only strings."""

STOP_FILE = "/var/run/tunelet/stop"
"""The file that appears when the training should stop; a launcher may choose another path."""


def resolve(
    spec: Spec,
    run: Run,
    hyperparameters: Assignment,
    *,
    api_url: str,
    token: str,
    checkpoint_url: str,
    store: str = "",
    digest: str = "",
    traceparent: str | None = None,
) -> Launch:
    """Return everything that a launcher needs to start `run`.

    `api_url` is the service's address without `/api`, empty if it has none. `checkpoint_url` is the
    same for all attempts of a trial. `store` is the store's identity. `digest` is
    the trial's. `traceparent` is the trace of the run, if any. Raises `Reject` for an unknown
    placeholder.
    """
    code, forms = spec.code, spec.hyperparameters
    errors = problems(code, forms)
    if errors:
        raise Reject("unknown placeholder in model_training_code", errors)
    given = arguments.given(forms, hyperparameters)
    filling = _Filling(
        _values(spec, run, given, checkpoint_url),
        {HYPERPARAMETERS + name: word for name, word in arguments.words(forms, given).items()},
    )
    filled = _fill(code, filling, typed=False)
    if "manifest" in code:
        filled = {**filled, "manifest": _fill(code["manifest"], filling, typed=True)}
    args = [] if _names_hyperparameters(code) else arguments.appended(forms, given)
    return Launch(
        store=store,
        digest=digest,
        run=run,
        code={k: v for k, v in filled.items() if k not in ("command", "args", "env")},
        command=tuple(filled.get("command") or ()),
        args=(*(filled.get("args") or ()), *args),
        env={
            **(filled.get("env") or {}),
            **_environment(run, given, api_url, token, checkpoint_url),
            **({"TRACEPARENT": traceparent} if traceparent else {}),
        },
        metrics=spec.metrics,
        timeout=spec.timeout,
    )


def problems(code: Mapping[str, Any], hyperparameters: Collection[str]) -> list[FieldError]:
    """Return a fault for each unknown placeholder in `model_training_code`."""
    known = {HYPERPARAMETERS + name for name in hyperparameters} | set(OTHERS)
    remedy = "use one of " + ", ".join("${" + each + "}" for each in sorted(known))
    return [
        FieldError(
            field=field,
            value="${" + name + "}",
            message="is not a known placeholder",
            remedy=remedy,
        )
        for field, name in placeholders(code, "model_training_code")
        if name not in known
    ]


def placeholder(name: str) -> str:
    """Return the placeholder of the hyperparameter with this name."""
    return "${" + HYPERPARAMETERS + name + "}"


def _values(
    spec: Spec, run: Run, hyperparameters: Assignment, checkpoint_url: str
) -> dict[str, Scalar]:
    """The value of each placeholder; empty text for a hyperparameter that is not active."""
    others = (str(run.number), str(run.attempt), run.name, run.experiment, run.namespace)
    return {
        **{HYPERPARAMETERS + name: hyperparameters.get(name, "") for name in spec.hyperparameters},
        **dict(zip(OTHERS, (*others, checkpoint_url), strict=True)),
    }


def placeholders(node: Any, field: str) -> Iterator[tuple[str, str]]:
    """Yield all placeholders below `node`: the field of each, and its name without ${}."""
    if isinstance(node, str):
        yield from ((field, match) for match in _PLACEHOLDER.findall(node))
    elif isinstance(node, Mapping):
        for key, child in node.items():
            yield from placeholders(child, f"{field}.{key}")
    elif isinstance(node, list | tuple):
        for index, child in enumerate(node):
            yield from placeholders(child, f"{field}[{index}]")


def _names_hyperparameters(code: Mapping[str, Any]) -> bool:
    return any(name.startswith(HYPERPARAMETERS) for _, name in placeholders(code, ""))


class _Filling(NamedTuple):
    """The replacements of placeholders."""

    values: Mapping[str, Scalar]
    words: Mapping[str, str | None]
    """Replacements of arguments that are one whole placeholder; None: the argument is left out."""


def _fill(node: Any, filling: _Filling, typed: bool) -> Any:
    """The same tree with its placeholders filled; keys are not changed.

    With `typed`, a string that is only a placeholder becomes the value itself, because Kubernetes
    refuses `replicas: "4"`. Below the keys of `_TEXT_ONLY` it remains a string.
    """
    if isinstance(node, str):
        whole = _PLACEHOLDER.fullmatch(node)
        if typed and whole:
            return filling.values[whole[1]]
        return _filled(node, filling.values)
    if isinstance(node, Mapping):
        return {
            key: _words(child, filling)
            if key in ("command", "args") and isinstance(child, list | tuple)
            else _fill(child, filling, typed and key not in _TEXT_ONLY)
            for key, child in node.items()
        }
    if isinstance(node, list | tuple):
        return [_fill(child, filling, typed) for child in node]
    return node


def _words(words: Sequence[Any], filling: _Filling) -> list[Any]:
    """The arguments of a command line, without those that are left out."""
    found = []
    for word in words:
        whole = _PLACEHOLDER.fullmatch(word) if isinstance(word, str) else None
        if whole and whole[1] in filling.words:
            found.append(filling.words[whole[1]])
        else:
            found.append(_fill(word, filling, typed=False))
    return [word for word in found if word is not None]


def _filled(written: str, values: Mapping[str, Scalar]) -> str:
    """The text with its placeholders filled. Placeholders inside a value are not filled."""
    parts = _PLACEHOLDER.split(written)
    # Parts with an odd index are names of placeholders.
    return "".join(
        text(values[part]) if index % 2 else _KEPT.sub("", part) for index, part in enumerate(parts)
    )


def _environment(
    run: Run, hyperparameters: Assignment, api_url: str, token: str, checkpoint_url: str
) -> dict[str, str]:
    return {
        "TUNELET_HYPERPARAMETERS": json.dumps(hyperparameters, separators=(",", ":")),
        "TUNELET_EXPERIMENT": run.experiment,
        "TUNELET_NAMESPACE": run.namespace,
        "TUNELET_TRIAL": str(run.number),
        "TUNELET_ATTEMPT": str(run.attempt),
        "TUNELET_CHECKPOINT_URL": checkpoint_url,
        "TUNELET_STOP_FILE": STOP_FILE,
        **_checkpoint_folder(checkpoint_url),
        **({"TUNELET_API_URL": api_url, "TUNELET_TRIAL_TOKEN": token} if api_url else {}),
    }


def _checkpoint_folder(url: str) -> dict[str, str]:
    """Return the variable with the folder's path, which a shell can use as it is."""
    if not url.startswith("file:"):
        return {}
    return {"TUNELET_CHECKPOINT_DIR": unquote(url.removeprefix("file:").removeprefix("//"))}

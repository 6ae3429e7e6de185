"""The remedy for an unknown placeholder: the one that the user probably meant."""

import difflib
import re
from collections.abc import Iterable, Sequence

from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.training.placeholders import HYPERPARAMETERS, OTHERS

_COUNTERPARTS = {
    "trialspec.name": "trial.name",
    "trialspec.namespace": "experiment.namespace",
    "trial.id": "trial.number",
    "trial.index": "trial.number",
    "trial.namespace": "experiment.namespace",
    "checkpoint.path": "checkpoint.url",
    "checkpoint.dir": "checkpoint.url",
}
"""Tunelet's placeholders by Katib's and other tools' names, in lower case."""
_SPACE = r"(trial[._]?)?(hyper[._]?param(eter)?s?|hparams?|param(eter)?s?)"
_PARAMETER = lazy_pattern(rf"{_SPACE}\.(?P<name>.*)", re.IGNORECASE)
_OURS = lazy_pattern(
    r"(trial[._]?param(eter)?s?|hyper[._]?param(eter)?s?|hparams?|trial_?spec|trial|experiment"
    r"|checkpoint)\.",
    re.IGNORECASE,
)
_WORDS = lazy_pattern(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def is_ours(name: str) -> bool:
    """Whether only Tunelet or Katib would have a placeholder of this name."""
    return _OURS.match(name) is not None


def remedy_for(name: str, hyperparameters: Sequence[str]) -> str:
    """Return the remedy for a placeholder `${name}` in an experiment with these hyperparameters."""
    meant = _counterpart(name, hyperparameters)
    if meant is not None:
        return f"did you mean {_written(meant)}?" + ("" if is_ours(name) else f" {_kept(name)}")
    others = [*sorted(HYPERPARAMETERS + each for each in hyperparameters), *OTHERS]
    choices = "use one of " + ", ".join(map(_written, others))
    return choices if is_ours(name) else f"{_kept(name)}; else {choices}"


def _counterpart(name: str, hyperparameters: Sequence[str]) -> str | None:
    if fixed := _COUNTERPARTS.get(name.lower()):
        return fixed
    if found := _PARAMETER.fullmatch(name):
        return _prefixed(_similar(found["name"], hyperparameters))
    if is_ours(name):
        return _closest(name, OTHERS)
    last = name.rpartition(".")[2]
    return HYPERPARAMETERS + last if last in hyperparameters else None


def _similar(name: str, hyperparameters: Sequence[str]) -> str | None:
    """The hyperparameter with a similar name or the same initials, or the only one."""
    if close := _closest(name, hyperparameters):
        return close
    for one in hyperparameters:
        if _initials(name) == one.lower() or _initials(one) == name.lower():
            return one
    return hyperparameters[0] if len(hyperparameters) == 1 else None


def _closest(name: str, known: Iterable[str]) -> str | None:
    folded = {_folded(one): one for one in known}
    close = difflib.get_close_matches(_folded(name[:100]), folded, 1)
    return folded[close[0]] if close else None


def _folded(name: str) -> str:
    """The name without case, hyphens and underscores."""
    return re.sub(r"[-_]", "", name).lower()


def _initials(name: str) -> str:
    return "".join(word[0] for word in _WORDS.findall(name)).lower()


def _prefixed(name: str | None) -> str | None:
    return None if name is None else HYPERPARAMETERS + name


def _written(name: str) -> str:
    return "${" + name + "}"


def _kept(name: str) -> str:
    """The remedy if the text is for another program."""
    return f"write $${{{name}}} to keep it as it is"

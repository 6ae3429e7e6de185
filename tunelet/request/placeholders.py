"""What is wrong with the placeholders of a request's training code.

No shell has a variable with a full stop in its name. So a text like `${trialParameters.lr}` is a
placeholder of ours that is misspelt, or one of another tool, and every trial would get it as it
stands. `$${…}` keeps such a text for another program. Other brackets, `${lr}` and `$(NAME)` are
refused only where a whole argument or variable is made of them: shells, Python and templates use
them, too.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from tunelet.errors import FieldError
from tunelet.request.placeholder_remedy import is_ours, remedy_for
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.text.messages import shortened, shown
from tunelet.training.placeholders import HYPERPARAMETERS, OTHERS

_LONGEST = 400
"""Characters of a remedy."""

_DOTTED = lazy_pattern(
    r"(?<!\$)\$\{(\s*(?P<name>[A-Za-z_][\w-]*\.[\w.-]*(?:\[[^\]{}]*\])?)[^{}]*)(?P<end>\}?)"
)
_WHOLE = lazy_pattern(r"[^\s{}$()]*(\{\{[^{}]*\}\}|\$?\{[^{}]*\}|\$\([^()]*\)|\$[\w.]+)[^\s{}$()]*")
"""An option, perhaps, and something in brackets."""
_INDEXED = lazy_pattern(r"""([\w-]+)\[['"]?([\w.-]+)['"]?\]""")
_SCRIPT = lazy_pattern(r"-[a-z]*c")
"""The option of a shell, or of Python, that is followed by a script."""

_WANDB = {
    "${args}": "leave it out: --name=value is appended for each hyperparameter",
    "${args_no_hyphens}": "leave it out, or write name=${hyperparameters.name} for each",
    "${args_no_boolean_flags}": 'leave it out, and give such choices "flag": true',
    "${args_json}": "leave it out, and read TUNELET_HYPERPARAMETERS, which is JSON",
    "${args_json_file}": "leave it out, and read TUNELET_HYPERPARAMETERS, which is JSON",
    "${program}": 'write the program itself, such as "train.py"',
    "${interpreter}": 'write the interpreter itself, such as "python"',
    "${env}": "leave it out: no /usr/bin/env is needed",
}
"""Macros of W&B's sweeps, each an argument of its own."""


class _Text(NamedTuple):
    """A text of the training code. `place` is one of those below, or empty."""

    field: str
    text: str
    place: str = ""


_NAME, _WORD, _SCRIPTS, _VARIABLE = "name", "word", "script", "variable"


class _Known(NamedTuple):
    """What can be filled."""

    certain: frozenset[str]
    """Placeholders that every trial has, without ${}."""
    names: tuple[str, ...]
    """Of all hyperparameters."""
    flags: frozenset[str]
    """Names of those whose argument may be left out."""
    variables: frozenset[str]
    """Of the image's environment."""
    image: bool

    def nothing(self, field: str, written: str, name: str) -> FieldError:
        return _error(field, written, "means nothing", remedy_for(name, self.names))


def problems(
    code: Mapping[str, Any],
    names: Collection[str],
    certain: Collection[str],
    flags: Collection[str] = (),
) -> Iterator[FieldError]:
    """What is wrong with the placeholders of `model_training_code`.

    `names` are all hyperparameters, `certain` those of them that every trial has, `flags` those
    whose argument may be left out.
    """
    known = _Known(
        certain=frozenset({*OTHERS, *(HYPERPARAMETERS + name for name in certain)}),
        names=tuple(names),
        flags=frozenset(flags),
        variables=frozenset((*code.get("env", ()), *code.get("secrets", ()))),
        image="image" in code,
    )
    for each in _texts(code, "model_training_code"):
        found = list(_dotted_problems(each, known))
        yield from found or _whole_problems(each, known)


def _texts(node: Any, field: str) -> Iterator[_Text]:
    """All texts below `node`, the names of fields among them."""
    if isinstance(node, str):
        yield _Text(field, node)
    elif isinstance(node, Mapping):
        for key, child in node.items():
            below = f"{field}.{key}"
            yield _Text(below, str(key), _NAME)
            if key in ("command", "args") and isinstance(child, list):
                yield from _words(child, below, node.get("command") if key == "args" else None)
            else:
                yield from _in_place(_VARIABLE if key == "env" else "", _texts(child, below))
    elif isinstance(node, list | tuple):
        for index, child in enumerate(node):
            yield from _texts(child, f"{field}[{index}]")


def _words(words: list[Any], field: str, before: Any) -> Iterator[_Text]:
    """Those of a command line that goes on from `before`."""
    last = before[-1] if isinstance(before, list) and before else None
    for index, word in enumerate(words):
        script = isinstance(last, str) and _SCRIPT.fullmatch(last) is not None
        yield from _in_place(_SCRIPTS if script else _WORD, _texts(word, f"{field}[{index}]"))
        last = word


def _in_place(place: str, texts: Iterator[_Text]) -> Iterator[_Text]:
    return (each._replace(place=each.place or place) for each in texts)


def _dotted_problems(each: _Text, known: _Known) -> Iterator[FieldError]:
    """Those of the form ${name.with.a.full.stop}."""
    for match in _DOTTED.finditer(each.text):
        written, name = match[1], match["name"]
        # What follows the name may be secret.
        shown_text = "${" + name + ("}" if written.strip() == name else "…}")
        if not match["end"]:
            if is_ours(name):
                yield known.nothing(each.field, "${" + name, name)
        elif written in known.certain:
            if each.place == _NAME:
                message = "is filled in values only, and this is the name of a field"
                yield _error(each.field, shown_text, message, "write the name itself")
        elif (own := written.removeprefix(HYPERPARAMETERS)) in known.names and own != written:
            if own in known.flags and each.place == _WORD and match[0] == each.text:
                continue  # The argument is left out where the flag is not active.
            message = "may be absent: the hyperparameter is conditional"
            remedy = "read it from TUNELET_HYPERPARAMETERS, or remove its when"
            yield _error(each.field, shown_text, message, remedy)
        else:
            yield known.nothing(each.field, shown_text, name)


def _whole_problems(each: _Text, known: _Known) -> Iterator[FieldError]:
    """Those of another form, of which a whole argument or variable is made."""
    if each.place == _WORD and each.text in _WANDB:
        message = "means nothing here: it is a macro of W&B"
        yield _error(each.field, each.text, message, _WANDB[each.text])
        return
    match = _WHOLE.fullmatch(each.text) if each.place in (_WORD, _VARIABLE) else None
    if match is None:
        return
    written = match[1]
    inside = _INDEXED.sub(r"\1.\2", written.strip("${}()").strip())
    if is_ours(inside) and not (written.startswith("${") and "[" not in written):
        yield known.nothing(each.field, written, inside)
    elif inside in known.names and not _is_read_elsewhere(each, written, known):
        yield known.nothing(each.field, written, HYPERPARAMETERS + inside)
    elif written.startswith("$(") and known.image and _is_variable(inside, known):
        remedy = f'let a shell fill it: "command": ["sh", "-c", "… ${inside}"]'
        yield _error(each.field, written, "is not filled in a command, args or env", remedy)


def _is_read_elsewhere(each: _Text, written: str, known: _Known) -> bool:
    """Whether something else may fill a hyperparameter's name in these brackets."""
    if written.startswith("$") and written.strip("${}()") in known.variables:
        return True
    if each.place == _VARIABLE:
        return not written.startswith(("${", "$(", "{{"))
    # Kubernetes fills $(NAME) of a manifest, and Argo {{name}}.
    return not known.image and written.startswith(("$(", "{{"))


def _is_variable(name: str, known: _Known) -> bool:
    return name in known.variables or name.startswith("TUNELET_")


def _error(field: str, value: str, message: str, remedy: str) -> FieldError:
    return FieldError(shortened(field), shown(value), message, shortened(remedy, _LONGEST))

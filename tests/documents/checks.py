"""Checks blocks that are not run: their syntax, and that the code accepts what they show."""

import difflib
import itertools
import json
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

import algorithms
from functions.api.routes import routing
from functions.identity import config
from functions.quotas import quotas
from functions.stores import tenant_stores
from functions.telemetry.observed import METRICS
from tests.documents.blocks import ROOT, Block
from tests.documents.reader import commands
from tunelet import cli
from tunelet.request import policy
from tunelet.request.criteria import criterion
from tunelet.request.spec import parse

REQUEST: dict[str, Any] = {
    "model_training_code": "trainer",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
}
_KUSTOMIZATION = {
    "apiVersion",
    "kind",
    "namespace",
    "resources",
    "components",
    "patches",
    "images",
    "configMapGenerator",
    "secretGenerator",
}


def check(block: Block) -> None:
    """Raises an error if the block is not as its language and its directives say."""
    if "diff of" in block.directives:
        old, new = block.directives["diff of"].split()
        indented = "without indentation" not in block.directives
        assert block.text == difference(ROOT / old, ROOT / new, indented), (
            "the files differ otherwise"
        )
    else:
        _LANGUAGES[block.language](block)


def difference(old: Path, new: Path, indented: bool = True) -> str:
    """The changed parts of two files, with two lines around each, without the names.

    If not `indented`, lines that differ in the blanks before them are equal.
    """
    before, after = (path.read_text().splitlines() for path in (old, new))
    compared = [
        lines if indented else [line.lstrip() for line in lines] for lines in (before, after)
    ]
    matcher = difflib.SequenceMatcher(None, *compared)
    parts = ["\n".join(_changed(group, before, after)) for group in matcher.get_grouped_opcodes(1)]
    return "\n\n".join(parts).lstrip("\n") + "\n"


def _changed(
    group: list[tuple[str, int, int, int, int]], before: list[str], after: list[str]
) -> Iterator[str]:
    for tag, i1, i2, j1, j2 in group:
        if tag == "equal":
            yield from (f" {line}".rstrip() for line in after[j1:j2])
        else:
            yield from (f"-{line}" for line in before[i1:i2])
            yield from (f"+{line}" for line in after[j1:j2])


def resources(block: Block) -> list[dict[str, Any]]:
    """The objects of Kubernetes in a block, of which the API has a schema."""
    found = [each for each in yaml.safe_load_all(block.text) if each]
    if block.directives.get("reads as") == "spec of a pod":
        pod = {"containers": [{"name": "main", "image": "main"}]}
        found = [
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod | each}
            for each in found
        ]
    return [each for each in found if _is_object(each)]


def _is_object(value: Any) -> bool:
    """Whether it is one of Kubernetes; kustomize's own files are not in the API."""
    known = isinstance(value, dict) and {"apiVersion", "kind"} <= value.keys()
    return bool(known and value["kind"] != "Kustomization")


def _shell(block: Block) -> None:
    text = block.text
    if block.language == "console":
        text = "\n".join(command for command, _ in commands(text))
    ran = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    if block.skipped:
        _understood(text)


def _understood(text: str) -> None:
    """Raises click.UsageError for a command of Tunelet, or an option, that does not exist."""
    for line in text.replace("\\\n", " ").splitlines():
        if not line.startswith("tunelet "):
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(itertools.takewhile(lambda word: not {*word} <= {*"|&;<>"}, lexer))
        command: click.Command = cli.cli
        # A command keeps the names of its help option, which are the settings of the first context.
        above = click.Context(command, info_name="tunelet", **command.context_settings)
        while isinstance(command, click.Group):
            name = words.pop(1)
            found = command.get_command(above, name)
            if found is None:
                raise click.UsageError(f"there is no command {name}: {line}")
            command = found
            if isinstance(command, click.Group):
                above = click.Context(command, above, info_name=name)
        command.make_context(line, words[1:], above)


def _python(block: Block) -> None:
    compile(block.text, block.place, "exec")


def _json(block: Block) -> None:
    for value in values(block.text):
        _accepted(value, block)


def values(text: str) -> Iterator[Any]:
    """The values of a block: one, or one a line; members of an object may come without braces."""
    parts = [text]
    try:
        json.loads(text)
    except ValueError:
        # Lines that begin deeper belong to the value before.
        parts = text.replace("\n ", " ").splitlines()
    for part in parts:
        try:
            yield json.loads(part)
        except ValueError:
            yield json.loads(f"{{{part}}}")


def _yaml(block: Block) -> None:
    for value in yaml.safe_load_all(block.text):
        _accepted(value, block)


def _accepted(value: Any, block: Block) -> None:
    if "part of" in block.directives:
        field = block.directives["part of"]
        part = value if field == "request" else {field: value}
        parse(REQUEST | part, algorithms.load_catalog())
    elif "reads as" in block.directives:
        _KINDS[block.directives["reads as"]](value)
    elif not block.skipped and not _is_object(value):  # tests/unit/infra checks those
        known = isinstance(value, dict) and "hyperparameters" in value
        assert known, "is this a request? see tests/documents/blocks.py for the directives"
        parse(value, algorithms.load_catalog())


def _identity(value: Any) -> None:
    config.parse(value)


def _part_of_identity(value: Any) -> None:
    issuer = {"url": value["login"]["issuer"], "audiences": ["tunelet"], "prefix": "x:"}
    config.parse({"issuers": [issuer], "roles": [], **value})


def _quotas(value: Any) -> None:
    quotas(json.dumps(value), "quotas")


def _policy(value: Any) -> None:
    policy.read(json.dumps(value))


def _kustomization(value: Any) -> None:
    assert value.keys() <= _KUSTOMIZATION, value.keys() - _KUSTOMIZATION
    for path in [*value.get("resources", ()), *value.get("components", ())]:
        _, found, place = path.partition("infra/knative/")
        assert found, f"{path} is not in infra/knative"
        assert (ROOT / "infra" / "knative" / place / "kustomization.yaml").exists(), path
    for each in value.get("patches", ()):
        _identity_map(yaml.safe_load(each["patch"]))


def _identity_map(value: Any) -> None:
    assert value["metadata"] == {"name": "tunelet-identity", "namespace": "tunelet"}
    config.parse(yaml.safe_load(value["data"]["identity.yaml"]))


def _stores(value: Any) -> None:
    tenant_stores(json.dumps(value), "stores")


def _conditions(text: str) -> None:
    for line in text.splitlines():
        criterion(line, "success_condition")


def _tuning_job(value: Any) -> None:
    """What `CreateHyperParameterTuningJob` takes, by AWS's own description of its service."""
    described = Loader().load_service_model("sagemaker", "service-2")
    shape = ServiceModel(described).operation_model("CreateHyperParameterTuningJob").input_shape
    call = value | {"HyperParameterTuningJobName": "x"}
    report = ParamValidator().validate(call, shape)
    assert not report.has_errors(), report.generate_report()


def _scrape_configuration(value: Any) -> None:
    """Prometheus reads it; the paths are those of the service."""
    for job in value["scrape_configs"]:
        path = job["metrics_path"]
        assert path == METRICS or routing().find(path, "GET") is not None, path
        assert job["authorization"].keys() == {"credentials_file"}


def _any(value: Any) -> None:
    """Nothing reads it."""


_KINDS: dict[str, Callable[[Any], None]] = {
    "identity": _identity,
    "part of identity": _part_of_identity,
    "quotas": _quotas,
    "policy": _policy,
    "kustomization": _kustomization,
    "stores": _stores,
    "conditions": _conditions,
    "a tuning job": _tuning_job,
    "scrape configuration": _scrape_configuration,
    "spec of a pod": _any,  # tests/unit/infra checks it
    "object": _any,
}


def _toml(block: Block) -> None:
    tomllib.loads(block.text)


def _text(block: Block) -> None:
    """An output, which is compared, or a text that is not run."""
    if "reads as" in block.directives:
        _KINDS[block.directives["reads as"]](block.text)


_LANGUAGES: dict[str, Callable[[Block], None]] = {
    "sh": _shell,
    "console": _shell,
    "python": _python,
    "json": _json,
    "yaml": _yaml,
    "toml": _toml,
    "text": _text,
    "diff": lambda block: _refused(),
}


def _refused() -> None:
    raise AssertionError("name the files, with <!-- diff of: OLD NEW -->")

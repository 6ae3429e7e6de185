"""The page of all environment variables.

What a settings class reads is described by that class; the rest here. A test looks for variables
that the code names and this page lacks.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise

from functions.settings import Settings
from manual.reference.markdown import code, paragraphs, table

_HEAD = """# Environment variables

The names of this page are all that Tunelet reads or sets. Clouds and libraries read further ones.
[Deployment](../operations/deployment.md) says which values suit which installation.
"""
_COMMANDS = {
    "TUNELET_URL": "the service of commands, of `Client` and of Optuna's storage. Default: "
    "`http://127.0.0.1:8080`",
    "TUNELET_NAMESPACE": "the namespace of commands. Default: `default`",
    "TUNELET_TOKEN": "the token that commands, `Client` and workers send",
    "TUNELET_TOKEN_FILE": "a file with that token, read at each request; by default "
    "where a pod has a token for Tunelet mounted",
    "TUNELET_DATA": "the folder with experiments and trainings of `tunelet run` and `tunelet up`. "
    "Default: `tunelet-data`",
    "TUNELET_STORE": "the bucket or folder, if it is not in that folder",
    "TUNELET_STORE_CLIENT": "the client library of the [store](../operations/stores.md): `s3`, "
    "`gcs`, `azure` or `obstore`",
    "NO_COLOR": "any value: commands write without colours",
    "XDG_CONFIG_HOME": "where `tunelet login` keeps its sign-ins, in the folder `tunelet`. "
    "Default: `~/.config`",
}
_TRAINING = {
    "TUNELET_HYPERPARAMETERS": "the hyperparameters as JSON",
    "TUNELET_EXPERIMENT": "the experiment's name",
    "TUNELET_NAMESPACE": "its namespace",
    "TUNELET_TRIAL": "the trial's number",
    "TUNELET_ATTEMPT": "which attempt of the trial this is, from 1",
    "TUNELET_CHECKPOINT_URL": "where to keep a checkpoint; the same for all attempts of a trial",
    "TUNELET_CHECKPOINT_DIR": "the same as a plain path, if it is a folder of this machine",
    "TUNELET_API_URL": "where the API is, for reports over HTTP; not set by `tunelet run`",
    "TUNELET_TRIAL_TOKEN": "the token for reports of this attempt",
    "TUNELET_SLOT": "`run`, `up` and `worker`: a number from 0 that no other training has at the"
    " same time, to [choose a GPU](../guides/gpus.md)",
    "TUNELET_STOP_FILE": "a file that appears when the training must stop",
    "TUNELET_RUN_FOLDER": "marks a local training and its processes; for Tunelet alone",
}
_HOSTING = {
    "PORT": "the port of a function's server. Default: 8080",
    "FUNCTION_TARGET": "the function that this process runs",
    "TUNELET_STORE_CLIENT": _COMMANDS["TUNELET_STORE_CLIENT"],
}
_COLLECTOR = {
    "TUNELET_METRICS": "where and how the metrics are read, as JSON",
    "TUNELET_CONTAINER": "the container with the output",
    "POD_NAME": "the pod's name",
    "POD_NAMESPACE": "the pod's namespace",
    "TRACEPARENT": "the trial's trace",
    "JOB_COMPLETION_INDEX": "which pod of its trial this is; only the first reports",
}
_NAMED = re.compile(r"^([A-Z][A-Z_]+): (.+)$", re.S)
_LINK = re.compile(r"\(docs/(\S+\.md)\)")
_COLUMNS = ("Variable", "Meaning")


def page() -> str:
    """The page as Markdown."""
    return paragraphs(
        _HEAD,
        "## Commands and Python",
        "`tunelet up` also reads those variables of the functions that "
        "[its options](commands.md#tunelet-up) name.",
        _table(_COMMANDS),
        "## Functions",
        "The functions of a deployment read these, and do not start with a wrong value.",
        _table(dict(described(Settings)) | _HOSTING),
        "## Training code",
        "[Training code](../guides/training.md) gets these from the launcher.",
        _table(_TRAINING),
        "## The collector",
        "The launcher sets these for the sidecar that reads a container's output, beside those of "
        "training code.",
        _table(_COLLECTOR),
    )


def _table(variables: dict[str, str]) -> str:
    return table(_COLUMNS, [(code(name), meaning) for name, meaning in variables.items()])


def described(settings: type) -> Iterator[tuple[str, str]]:
    """The variables that a settings class names below its fields, and their meanings."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(settings))).body
    assert isinstance(tree, ast.ClassDef)
    for field, below in pairwise(tree.body):
        if not (isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)):
            continue
        found = _NAMED.match(str(below.value.value))
        if found and isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            meaning = _LINK.sub(r"([\1](../\1))", " ".join(found[2].split())).rstrip(".")
            default = getattr(settings, "_field_defaults", {}).get(field.target.id)
            number = f". Default: {default}" if isinstance(default, int) else ""
            yield found[1], meaning + number

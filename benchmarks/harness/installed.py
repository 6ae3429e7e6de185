"""Installs the plain overlay on a cluster, in its own namespaces and with its own roles.

So several users of the cluster can do so at the same time.
"""

import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tunelet import __version__

Kubectl = Callable[..., str]
"""Runs kubectl and returns its output; raises if it fails."""

IMAGE = os.environ.get("TUNELET_TEST_IMAGE", f"dev.local/tunelet:{__version__}")
PLAIN = Path(__file__).resolve().parents[2] / "infra" / "knative" / "overlays" / "plain"


def kubectl(*arguments: str) -> str:
    """Run the kubectl beside the kubeconfig, or on the PATH. Exits with its error if it fails."""
    beside = os.path.dirname(os.environ.get("KUBECONFIG", ""))
    program = shutil.which("kubectl", path=f"{beside}:{os.environ['PATH']}")
    if program is None:
        sys.exit("there is no kubectl")
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"kubectl {' '.join(arguments)}: {ran.stderr}")
    return ran.stdout


class Installed(NamedTuple):
    namespace: str
    """The namespace of the functions."""
    trials: str
    """The cluster's namespace for trials of the namespace `default`."""
    url: str
    """The address of the Service from this machine."""


@contextmanager
def installed(
    kubectl: Kubectl, settings: Mapping[str, str], credentials: Mapping[str, str]
) -> Iterator[Installed]:
    """Install the overlay, ready, while the block runs. `settings` replace the overlay's."""
    name = f"tl-plain-{secrets.token_hex(2)}"
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), settings, credentials)
        things = moved(kubectl("kustomize", folder), name)
        manifest = Path(folder) / "all.yaml"
        manifest.write_text(yaml.safe_dump_all(things))
        try:
            kubectl("apply", "-f", str(manifest))
            here = ("-n", name)
            kubectl(*here, "rollout", "status", "deployment/tunelet", "--timeout=300s")
            address = ("get", "service", "tunelet", "-o", "jsonpath={.spec.clusterIP}")
            yield Installed(name, f"{name}-trials-default", f"http://{kubectl(*here, *address)}")
        finally:
            kubectl("delete", "-f", str(manifest), "--ignore-not-found", "--wait=false")


def _write(folder: Path, settings: Mapping[str, str], credentials: Mapping[str, str]) -> None:
    """A kustomization of the overlay, as a user writes one."""
    image, _, tag = IMAGE.rpartition(":")
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(PLAIN, folder.resolve())],
        "images": [{"name": "dev.local/tunelet", "newName": image, "newTag": tag}],
        "configMapGenerator": [{**_given("tunelet", settings), "behavior": "merge"}],
        "secretGenerator": [
            _given("tunelet", {"TUNELET_SECRET": secrets.token_hex(32)}),
            _given("tunelet-store", credentials),
        ],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))


def _given(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    literals = [f"{key}={value}" for key, value in values.items()]
    return {"name": name, "namespace": "tunelet", "literals": literals}


def moved(rendered: str, name: str) -> list[dict[str, Any]]:
    """The rendered manifests, with `name` in the names of namespaces and before those of roles.

    Kustomize's own transformer sets one namespace for everything, but there are two.
    """
    text = re.sub(r"(?m)^([ -]*namespace: )tunelet$", rf"\g<1>{name}", rendered)
    text = text.replace("tunelet-trials-", f"{name}-trials-")
    text = text.replace(".tunelet.svc", f".{name}.svc")
    things: list[dict[str, Any]] = list(yaml.safe_load_all(text))
    for thing in things:
        if thing["kind"] == "Namespace" and thing["metadata"]["name"] == "tunelet":
            thing["metadata"]["name"] = name
        if thing["kind"] == "ClusterRole":
            thing["metadata"]["name"] += f"-{name}"
        if thing["kind"] == "RoleBinding":
            thing["roleRef"]["name"] += f"-{name}"
    return things

"""Installs the plain or the Knative overlay on a cluster, in own namespaces and with own roles.

So several users of the cluster can do so at the same time.
"""

import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tunelet import __version__

Kubectl = Callable[..., str]
"""Runs kubectl and returns its output; raises if it fails."""

IMAGE = os.environ.get("TUNELET_TEST_IMAGE", f"dev.local/tunelet:{__version__}")
INFRA = Path(__file__).resolve().parents[2] / "infra" / "knative"


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
    """The address of the API from this machine."""
    host: str = ""
    """The Host header that the address needs, if it is another one."""

    @property
    def events(self) -> str:
        """The address at which the plain overlay takes events."""
        return f"{self.url}:8081"


@contextmanager
def installed(
    kubectl: Kubectl,
    settings: Mapping[str, str],
    credentials: Mapping[str, str],
    overlay: str = "plain",
    components: Sequence[str] = (),
) -> Iterator[Installed]:
    """Install the overlay, ready, while the block runs. `settings` replace the overlay's.

    `components` are folders of infra/knative, such as identity.
    """
    # With "-trials-" it is the launcher's `prefix`, of at most 22 characters.
    name = f"tl-{overlay[:5]}-{secrets.token_hex(2)}"
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), overlay, components, settings, credentials)
        things = moved(kubectl("kustomize", folder), name)
        manifest = Path(folder) / "all.yaml"
        manifest.write_text(yaml.safe_dump_all(things))
        try:
            kubectl("apply", "-f", str(manifest))
            yield (_plain if overlay == "plain" else _knative)(kubectl, name)
        finally:
            kubectl("delete", "-f", str(manifest), "--ignore-not-found", "--wait=false")


def _plain(kubectl: Kubectl, name: str) -> Installed:
    here = ("-n", name)
    kubectl(*here, "rollout", "status", "deployment/tunelet", "--timeout=300s")
    address = kubectl(*here, "get", "service", "tunelet", "-o", "jsonpath={.spec.clusterIP}")
    return Installed(name, f"{name}-trials-default", f"http://{address}")


def _knative(kubectl: Kubectl, name: str) -> Installed:
    """Its API is at the ingress's Service, which the Service of its name refers to."""
    here = ("-n", name)
    kubectl(*here, "wait", "ksvc", "--all", "--for=condition=Ready", "--timeout=300s")
    external = kubectl(
        *here, "get", "service", "tunelet-api", "-o", "jsonpath={.spec.externalName}"
    )
    service, namespace, *_ = external.split(".")
    of_ingress = ("-n", namespace, "get", "service", service, "-o", "jsonpath={.spec.clusterIP}")
    host = f"tunelet-api.{name}.svc.cluster.local"
    return Installed(name, f"{name}-trials-default", f"http://{kubectl(*of_ingress)}", host)


def _write(
    folder: Path,
    overlay: str,
    components: Sequence[str],
    settings: Mapping[str, str],
    credentials: Mapping[str, str],
) -> None:
    """A kustomization of the overlay, as a user writes one."""
    infra = os.path.relpath(INFRA, folder.resolve())
    image, _, tag = IMAGE.rpartition(":")
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{infra}/overlays/{overlay}"],
        "components": [f"{infra}/{each}" for each in components],
        "images": [{"name": "dev.local/tunelet", "newName": image, "newTag": tag}],
        "configMapGenerator": [{**_given("tunelet", settings), "behavior": "merge"}],
        "secretGenerator": [
            _given("tunelet", {"TUNELET_SECRET": secrets.token_hex(32)}),
            _given("tunelet-store", credentials),
        ],
        # As users make them: a Knative Service names its Secrets without a hash.
        "generatorOptions": {"disableNameSuffixHash": True},
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
    text = text.replace("cronjob://tunelet/", f"cronjob://{name}/")
    things: list[dict[str, Any]] = list(yaml.safe_load_all(text))
    for thing in things:
        if thing["kind"] == "Namespace" and thing["metadata"]["name"] == "tunelet":
            thing["metadata"]["name"] = name
        if thing["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            thing["metadata"]["name"] += f"-{name}"
        if thing["kind"] == "RoleBinding" and thing["roleRef"]["kind"] == "ClusterRole":
            thing["roleRef"]["name"] += f"-{name}"
    return things

#!/usr/bin/env python3
"""Install the platform in the cluster that Terraform made, or remove it: `make deploy CLOUD=aws`.

Every step may be repeated: the next run finishes what a dead one began. The state of the platform
is the cluster itself; nothing is kept beside it.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]

from overlay import CLOUDS, NAMESPACE, Invalid, Outputs, Ways, overlay, read_outputs  # noqa: E402

from tunelet import __version__  # noqa: E402

KNATIVE = "services.serving.knative.dev", "brokers.eventing.knative.dev"


class Failed(Exception):
    """A program failed; the text says which."""


def main(arguments: list[str]) -> int:
    try:
        asked = _parsed(arguments)
        outputs = _outputs(asked.cloud, asked.outputs)
        folder = asked.folder or ROOT / "dist" / "platform" / asked.cloud
        write(folder, overlay(outputs, asked.tag, _ways(folder, asked.component)))
        if asked.action == "render":
            print(folder)
            return 0
        kubectl = _access(outputs, folder, asked.context)
        {"deploy": deploy, "destroy": destroy}[asked.action](kubectl, outputs, folder)
    except (Invalid, Failed) as error:
        print(f"make {arguments[0]}: {error}", file=sys.stderr)
        return 1
    return 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    if len(arguments) == 1 and not arguments[0].startswith("-"):
        raise Invalid(f"which cloud? Run: make {arguments[0]} CLOUD={'|'.join(CLOUDS)}")
    parser = argparse.ArgumentParser(prog="infra/platform/deploy.py")
    parser.add_argument("action", choices=["deploy", "destroy", "render"])
    parser.add_argument("cloud", choices=CLOUDS, help="the folder of infra/terraform")
    parser.add_argument("--tag", default=__version__, help="the tag of both images")
    parser.add_argument("--component", type=Path, help="a kustomize component with more settings")
    parser.add_argument("--folder", type=Path, help="for the overlay; default dist/platform/CLOUD")
    parser.add_argument("--outputs", type=Path, help="a file with `terraform output -json`")
    parser.add_argument(
        "--context", help="a context of your kubeconfig, instead of Terraform's cluster"
    )
    return parser.parse_args(arguments)


def _outputs(cloud: str, file: Path | None) -> Outputs:
    if file is not None:
        return read_outputs(_text(file))
    command = [f"-chdir={ROOT / 'infra/terraform' / cloud}", "output", "-json"]
    try:
        return read_outputs(_run([_program("terraform", "tofu"), *command]))
    except Failed as error:
        remedy = f"run `terraform init` and `terraform apply` in infra/terraform/{cloud} first"
        raise Failed(f"{error}; {remedy}, or name a file: OUTPUTS=FILE") from error


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"OUTPUTS={file} cannot be read ({error}); name another file") from error


def _ways(folder: Path, component: Path | None) -> Ways:
    if component is not None and not (component / "kustomization.yaml").is_file():
        raise Invalid(f"WITH={component} has no kustomization.yaml; name a folder with one")
    ways = [ROOT / "infra" / "knative", HERE, *([component.resolve()] if component else [])]
    return Ways(*(os.path.relpath(way, folder.resolve()) for way in ways))


def write(folder: Path, files: dict[str, str]) -> None:
    """Replace the folder by the files, but keep the access to the cluster."""
    for old in folder.glob("*"):
        if old.name != "kubeconfig":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n")


def _access(outputs: Outputs, folder: Path, context: str | None) -> list[str]:
    """The command kubectl for the cluster, which is never the one that happens to be current."""
    program = _program("kubectl")
    if context is not None:
        return [program, f"--context={context}"]
    if not outputs.kubeconfig_command:
        remedy = "name a context of your kubeconfig: CONTEXT=NAME"
        raise Invalid(f"output kubeconfig_command is missing; {remedy}")
    config = folder / "kubeconfig"
    _run(["sh", "-c", outputs.kubeconfig_command], env={"KUBECONFIG": str(config)})
    return [program, f"--kubeconfig={config}"]


def deploy(kubectl: list[str], outputs: Outputs, folder: Path) -> None:
    if outputs.overlay == "knative":
        _need_knative(kubectl)
    _make_secret(kubectl)
    print(_run([*kubectl, "apply", "-k", str(folder)]), end="")
    for waited in _WAITS[outputs.overlay]:
        print(_run([*kubectl, "-n", NAMESPACE, *waited]), end="")
    if outputs.training_pools:
        print("Pools for trials, for node_selector and tolerations of model_training_code:")
        print(json.dumps(dict(outputs.training_pools), indent=2))


_WAITS = {
    "plain": [["rollout", "status", "deployment/tunelet", "--timeout=5m"]],
    "knative": [["wait", "ksvc", "--all", "--for=condition=Ready", "--timeout=5m"]],
}


def _need_knative(kubectl: list[str]) -> None:
    for name in KNATIVE:
        found = [*kubectl, "get", "crd", name, "--ignore-not-found", "-o", "name"]
        if not _run(found).strip():
            raise Invalid(
                f"the cluster has no {name}; install Knative (infra/platform/README.md), or apply"
                ' Terraform with overlay = "plain"'
            )


def _make_secret(kubectl: list[str]) -> None:
    """The key that signs the tokens of trials: made once, and never shown."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    _run([*kubectl, "apply", "-f", "-"], given=json.dumps(space))
    found = [
        *kubectl,
        "-n",
        NAMESPACE,
        "get",
        "secret",
        "tunelet",
        "--ignore-not-found",
        "-o",
        "name",
    ]
    if not _run(found).strip():
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "tunelet", "namespace": NAMESPACE},
            "stringData": {"TUNELET_SECRET": secrets.token_hex(32)},
        }
        _run([*kubectl, "create", "-f", "-"], given=json.dumps(secret))


def destroy(kubectl: list[str], outputs: Outputs, folder: Path) -> None:
    """Remove the platform; the experiments stay in the bucket."""
    print(_run([*kubectl, "delete", "--ignore-not-found", "--wait", "-k", str(folder)]), end="")


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    raise Invalid(f"{' or '.join(names)} is not on the PATH; install it")


def _run(command: list[str], given: str | None = None, env: dict[str, str] | None = None) -> str:
    ran = subprocess.run(
        command,
        input=given,
        env=os.environ | (env or {}),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode:
        words = " ".join([Path(command[0]).name, *command[1:]])
        raise Failed(f"`{words}` failed with exit code {ran.returncode}")
    return ran.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

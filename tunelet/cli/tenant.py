"""tenant: the cluster's namespace for one tenant's trials, with its quotas, network and rights."""

import json
import re
import shutil
import subprocess
from ipaddress import ip_network
from typing import Any

import click
import yaml

from tunelet.cli import tenant_store
from tunelet.cli.table import lines, width
from tunelet.cli.tenant_objects import Object, Tenant, network, objects
from tunelet.client.report import Rows
from tunelet.errors import FieldError, NotFound, Reject, Retry
from tunelet.text.limits import NAME

_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TITLES = ("NAME", "NAMESPACE", "PODS", "CPU", "MEMORY", "GPU", "QUEUE")
_RESOURCES = ("pods", "requests.cpu", "requests.memory", "requests.nvidia.com/gpu")


class _Matching(click.ParamType[str]):
    """A text that has the form of a pattern."""

    def __init__(self, name: str, pattern: re.Pattern[str], remedy: str) -> None:
        self.name, self._pattern, self._remedy = name, pattern, remedy

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not self._pattern.fullmatch(value):
            self.fail(f"{value!r} is not a {self.name}: {self._remedy}", param, ctx)
        return str(value)


_TENANT = _Matching(
    "name of a tenant",
    re.compile(NAME, re.ASCII),
    "use at most 40 of a-z, 0-9 and inner dashes, and begin with a letter",
)
_AMOUNT = _Matching("quantity", _QUANTITY, "write it as 500m, 16 or 64Gi")
_DNS = _Matching("name in Kubernetes", _LABEL, "use at most 63 of a-z, 0-9 and inner dashes")
_PREFIX = _Matching(
    "prefix", re.compile(r"[a-z0-9][a-z0-9-]{0,21}"), "use at most 22 of a-z, 0-9 and dashes"
)


class _Network(click.ParamType[tuple[str, int]]):
    name = "CIDR:PORT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        try:
            return network(value)
        except ValueError as fault:
            self.fail(f"{value!r} is not CIDR:PORT, such as 10.0.0.0/8:443: {fault}", param, ctx)


class _Addresses(click.ParamType[str]):
    name = "CIDR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(ip_network(value))
        except ValueError as fault:
            self.fail(f"{value!r} is not a CIDR, such as 169.254.20.10/32: {fault}", param, ctx)


_prefix = click.option(
    "--prefix",
    type=_PREFIX,
    default="tunelet-trials-",
    show_default=True,
    help="The `prefix` of TUNELET_LAUNCHER.",
)
_installation = click.option(
    "--installation",
    type=_DNS,
    default="tunelet",
    show_default=True,
    help="The `installation` of TUNELET_LAUNCHER.",
)


@click.group("tenant")
def tenant_command() -> None:
    """Make the cluster's namespace of a tenant, and list tenants.

    A tenant is a namespace of experiments. 'tunelet docs operations/tenants' describes what
    separates tenants.

    \b
    Examples:
      tunelet tenant create vision --cpu 64 --memory 256Gi --gpu 8 > vision.yaml
      tunelet tenant create vision --apply
      tunelet tenant create vision --bucket s3://acme-vision --credentials vision-keys --apply
      tunelet tenant list
    """


@tenant_command.command("create")
@click.argument("name", type=_TENANT)
@click.option("--cpu", type=_AMOUNT, help="The most CPU that its trials request together.")
@click.option("--memory", type=_AMOUNT, help="The most memory that they request together.")
@click.option(
    "--gpu", type=click.IntRange(0), help="The most GPUs (nvidia.com/gpu) that they request."
)
@click.option("--pods", type=click.IntRange(0), help="The most pods that run at a time.")
@click.option("--queue", type=_DNS, metavar="NAME", help="Kueue's ClusterQueue for its trials.")
@click.option(
    "--egress",
    type=_Network(),
    multiple=True,
    help="A network that trials may reach: the store, the API server. Repeatable.  "
    "[default: any but link-local, at 443 and 6443]",
)
@click.option(
    "--dns",
    type=_Addresses(),
    multiple=True,
    help="Where names are resolved, if not by pods in kube-system: 169.254.20.10/32 for NodeLocal "
    "DNSCache. Repeatable.",
)
@click.option(
    "--overlay",
    type=click.Choice(["knative", "plain"]),
    help="How the service is deployed. It decides which accounts may launch trials.  "
    "[default: plain with --apply if the cluster has its Deployment, else knative]",
)
@click.option(
    "--service-namespace", type=_DNS, default="tunelet", show_default=True, help="Tunelet's own."
)
@_prefix
@_installation
@click.option(
    "--bucket", metavar="URL", help="A bucket of its own, such as s3://acme-vision/tunelet."
)
@click.option(
    "--identity",
    metavar="IDENTITY",
    help="Whom the service acts as there: the ARN of a role, the address of a service account, or "
    "a client ID.",
)
@click.option(
    "--credentials",
    type=_DNS,
    metavar="SECRET",
    help="Instead, a Secret in Tunelet's namespace with a key for each variable.",
)
@click.option("--apply", is_flag=True, help="Apply them with kubectl, instead of printing them.")
def create_command(
    name: str,
    cpu: str | None,
    memory: str | None,
    gpu: int | None,
    pods: int | None,
    queue: str | None,
    egress: tuple[tuple[str, int], ...],
    dns: tuple[str, ...],
    overlay: str | None,
    service_namespace: str,
    prefix: str,
    installation: str,
    bucket: str | None,
    identity: str | None,
    credentials: str | None,
    apply: bool,
) -> None:
    """Print the objects of a tenant as YAML, or apply them. Applying them again changes them.

    With --bucket and --apply the functions start again, and use the bucket for all experiments of
    this namespace. Experiments that it has already stay where they are.
    """
    overlay = overlay or (_installed(service_namespace) if apply else "knative")
    store = _own_store(name, bucket, identity, credentials, service_namespace, overlay)
    given = zip(_RESOURCES, (pods, cpu, memory, gpu), strict=True)
    hard = {resource: str(amount) for resource, amount in given if amount is not None}
    where = (name, prefix, installation, service_namespace, overlay)
    tenant = Tenant(*where, hard, queue, egress, dns)
    made = objects(tenant)
    text = yaml.safe_dump_all(made, sort_keys=False)
    advice = _advice(tenant, made)
    if not apply:
        comments = f"# {advice}\n" if advice else ""
        comments += tenant_store.comment(store) if store else ""
        click.echo(comments + text, nl=False)
        return
    _kubectl("apply", "--server-side", "--field-manager=tunelet", "-f", "-", given=text)
    click.echo(f"tenant {name} has the namespace {tenant.namespace}", err=True)
    if advice:
        click.echo(advice, err=True)
    if store:
        click.echo(tenant_store.apply(store, _kubectl), err=True)


def _advice(tenant: Tenant, made: list[Object]) -> str | None:
    """Return the setting that bounds the tenant's Jobs to its pods; None with Kueue, which does so.

    Kubernetes' Job controller tries again and again to create the pods that a quota refuses. Many
    such Jobs delay those of all tenants.
    """
    if tenant.queue is not None:
        return None
    quota = next(each for each in made if each["kind"] == "ResourceQuota")
    limit = {"namespaces": {tenant.name: {"live_trials": int(quota["spec"]["hard"]["pods"])}}}
    return f"So that trials wait without a Job, set in TUNELET_QUOTAS: {json.dumps(limit)}"


def _installed(service: str) -> str:
    """Return the overlay that the cluster has; knative if it has none yet."""
    where = ["deployments.apps", "tunelet", "-n", service]
    found = _kubectl("get", *where, "--ignore-not-found", "-o", "name")
    return "plain" if found.strip() else "knative"


def _own_store(
    name: str,
    bucket: str | None,
    identity: str | None,
    credentials: str | None,
    service: str,
    overlay: str,
) -> tenant_store.TenantStore | None:
    if bucket is not None:
        given = tenant_store.TenantStore(name, bucket, identity, credentials, service, overlay)
        return tenant_store.checked(given)
    if identity is not None or credentials is not None:
        raise click.UsageError("--identity and --credentials open a --bucket: name it, too")
    return None


@tenant_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@_prefix
@_installation
def list_command(as_json: bool, prefix: str, installation: str) -> None:
    """List the tenants of an installation, with what they use of their quotas."""
    found = [_shown(each, prefix) for each in _namespaces(installation, prefix)]
    if as_json:
        click.echo(json.dumps({"tenants": found}))
    elif found:
        rows = tuple(_row(each) for each in found)
        click.echo("\n".join(lines(Rows(_TITLES, rows), width())))
    else:
        click.echo("no tenants", err=True)


@tenant_command.command("show")
@click.argument("name", type=_TENANT)
@_prefix
@_installation
def show_command(name: str, prefix: str, installation: str) -> None:
    """Show a tenant as JSON: its namespace, quota, queue and rights."""
    for each in _namespaces(installation, prefix):
        if each["metadata"]["name"] == prefix + name:
            shown = _shown(each, prefix)
            bindings = _listed("rolebindings", "-n", prefix + name)
            rights = {item["metadata"]["name"]: _accounts(item) for item in bindings}
            click.echo(json.dumps({**shown, "rights": rights}, indent=2))
            return
    raise NotFound(f"there is no tenant {name!r}; make it with: tunelet tenant create {name}")


def _namespaces(installation: str, prefix: str) -> list[Object]:
    found = _listed("namespaces", "-l", f"tunelet.dev/trials-of={installation}")
    return [each for each in found if each["metadata"]["name"].startswith(prefix)]


def _shown(namespace: Object, prefix: str) -> Object:
    name = namespace["metadata"]["name"]
    quotas = _listed("resourcequotas", "-n", name)
    own = (q["status"] for q in quotas if q["metadata"]["name"] == "tunelet")
    status: Object = next(own, {})
    return {
        "name": name.removeprefix(prefix),
        "namespace": name,
        "quota": status.get("hard", {}),
        "used": status.get("used", {}),
        "queue": _queue(name),
    }


def _queue(namespace: str) -> str | None:
    """Return the ClusterQueue; None without a queue, or without Kueue."""
    if not _listed("crd", "--field-selector", "metadata.name=localqueues.kueue.x-k8s.io"):
        return None
    found = _listed("localqueues.kueue.x-k8s.io", "-n", namespace)
    return next((each["spec"]["clusterQueue"] for each in found), None)


def _row(shown: Object) -> tuple[str, ...]:
    used, hard = shown["used"], shown["quota"]
    amounts = (f"{used.get(r, 0)}/{hard[r]}" if r in hard else "" for r in _RESOURCES)
    return shown["name"], shown["namespace"], *amounts, shown["queue"] or ""


def _accounts(binding: Object) -> list[str]:
    return [f"{each.get('namespace', '')}/{each['name']}" for each in binding.get("subjects", ())]


def _listed(*what: str) -> list[Object]:
    found: list[Object] = json.loads(_kubectl("get", *what, "-o", "json"))["items"]
    return found


def _kubectl(*arguments: str, given: str | None = None) -> str:
    """Return what kubectl writes. Raises `Retry` with its words if it fails."""
    program = shutil.which("kubectl")
    if program is None:
        remedy = "install kubectl, or print the objects without --apply"
        error = FieldError("kubectl", None, "is not installed", remedy)
        raise Reject("kubectl is not installed", [error])
    command = [program, *arguments]
    done = subprocess.run(command, check=False, input=given, text=True, capture_output=True)
    if done.returncode:
        # The lines before the last one are notes on every try.
        why = done.stderr.strip().rpartition("\n")[2]
        raise Retry(f"kubectl {arguments[0]} failed: {why}")
    return done.stdout

"""Find the address and credentials of the cluster's API: a pod's own, or a kubeconfig's.

A function in a pod needs four facts, from its environment and three files. The SDK takes as long
to import as all the rest of a cold start, so it is used only for kubeconfigs, where it supports
every way to log in.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tunelet.errors import FieldError, Reject

if TYPE_CHECKING:
    from kubernetes.client import Configuration

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Access(NamedTuple):
    host: str
    authorization: Callable[[], str | None]
    """Returns the header's value; called for each request, because tokens expire."""
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verified: bool = True
    """Whether the server's certificate is checked."""
    proxy: str | None = None


def access(environ: Mapping[str, str] = os.environ, account: Path = ACCOUNT) -> Access:
    """Return the access by KUBECONFIG, else by the pod's own account, else by ~/.kube/config.

    Raises `Reject` if none of them exists, or the first that exists cannot be used.
    """
    host = environ.get("KUBERNETES_SERVICE_HOST")
    token = account / "token"
    if environ.get("KUBECONFIG") or not (host and token.is_file()):
        return _of_kubeconfig(environ)
    port = environ.get("KUBERNETES_SERVICE_PORT", "443")
    return Access(
        host=f"https://{f'[{host}]' if ':' in str(host) else host}:{port}",
        authorization=lambda: f"Bearer {token.read_text().strip()}",
        ca_file=str(account / "ca.crt"),
    )


def _of_kubeconfig(environ: Mapping[str, str]) -> Access:
    try:
        from kubernetes import client, config
    except ImportError:
        message = "outside a cluster the launcher needs the package kubernetes"
        raise _unusable(message, "install tunelet[kubernetes]") from None
    configuration = client.Configuration()
    try:
        config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=environ.get("KUBECONFIG"), client_configuration=configuration
        )
    except (config.ConfigException, OSError) as error:
        message = f"the kubeconfig cannot be used: {error}"
        raise _unusable(message, "set KUBECONFIG, or run in the cluster") from None
    return Access(
        host=configuration.host,
        authorization=lambda: _header(configuration),
        ca_file=configuration.ssl_ca_cert,
        cert_file=configuration.cert_file,
        key_file=configuration.key_file,
        verified=configuration.verify_ssl,
        proxy=configuration.proxy,
    )


def _header(configuration: "Configuration") -> str | None:
    """Return the header's value. The SDK logs in again when that is due."""
    found = configuration.auth_settings().get("BearerToken")
    return str(found["value"]) if found and found["value"] else None


def _unusable(message: str, remedy: str) -> Reject:
    error = FieldError("KUBECONFIG", os.environ.get("KUBECONFIG"), message, remedy)
    return Reject(f"{message}; {remedy}", [error])

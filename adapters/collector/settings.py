"""The collector's settings, from environment variables that `kubernetes.sidecar` sets."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from tunelet.core.metrics_source import MetricsSource

TOKEN_FOLDER = "/var/run/secrets/tunelet"
"""The folder in which `token` and `ca.crt` for the Kubernetes API are mounted."""


class CollectorSettings(NamedTuple):
    api_url: str
    """TUNELET_API_URL: the service's address without /api."""
    token: str
    """TUNELET_TRIAL_TOKEN."""
    namespace: str
    experiment: str
    trial: str
    metrics: MetricsSource
    """TUNELET_METRICS: `Launch.metrics`, as JSON."""
    stop_file: str
    """TUNELET_STOP_FILE."""
    container: str
    """TUNELET_CONTAINER: the container with the output."""
    pod: str
    """POD_NAME."""
    pod_namespace: str
    """POD_NAMESPACE."""
    kubernetes: str
    """KUBERNETES_SERVICE_HOST and _PORT, which Kubernetes sets."""
    traceparent: str | None
    """TRACEPARENT: the trial's trace."""
    reporting: bool
    """Whether this is the first pod of its trial (JOB_COMPLETION_INDEX). Only that one reports."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "CollectorSettings":
        """Raises `KeyError` for a missing variable, `ValueError` for an invalid one."""
        return cls(
            api_url=environ["TUNELET_API_URL"].rstrip("/"),
            token=environ["TUNELET_TRIAL_TOKEN"],
            namespace=environ["TUNELET_NAMESPACE"],
            experiment=environ["TUNELET_EXPERIMENT"],
            trial=environ["TUNELET_TRIAL"],
            metrics=_metrics(environ["TUNELET_METRICS"]),
            stop_file=environ["TUNELET_STOP_FILE"],
            container=environ["TUNELET_CONTAINER"],
            pod=environ["POD_NAME"],
            pod_namespace=environ["POD_NAMESPACE"],
            kubernetes=_authority(environ),
            traceparent=environ.get("TRACEPARENT"),
            reporting=environ.get("JOB_COMPLETION_INDEX", "0") == "0",
        )


def _metrics(text: str) -> MetricsSource:
    try:
        return msgspec.json.decode(text, type=MetricsSource)
    except msgspec.MsgspecError as error:
        raise ValueError(f"TUNELET_METRICS {error}") from error


def _authority(environ: Mapping[str, str]) -> str:
    host = environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = environ.get("KUBERNETES_SERVICE_PORT", "443")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

"""What the collector is told by its environment, which `kubernetes.sidecar` writes."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from tunelet.core.metrics_source import MetricsSource

TOKEN_FOLDER = "/var/run/secrets/tunelet"
"""Where `token` and `ca.crt`, for the Kubernetes API, are mounted."""


class CollectorSettings(NamedTuple):
    api_url: str
    """TUNELET_API_URL: the service, without /api."""
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
    """TUNELET_CONTAINER: whose output is read."""
    pod: str
    """POD_NAME."""
    pod_namespace: str
    """POD_NAMESPACE."""
    kubernetes: str
    """KUBERNETES_SERVICE_HOST and _PORT, which Kubernetes sets."""
    traceparent: str | None
    """TRACEPARENT: the trace that the trial belongs to."""
    reporting: bool
    """Of the pods of one trial the first reports (JOB_COMPLETION_INDEX)."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "CollectorSettings":
        """Raises `KeyError` or `ValueError` where something is missing or cannot be read."""
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

"""Credentials in the environment, for a client that reads nothing else.

The clouds' SDKs search many files, commands and servers for a credential. Some variables
settle the search at once: those of keys, pod identity and workload identity.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from adapters.storage.access import Access
from adapters.storage.location import Location

_AWS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
)
"""Keys; workload identity (EKS, IRSA); pod identity (EKS); a task's role (ECS)."""

_AZURE = (
    ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"),
    ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"),
)
"""Workload identity (AKS); a service principal's secret."""


def unserved(scheme: str, location: Location, access: Access) -> str | None:
    """Return why a client that reads only the environment cannot open the store; None if it can."""
    env = access.env
    if access.identity and not (scheme == "s3" and _exchanges_token(env)):
        return "to act as another identity needs the cloud's own library"
    if access.given and scheme != "s3":
        # This client would add, and prefer, the credentials in the process's environment.
        return "a tenant's credentials need the cloud's own library"
    if scheme == "s3":
        return _unserved_s3(location, env)
    if location.encryption_key is not None:
        return "an encryption key needs the cloud's own library"
    if scheme == "az":
        return _unserved_azure(env)
    if env.get("STORAGE_EMULATOR_HOST"):
        return "STORAGE_EMULATOR_HOST names a server that speaks the JSON API only"
    return None


def azure_settings(env: Mapping[str, str]) -> dict[str, str]:
    """Return account, credential and endpoint under object_store's names.

    https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
    """
    parts = _connection(env.get("AZURE_STORAGE_CONNECTION_STRING", ""))
    # Azure's portal ends the address with a slash, which object_store would double.
    endpoint = parts.get("BlobEndpoint", "").rstrip("/")
    account = parts.get("AccountName") or _account(endpoint)
    account = account or env.get("AZURE_STORAGE_ACCOUNT", "")
    suffix = parts.get("EndpointSuffix", "core.windows.net")
    scheme = parts.get("DefaultEndpointsProtocol", "https")
    found = {
        "account_name": account,
        "account_key": parts.get("AccountKey") or env.get("AZURE_STORAGE_KEY", ""),
        "sas_key": parts.get("SharedAccessSignature") or env.get("AZURE_STORAGE_SAS_TOKEN", ""),
        "endpoint": endpoint or f"{scheme}://{account}.blob.{suffix}",
    }
    return {name: value for name, value in found.items() if value}


def _exchanges_token(env: Mapping[str, str]) -> bool:
    """Whether the pod's token counts. Keys, if there are any, come first: those of the service."""
    return bool(env.get("AWS_WEB_IDENTITY_TOKEN_FILE")) and not env.get("AWS_ACCESS_KEY_ID")


def _unserved_s3(location: Location, env: Mapping[str, str]) -> str | None:
    if env.get("AWS_PROFILE"):
        return "AWS_PROFILE needs the shared configuration's files"
    if not any(all(env.get(name) for name in names) for names in _AWS):
        return "the environment has no credentials"
    if env.get("AWS_CA_BUNDLE") and not _plain(env):
        return "AWS_CA_BUNDLE names other certificates"
    if not (env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")):
        return "AWS_REGION is not set"
    return None


def _unserved_azure(env: Mapping[str, str]) -> str | None:
    settings = azure_settings(env)
    if "account_name" not in settings:
        return "the storage account is not known"
    if settings.keys() & {"account_key", "sas_key"}:
        return None
    if any(all(env.get(name) for name in names) for names in _AZURE):
        return None
    return "the environment has no credentials"


def _account(endpoint: str) -> str:
    """Return the account in the endpoint's address; empty if it has none, as a custom domain.

    A connection string with a shared access signature names the account nowhere else.
    """
    address = urlsplit(endpoint)
    name, _, service = (address.hostname or "").partition(".")
    # An emulator has the account in the path.
    return name if ".blob." in f".{service}" else address.path.strip("/")


def _plain(env: Mapping[str, str]) -> bool:
    endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL", "")
    return endpoint.startswith("http://")


def _connection(text: str) -> dict[str, str]:
    parts = (part.partition("=") for part in text.split(";") if part)
    return {name.strip(): value for name, _, value in parts}

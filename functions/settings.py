"""The settings of the service, and how a function reads them from its environment."""

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from functions.given import json_text
from functions.quotas import quotas
from functions.stores import TenantStore, tenant_stores
from tunelet.core.quotas import UNLIMITED, Quotas
from tunelet.errors import FieldError, Reject
from tunelet.request.policy import Policies, read
from tunelet.text.limits import BODY_BYTES, OUTPUT_BYTES

_SECRET_BYTES = 16
LEASE_SECONDS = 180


class Settings(NamedTuple):
    """The configuration of a service, however it is hosted. A function reads its environment."""

    store: str
    """TUNELET_STORE: the URL of the bucket or folder."""
    secret: bytes
    """TUNELET_SECRET: signs the trials' tokens; the same for all functions."""
    launcher: str
    """TUNELET_LAUNCHER: the URL of where training runs."""
    sink: str | None = None
    """K_SINK: where events are posted; Knative sets it."""
    api_url: str = ""
    """TUNELET_API_URL: where training code reaches the API, without /api; empty: it cannot."""
    aliases: Mapping[str, Sequence[str]] = {}
    """TUNELET_ALIASES: image name to local command, as JSON."""
    max_processes: int | None = None
    """TUNELET_MAX_PROCESSES: the most active runs of the launcher; unset: its default."""
    max_body_bytes: int = BODY_BYTES
    """TUNELET_MAX_BODY_BYTES: the largest request body."""
    output_bytes: int = OUTPUT_BYTES
    """TUNELET_OUTPUT_BYTES: the most that is stored of an attempt's output; 0: nothing."""
    lease_seconds: float = LEASE_SECONDS
    """TUNELET_LEASE_SECONDS: after this silence, other installations over the same store take over
    this one's runs. At least three times the time between two sweeps."""
    policies: Policies = Policies()
    """TUNELET_POLICY: which pods trials may have, as JSON or as the path of a file with it
    (docs/guides/kubernetes.md)."""
    schedule: str | None = None
    """TUNELET_SCHEDULE: the schedule of sweeps, which pauses while no experiment is live; unset:
    sweeps never pause."""
    quotas: Quotas = UNLIMITED
    """TUNELET_QUOTAS: what each namespace may use, as JSON or as the path of a file with it."""
    identity: str = ""
    """TUNELET_IDENTITY: the file that says who may call the API, and do what
    (docs/operations/identity.md); empty: everyone may do everything."""
    stores: Mapping[str, TenantStore] = {}
    """TUNELET_STORES: the namespaces with a store of their own, as JSON, as the path of a file with
    it, or of a folder with a file for each (docs/operations/tenants.md)."""
    allow_commands: bool = False
    """Whether a request may name a command of this machine; only `tunelet up` sets it."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment. Raises `Reject` with all problems."""
        env = _Environment(environ)
        settings = cls(
            store=env.text("TUNELET_STORE", "set the store's URL, such as file:///var/lib/tunelet"),
            secret=env.secret("TUNELET_SECRET"),
            launcher=env.text(
                "TUNELET_LAUNCHER", "set the launcher's URL: kubernetes:// or process:///folder"
            ),
            sink=env.url("K_SINK", None),
            api_url=env.url("TUNELET_API_URL", "http://127.0.0.1:8080"),
            aliases=env.aliases("TUNELET_ALIASES"),
            max_processes=env.integer("TUNELET_MAX_PROCESSES", None),
            max_body_bytes=env.integer("TUNELET_MAX_BODY_BYTES", BODY_BYTES),
            output_bytes=env.integer("TUNELET_OUTPUT_BYTES", OUTPUT_BYTES, least=0),
            lease_seconds=env.integer("TUNELET_LEASE_SECONDS", LEASE_SECONDS),
            policies=env.policies("TUNELET_POLICY"),
            identity=environ.get("TUNELET_IDENTITY", ""),
            schedule=environ.get("TUNELET_SCHEDULE") or None,
            quotas=env.quotas("TUNELET_QUOTAS"),
            stores=env.stores("TUNELET_STORES"),
        )
        if env.errors:
            raise Reject("the environment is invalid", env.errors)
        return settings


def explained(refusal: Reject) -> str:
    """The message of a process that cannot serve, with a line for each problem."""
    wrong = (f"  {error.field} {error.message}; {error.remedy}" for error in refusal.errors)
    return "\n".join([str(refusal), *wrong])


class _Environment:
    """Reads variables one by one, and collects their problems."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ, self.errors = environ, list[FieldError]()

    def text(self, name: str, remedy: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            self._wrong(name, None, "is not set", remedy)
        return value

    def secret(self, name: str) -> bytes:
        value = self._environ.get(name, "").encode()
        if len(value) < _SECRET_BYTES:
            remedy = f"set {_SECRET_BYTES} random bytes or more, the same for all functions"
            self._wrong(name, "(not shown)" if value else None, "is missing or too short", remedy)
        return value

    def url(self, name: str, default: Any) -> Any:
        value = self._environ.get(name)
        if not value:
            return default
        if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
            self._wrong(name, value, "is not an HTTP address", "set it as http://host:port")
        return value.rstrip("/") if name == "TUNELET_API_URL" else value

    def integer(self, name: str, default: Any, least: int = 1) -> Any:
        value = self._environ.get(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and int(value) >= least):
            message = "is not a positive integer" if least else "is not an integer of 0 or more"
            self._wrong(name, value, message, "set one, or leave it unset")
            return default
        return int(value)

    def aliases(self, name: str) -> dict[str, list[str]]:
        value = self._environ.get(name) or "{}"
        try:
            given = json.loads(value)
            return {image: shlex.split(command) for image, command in given.items()}
        except (AttributeError, TypeError, ValueError):
            remedy = 'set a JSON object such as {"trainer": "python train.py"}'
            self._wrong(name, value, "is not an object of commands", remedy)
            return {}

    def policies(self, name: str) -> Policies:
        try:
            return read(json_text(self._environ.get(name) or "{}", name), name)
        except Reject as refusal:
            self.errors.extend(refusal.errors)
            return Policies()

    def quotas(self, name: str) -> Quotas:
        value = self._environ.get(name)
        try:
            return quotas(value, name) if value else UNLIMITED
        except Reject as refusal:
            self.errors += refusal.errors
            return UNLIMITED

    def stores(self, name: str) -> Mapping[str, TenantStore]:
        value = self._environ.get(name)
        try:
            return tenant_stores(value, name) if value else {}
        except Reject as refusal:
            self.errors += refusal.errors
            return {}

    def _wrong(self, name: str, value: str | None, message: str, remedy: str) -> None:
        self.errors.append(FieldError(name, value, message, remedy))

"""Composition: the settings of a function, and the choice of its adapters."""

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from functions.events.outbox import Nowhere, Outbox
from functions.http import Function
from functions.lazy import LazyLauncher
from tunelet.errors import FieldError, Reject
from tunelet.ports import Publisher, Store, WatchableLauncher
from tunelet.text.limits import BODY_BYTES

if TYPE_CHECKING:
    from tunelet.core.installation import Installation
    from tunelet.service import Service

FUNCTIONS = ("api", "suggest", "launch", "complete", "sweep", "deadletter")


_SECRET_BYTES = 16


class Settings(NamedTuple):
    """The environment variables of a function."""

    store: str
    """TUNELET_STORE: the URL of the bucket or folder."""
    secret: bytes
    """TUNELET_SECRET: signs the trials' tokens; the same for all functions."""
    launcher: str
    """TUNELET_LAUNCHER: the URL of where training runs."""
    sink: str | None
    """K_SINK: where events are posted; Knative sets it."""
    api_url: str
    """TUNELET_API_URL: where training code reaches the API, without /api."""
    aliases: Mapping[str, Sequence[str]]
    """TUNELET_ALIASES: image name to local command, as JSON."""
    max_processes: int | None
    """TUNELET_MAX_PROCESSES: the most active runs of the launcher; None: the launcher's default."""
    max_body_bytes: int
    """TUNELET_MAX_BODY_BYTES: the largest request body."""
    lease_seconds: float
    """TUNELET_LEASE_SECONDS: after this silence, other installations over the same store take over
    this one's runs. At least three times the time between two sweeps."""

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
            lease_seconds=env.integer("TUNELET_LEASE_SECONDS", 180),
        )
        if env.errors:
            raise Reject("the environment is invalid", env.errors)
        return settings


def explained(refusal: Reject) -> str:
    """The last words of a process that cannot serve: a line for each problem."""
    wrong = (f"  {error.field} {error.message}; {error.remedy}" for error in refusal.errors)
    return "\n".join([str(refusal), *wrong])


def outbox(settings: Settings) -> Outbox:
    """The publisher of a function's events."""
    if settings.sink is None:
        return Outbox(Nowhere())
    from adapters.events.cloudevents import BrokerPublisher

    return Outbox(BrokerPublisher(settings.sink))


def store(url: str) -> Store:
    """The store at `url`, its requests counted; raises `Reject` for one that cannot be opened."""
    from adapters.storage import open_store
    from functions.telemetry.metrics import MeteredStore

    return MeteredStore(open_store(url))


def service(settings: Settings, publisher: Publisher) -> "Service":
    """The service over the adapters that the settings name; raises `Reject` for unknown ones."""
    from algorithms import load_catalog
    from tunelet.assembly import assembled

    return assembled(
        store(settings.store),
        LazyLauncher(lambda: launcher(settings)),
        load_catalog(),
        publisher,
        secret=settings.secret,
        api_url=settings.api_url,
        installation=installation(settings),
        lease_seconds=settings.lease_seconds,
    )


def installation(settings: Settings) -> "Installation":
    """The identity of these settings' launcher among those that use the same store."""
    from adapters.launchers.installation import installation

    return installation(
        settings.launcher, settings.secret, settings.aliases, settings.max_processes
    )


def launcher(settings: Settings) -> WatchableLauncher:
    """The launcher of these settings. Raises `Reject` for an unknown scheme."""
    from adapters.launchers import open_launcher

    return open_launcher(settings.launcher, aliases=settings.aliases, limit=settings.max_processes)


def function(name: str, served: "Service", sent: Outbox, max_body_bytes: int) -> Function:
    """One of FUNCTIONS, with only the imports that it needs. `sent` is the service's publisher."""
    from functions.telemetry.observed import observed
    from functions.telemetry.spans import spans

    return observed(name, _function(name, served, sent, max_body_bytes), spans())


def _function(name: str, served: "Service", sent: Outbox, max_body_bytes: int) -> Function:
    if name == "api":
        from functions.api.handler import Api

        return Api(served, sent, max_body_bytes)
    if name == "deadletter":
        from functions.events.dead_letter import DeadLetterFunction

        return DeadLetterFunction(served, max_body_bytes)
    from functions.events.handlers import EventFunction

    return EventFunction(name, served, sent, max_body_bytes)


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

    def integer(self, name: str, default: Any) -> Any:
        value = self._environ.get(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and int(value) > 0):
            self._wrong(name, value, "is not a positive integer", "set one, or leave it unset")
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

    def _wrong(self, name: str, value: str | None, message: str, remedy: str) -> None:
        self.errors.append(FieldError(name, value, message, remedy))

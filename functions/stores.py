"""Read from JSON which namespaces have a store of their own, and with which credentials.

{"vision": {"url": "s3://acme-vision/tunelet", "credentials": "/etc/tunelet/stores/vision"},
 "audio": {"url": "s3://acme-audio", "identity": "arn:aws:iam::123456789012:role/audio"}}

A folder has a file for each namespace instead, `vision.json` with what the object has at "vision":
so a ConfigMap has a key for each, and one tenant is added without a look at the others.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from functions.given import json_value
from tunelet.errors import FieldError, Reject
from tunelet.text.limits import NAME


class TenantStore(NamedTuple):
    """The store of one namespace."""

    url: str
    credentials: str | None = None
    """A folder with a file for each variable, such as a mounted Secret; or the beginning of the
    files' names, up to a dot."""
    identity: str | None = None
    """Whom to act as: a role's ARN, a service account's address, a client ID."""


_FIELDS = {
    "url": "write a URL such as s3://bucket/prefix",
    "credentials": "write the path of a folder with a file for each variable",
    "identity": "write the ARN of a role, the address of a service account, or a client ID",
}


def tenant_stores(given: str, name: str) -> dict[str, TenantStore]:
    """Return the stores by namespace of `given`: a JSON object, the path of a file with one, or of
    a folder with a file for each namespace.

    `name` is where they were given. Raises `Reject` with all problems. Opens nothing.
    """
    errors: list[FieldError] = []
    folder = not given.lstrip().startswith("{") and Path(given).is_dir()
    raw = _folder(Path(given), name, errors) if folder else _read(given, name)
    if not isinstance(raw, dict):
        errors.append(FieldError(name, given, "is not an object", "write an object in braces"))
        raw = {}
    found = {each: _store(raw[each], each, f"{name}.{each}", errors) for each in raw}
    if errors:
        raise Reject("the stores of tenants are invalid", errors)
    return found


def _read(given: str, name: str) -> Any:
    return json_value(given, name, f"{name} cannot be read")


def _folder(folder: Path, name: str, errors: list[FieldError]) -> dict[str, Any]:
    """Return what the files have, by namespace. A mounted ConfigMap is such a folder."""
    found = {}
    # The names with a dot in front are how Kubernetes replaces all files at once.
    for file in sorted(each for each in folder.iterdir() if not each.name.startswith(".")):
        if file.suffix != ".json":
            remedy = "name the file of a namespace NAMESPACE.json, and remove others"
            errors.append(FieldError(name, str(file), "is not a file of a namespace", remedy))
            continue
        try:
            found[file.stem] = _read(str(file), f"{name}.{file.stem}")
        except Reject as refusal:
            errors += refusal.errors
    return found


def _store(raw: Any, namespace: str, where: str, errors: list[FieldError]) -> TenantStore:
    if not re.fullmatch(NAME, namespace, re.ASCII):
        remedy = "use at most 40 of a-z, 0-9 and inner dashes, and begin with a letter"
        errors.append(FieldError(where, namespace, "is not the name of a namespace", remedy))
    if not isinstance(raw, dict):
        errors.append(FieldError(where, raw, "is not an object", _FIELDS["url"]))
        return TenantStore("")
    for member, value in raw.items():
        if member not in _FIELDS:
            remedy = f"leave it out; known are {', '.join(_FIELDS)}"
            errors.append(FieldError(f"{where}.{member}", value, "is unknown", remedy))
        elif not isinstance(value, str) or not value:
            remedy = _FIELDS[member]
            errors.append(FieldError(f"{where}.{member}", value, "is not a text", remedy))
    found = TenantStore(raw.get("url"), raw.get("credentials"), raw.get("identity"))  # type: ignore[arg-type]
    if "url" not in raw:
        errors.append(FieldError(f"{where}.url", None, "is missing", _FIELDS["url"]))
    elif isinstance(found.url, str) and not urlsplit(found.url).scheme:
        errors.append(FieldError(f"{where}.url", found.url, "is not a URL", _FIELDS["url"]))
    return found

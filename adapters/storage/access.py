"""With which credentials a store is opened: the process's, or a tenant's own.

A tenant's are variables with the names that the process's environment would have, or an identity
to act as: the ARN of a role, the address of a Google service account, or the client ID of an
Azure identity. Given variables replace the process's credentials: a Secret that lacks one must
not open a tenant's store with the rights of the service.
"""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from adapters.storage.location import Location

KEY_FILE = "credentials.json"
"""The variable with the text of a Google key or federation file."""
_LARGEST = 1 << 20
_SECRET = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
    *("AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    *("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"),
    *("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"),
    "GOOGLE_APPLICATION_CREDENTIALS",
)
_NEEDED = {
    "s3": (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),),
    "gs": ((KEY_FILE,),),
    "az": (
        ("AZURE_STORAGE_CONNECTION_STRING",),
        ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY"),
        ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_SAS_TOKEN"),
    ),
}
"""For each scheme the sets of variables of which one has to be complete."""


class Access(NamedTuple):
    """Credentials, and the other variables of a store."""

    env: Mapping[str, str] = os.environ
    given: bool = False
    """Whether the credentials are in `env` and nowhere else."""
    identity: str | None = None
    """Whom to act as, with the credentials as those of the one who asks for it."""


PROCESS = Access()


def of_tenant(folder: str | None, identity: str | None) -> Access:
    """Return the access with the variables in the folder, one a file, or as an identity.

    A mounted Secret of Kubernetes is such a folder. Several tenants may share one: `folder` is then
    the beginning of a tenant's files, such as `…/vision` of `…/vision.AWS_ACCESS_KEY_ID`. Raises
    `OSError` if there are none, or one cannot be read.
    """
    if folder is None:
        return Access(identity=identity)
    kept = {name: value for name, value in os.environ.items() if name not in _SECRET}
    return Access(kept | _variables(Path(folder)), True, identity)


def _variables(folder: Path) -> dict[str, str]:
    begin = "" if folder.is_dir() else f"{folder.name}."
    return {file.name.removeprefix(begin): _read(file) for file in files_at(folder)}


def files_at(folder: Path) -> list[Path]:
    """Return the files in the folder; if it is none, those of which the names begin with its own
    and a dot. Raises `OSError` if there are none of these."""
    begin = "" if folder.is_dir() else f"{folder.name}."
    # The names with a dot in front are how Kubernetes replaces all files at once.
    files = [
        each
        for each in sorted((folder.parent if begin else folder).iterdir())
        if each.name.startswith(begin) and not each.name.startswith(".") and each.is_file()
    ]
    if begin and not files:
        raise FileNotFoundError(errno.ENOENT, "neither a folder nor the beginning of files", folder)
    return files


def _read(file: Path) -> str:
    with file.open(encoding="utf-8") as text:
        return text.read(_LARGEST).strip()


def refuse_incomplete(scheme: str, location: Location, access: Access) -> None:
    """Raise `Reject` if the variables that were given hold no credential."""
    needed = _NEEDED.get(scheme, ())
    if access.given and not any(all(access.env.get(n) for n in names) for names in needed):
        known = ", or ".join(" and ".join(names) for names in needed)
        raise location.refuse("the tenant's credentials are incomplete", f"put {known} there")

"""The sign-ins that `tunelet login` keeps, by the service's address.

The tokens are in the system's keyring if the package `keyring` has one, else in a file that only
its user can read. The file also says which services there are, so that a client without a sign-in
imports nothing.
"""

import fcntl
import importlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tunelet.errors import FieldError, Reject

KEYRING = "tunelet"
_PRIVATE = 0o077


class Login(NamedTuple):
    """What a sign-in gave, and what is needed to renew it."""

    token: str
    expires_at: float
    """Seconds since 1970."""
    refresh_token: str | None
    client_id: str
    token_endpoint: str
    revocation_endpoint: str | None
    kind: str = "access_token"
    """Which token of the issuer's answers the service wants."""

    def __repr__(self) -> str:
        return f"Login(client_id={self.client_id!r}, token_endpoint={self.token_endpoint!r})"


def file() -> Path:
    """The path of the file."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "tunelet" / "logins.json"


def get(url: str) -> Login | None:
    """The sign-in at the service, if there is one."""
    kept = _all().get(url)
    if kept == KEYRING:
        found = _keyring(required=True).get_password(KEYRING, url)
        kept = None if found is None else json.loads(found)
    return None if kept is None else Login(**kept)


def put(url: str, login: Login) -> str:
    """Keep the sign-in; returns where it is kept, in words for people."""
    keyring = _keyring()
    with _changing() as kept:
        if keyring is not None:
            keyring.set_password(KEYRING, url, json.dumps(login._asdict()))
            kept[url] = KEYRING
            return "the system's keyring"
        kept[url] = login._asdict()
    return str(file())


def remove(url: str) -> bool:
    """Forget the sign-in. False if there was none."""
    with _changing() as kept:
        found = kept.pop(url, None)
        if found == KEYRING:
            _keyring(required=True).delete_password(KEYRING, url)
    return found is not None


@contextmanager
def _changing() -> Iterator[dict[str, Any]]:
    """Change the file's content; other processes wait."""
    path = file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked("change"):
        kept = _all()
        yield kept
        _write(path, kept)


@contextmanager
def renewing() -> Iterator[None]:
    """Let no other process renew a sign-in meanwhile."""
    with _locked("renew"):
        yield


@contextmanager
def _locked(what: str) -> Iterator[None]:
    lock = file().with_suffix(f".{what}")
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, kept: dict[str, Any]) -> None:
    """Replace the file, so that only its user can read it at any moment."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".logins")  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as written:
            json.dump(kept, written)
            written.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _all() -> dict[str, Any]:
    path = file()
    try:
        with path.open() as opened:
            if os.fstat(opened.fileno()).st_mode & _PRIVATE:
                raise _unusable(path, "can be read by others", f"chmod 600 {path}")
            found = json.load(opened)
    except FileNotFoundError:
        return {}
    except ValueError:
        raise _unusable(path, "is damaged", "remove it, and sign in again: tunelet login") from None
    return found if isinstance(found, dict) else {}


def _keyring(required: bool = False) -> Any:
    """The module `keyring`; None if there is none, or it has no usable backend."""
    try:
        keyring = importlib.import_module("keyring")
        usable = keyring.get_keyring().priority > 0
    except (ImportError, RuntimeError):
        usable = False
    if usable:
        return keyring
    if required:
        remedy = "install keyring again, or sign in again: tunelet login"
        raise _unusable(file(), "names a keyring that is not here", remedy)
    return None


def _unusable(path: Path, message: str, remedy: str) -> Reject:
    error = FieldError("sign-in", str(path), message, remedy)
    return Reject(f"{path} {message}: {remedy}", [error])

"""Names of labels that are not for users to set."""

from collections.abc import Iterable

from tunelet.errors import FieldError

RESERVED = "tunelet.dev/"
"""Labels that begin with it are Tunelet's."""


def reserved(names: Iterable[object], field: str = "") -> list[FieldError]:
    """Return an error for each of these labels that is Tunelet's. They are members of `field`."""
    remedy = f"choose a name that does not begin with {RESERVED}"
    message = f"is reserved: names below {RESERVED} are Tunelet's"
    found = [str(name) for name in names if str(name).startswith(RESERVED)]
    return [
        FieldError(f"{field}.{name}" if field else name, None, message, remedy) for name in found
    ]

"""Quantities of cpu and memory in Kubernetes' notation.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from fractions import Fraction

from tunelet.errors import FieldError, Reject

_FORM = re.compile(
    r"(?P<number>\+?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE](?P<power>[+-]?[0-9]{1,3}))?)"
    r"(?P<suffix>[KMGTPE]i|[numkMGTPE])?",
    re.ASCII,
)
_FACTORS = (
    {f"{letter}i": Fraction(1024**n) for n, letter in enumerate("KMGTPE", 1)}
    | {letter: Fraction(1000**n) for n, letter in enumerate("kMGTPE", 1)}
    | {letter: Fraction(1, 1000**n) for n, letter in enumerate("mun", 1)}
)
_LENGTH = 64


def quantity(written: object, field: str) -> Fraction:
    """Return the exact value of a quantity. Raises `Reject`, with the request's `field`."""
    text = str(written)
    found = _FORM.fullmatch(text) if len(text) <= _LENGTH else None
    # There is a suffix or an exponent, never both.
    if found is None or (found["power"] and found["suffix"]):
        message = "is not a quantity"
        remedy = 'write it as Kubernetes does, such as "500m" or "4Gi"'
        error = FieldError(field, written, message, remedy)
        raise Reject(f"{field} {text[:_LENGTH]!r} {message}; {remedy}", [error])
    return Fraction(found["number"]) * _FACTORS.get(found["suffix"], Fraction(1))

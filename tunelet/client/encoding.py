"""Encode what a client sends."""

import json

from tunelet.errors import Reject


def encoded(body: object) -> bytes:
    """The body as JSON. Raises `Reject` if JSON cannot carry it."""
    try:
        return json.dumps(body, allow_nan=False, default=_formless).encode()
    except ValueError:
        raise Reject("JSON can carry neither NaN nor infinity, and the request does") from None


def _formless(value: object) -> object:
    kind = type(value).__name__
    raise Reject(f"a {kind} has no form in JSON: send text, numbers, lists and objects")

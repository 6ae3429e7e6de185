"""The answer to a call without a credential that counts: 401, with the scheme to use (RFC 6750).

It never shows the credential.
"""

from http import HTTPStatus

from functions.problem import Refused
from tunelet.errors import FieldError

_REMEDY = "send Authorization: Bearer and a token of this service: set TUNELET_TOKEN"
CHALLENGE = 'Bearer realm="tunelet"'


def missing() -> Refused:
    """No credential came."""
    return _refused("is missing", _REMEDY, CHALLENGE)


def invalid(why: str, remedy: str = _REMEDY) -> Refused:
    """The credential is not accepted: `why` completes "the token …"."""
    return _refused(why, remedy, f'{CHALLENGE}, error="invalid_token"')


def _refused(message: str, remedy: str, challenge: str) -> Refused:
    error = FieldError("Authorization", None, message, remedy)
    headers = {"WWW-Authenticate": challenge}
    detail = "this needs a token" if message == "is missing" else f"the token {message}"
    return Refused(HTTPStatus.UNAUTHORIZED, detail, [error], headers)

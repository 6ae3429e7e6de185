"""Who calls and what they may do, and the sign-in of people."""

from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from functions.api.call import Call
from functions.http import json_answer
from functions.identity.rights import Resource, Right, Verb
from tunelet.errors import FieldError, NotFound, Reject

if TYPE_CHECKING:
    from functions.identity.code_flow import CodeFlow

LONGEST = 8192
"""Characters of a code, an address or a token."""
_OF_CODE = ("code", "code_verifier", "redirect_uri")
_OF_RENEWAL = ("refresh_token",)


def whoami(call: Call) -> Response:
    """Who calls, as the service knows it; a null name where no identity is configured."""
    actor = call.actor
    known = {"name": actor.name or None, "groups": list(actor.groups), "how": actor.how}
    return json_answer(known)


def rights(call: Call) -> Response:
    """What the caller may do in the namespace: the verbs, for each resource."""
    found = {
        resource.value: [
            verb.value for verb in Verb if call.allows(Right(verb, resource), call.namespace)
        ]
        for resource in Resource
    }
    return json_answer({"rights": found})


def login(call: Call) -> Response:
    """Where a person signs in, for `tunelet login`."""
    if call.gate.login is None:
        raise _no_issuer()
    return json_answer(call.gate.login)


def page_login(call: Call) -> Response:
    """Where the page sends a browser to sign in: the authorization code flow with PKCE."""
    return json_answer(_flow(call).settings())


def page_token(call: Call) -> Response:
    """Exchange a code of the issuer, or a refresh token, for a token. The service keeps neither."""
    flow, given = _flow(call), call.body
    if isinstance(given, dict) and "refresh_token" in given:
        (refresh_token,) = _texts(given, _OF_RENEWAL)
        return _tokens(flow.refreshed(refresh_token))
    return _tokens(flow.of_code(*_texts(given, _OF_CODE)))


def _tokens(found: dict[str, object]) -> Response:
    response = json_answer(found)
    response.headers["Cache-Control"] = "no-store"
    return response


def _flow(call: Call) -> "CodeFlow":
    if call.gate.code_flow is None:
        raise _no_issuer()
    return call.gate.code_flow


def _no_issuer() -> NotFound:
    return NotFound("this service names no issuer to sign in at: its operator gives out tokens")


def _texts(given: object, names: tuple[str, ...]) -> list[str]:
    """Return the members of a body. Their values are secret, so no error shows them."""
    members = given if isinstance(given, dict) else {}
    errors = [
        FieldError(name, None, "is not a text of the sign-in", f"send {', '.join(names)}")
        for name in names
        if not isinstance(members.get(name), str) or not 0 < len(members[name]) <= LONGEST
    ]
    errors += [
        FieldError(name, None, "is not a member here", f"send {', '.join(names)}")
        for name in members
        if name not in names
    ]
    if errors:
        raise Reject("the sign-in is invalid", errors)
    return [members[name] for name in names]

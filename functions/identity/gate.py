"""The gate of the API: which actor calls, and whether it may.

What an actor may not see is answered as if it did not exist, and nothing is read to find out. What
it may see but not do is answered 403.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request

from functions.identity.actor import ANYONE, Actor
from functions.identity.rights import EVERYWHERE, Authorizer, Resource, Right, Unrestricted, Verb
from functions.problem import Refused
from tunelet.errors import FieldError, NotFound

if TYPE_CHECKING:
    from functions.identity.code_flow import CodeFlow


class Gate:
    """Authenticates by `known`, which raises `Refused` (401) or `Retry`; decides by `authorizer`.

    Threads may share one.
    """

    def __init__(
        self,
        known: Callable[[Request], Actor],
        authorizer: Authorizer,
        login: Mapping[str, str] | None = None,
        code_flow: "CodeFlow | None" = None,
        open_metrics: bool = False,
    ) -> None:
        """`login` is what a client needs to sign in a person, `code_flow` how the page does it.

        With `open_metrics` anyone may see the metrics of the installation.
        """
        self.actor = known
        self.login, self.code_flow = login, code_flow
        self._authorizer = authorizer
        self._open_metrics = open_metrics

    def admit(self, actor: Actor, right: Right, namespace: str, absent: str) -> None:
        """Raise `NotFound` for what the actor may not see, `Refused` for what it may not do.

        `absent` is the text of the 404: the same as for something that does not exist.
        """
        if self.allows(actor, right, namespace):
            return
        if not self.allows(actor, Right(Verb.GET, right.resource), namespace):
            raise NotFound(absent)
        remedy = f"ask for the right to {right.verb} {right.resource} in namespace {namespace}"
        error = FieldError("Authorization", None, "does not permit this", remedy)
        detail = f"{actor.name} may not {right.verb} {right.resource} in namespace {namespace!r}"
        raise Refused(HTTPStatus.FORBIDDEN, detail, [error])

    def admit_to_metrics(self, request: Request) -> None:
        """Raise `Refused` unless the caller may list the experiments of all namespaces."""
        if self._open_metrics:
            return
        actor, right = self.actor(request), Right(Verb.LIST, Resource.EXPERIMENTS)
        if not self.allows(actor, right, EVERYWHERE):
            remedy = "ask for the role viewer in all namespaces, or read /api/namespaces/…/metrics"
            error = FieldError("Authorization", None, "does not permit this", remedy)
            detail = f"{actor.name} may not see the metrics of the installation"
            raise Refused(HTTPStatus.FORBIDDEN, detail, [error])

    def allows(self, actor: Actor, right: Right, namespace: str) -> bool:
        """Whether the actor has the right in the namespace."""
        return self._authorizer.allows(actor, right.verb, namespace, right.resource)


UNGUARDED = Gate(lambda _: ANYONE, Unrestricted())
"""The gate where no identity is configured: everyone may do everything."""

"""A cluster knows its ServiceAccounts' tokens (TokenReview), and what its RBAC allows
(SubjectAccessReview) on the virtual resources of the group tunelet.dev.

The functions need the ClusterRole system:auth-delegator for both.
"""

import logging
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from functions.identity import denied
from functions.identity.actor import Actor
from functions.identity.names import MOST_GROUPS
from functions.identity.rights import EVERYWHERE, Resource, Verb
from functions.problem import Refused
from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.failures import Failures
from tunelet.errors import Reject, Retry

if TYPE_CHECKING:
    from collections.abc import Hashable

    from adapters.launchers.kubernetes.api import KubernetesApi

GROUP = "tunelet.dev"
TOKENS_KEPT = 60.0
"""Seconds for which a token that the cluster knew counts without another question."""
UNKNOWN_KEPT = 10.0
"""Likewise for a token that the cluster did not know."""
DECISIONS_KEPT = 10.0
_MOST_KEPT = 10_000
_TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCESS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")
log = logging.getLogger("tunelet.identity")


class _Kept(Generic[K, V]):
    """Answers, kept for some seconds. Threads may share one."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._lock = threading.Lock()
        self._answers = BoundedCache[K, tuple[V, float]](count=_MOST_KEPT)

    def get(self, key: K) -> V | None:
        with self._lock:
            found = self._answers.get(key)
        fresh = found is not None and self._clock() < found[1]
        return found[0] if found is not None and fresh else None

    def put(self, key: K, answer: V) -> None:
        with self._lock:
            self._answers.put(key, (answer, self._clock() + self._seconds))


class TokenReviews:
    """Knows actors by the tokens of a cluster's ServiceAccounts and users."""

    def __init__(
        self,
        api: "KubernetesApi",
        audiences: tuple[str, ...],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api, self._audiences = api, audiences
        self._kept = _Kept[bytes, Actor](TOKENS_KEPT, clock)
        self._unknown = _Kept[bytes, Refused](UNKNOWN_KEPT, clock)
        self._failures = Failures(clock)

    def actor(self, token: str) -> Actor:
        """Return the token's actor. Raises `Refused` if the cluster does not know the token.

        Raises `Retry` while strangers send so many unknown tokens that the cluster would be asked
        too often. Tokens that this process knows are not affected.
        """
        key = sha256(token.encode()).digest()
        known = self._kept.get(key)
        if known is not None:
            return known
        if (refusal := self._unknown.get(key)) is not None:
            raise refusal.with_traceback(None)  # It would grow with each call.
        self._failures.check()
        try:
            actor = self._reviewed(token)
        except Refused as refused:
            self._failures.count()
            self._unknown.put(key, refused)
            raise
        self._kept.put(key, actor)
        return actor

    def _reviewed(self, token: str) -> Actor:
        spec = {"token": token, "audiences": list(self._audiences)}
        status = _asked(self._api, _TOKENS, "authentication.k8s.io/v1", "TokenReview", spec)
        user = status.get("user") or {}
        if status.get("authenticated") is not True or not user.get("username"):
            raise denied.invalid("is not known to the cluster")
        # A cluster that does not look at audiences leaves them out of its answer.
        if set(self._audiences).isdisjoint(status.get("audiences") or ()):
            asked = ", ".join(self._audiences)
            raise denied.invalid("is for another audience", f"ask for {asked}")
        groups = tuple(str(each) for each in (user.get("groups") or ())[:MOST_GROUPS])
        return Actor(str(user["username"]), groups, "kubernetes")


class AccessReviews:
    """An authorizer that asks the cluster's RBAC."""

    def __init__(
        self,
        api: "KubernetesApi",
        namespace_prefix: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The rights in the namespace N are those in the cluster's `namespace_prefix` + N."""
        self._api, self._prefix = api, namespace_prefix
        self._kept = _Kept[tuple[Actor, Verb, str, Resource], bool](DECISIONS_KEPT, clock)

    def allows(self, actor: Actor, verb: Verb, namespace: str, resource: Resource) -> bool:
        asked = (actor, verb, namespace, resource)
        known = self._kept.get(asked)
        if known is None:
            known = self._reviewed(*asked)
            self._kept.put(asked, known)
        return known

    def _reviewed(self, actor: Actor, verb: Verb, namespace: str, resource: Resource) -> bool:
        where = "" if namespace == EVERYWHERE else self._prefix + namespace
        attributes = {"namespace": where, "verb": verb, "group": GROUP, "resource": resource}
        spec = {
            "user": actor.name,
            "groups": list(actor.groups),
            "resourceAttributes": attributes,
        }
        kind = "SubjectAccessReview"
        status = _asked(self._api, _ACCESS, "authorization.k8s.io/v1", kind, spec)
        return status.get("allowed") is True and status.get("denied") is not True


def _asked(
    api: "KubernetesApi", path: str, version: str, kind: str, spec: dict[str, Any]
) -> dict[str, Any]:
    """Return the status of a review. Raises `Retry` if the cluster does not answer it."""
    try:
        answer = api.create(path, {"apiVersion": version, "kind": kind, "spec": spec})
    except Reject as refusal:
        # The fault of the installation, not of the caller, who need not know its details.
        log.error("%s is refused: %s; bind system:auth-delegator", kind, refusal)
        raise Retry("the cluster does not let this service check identities") from refusal
    status = (answer or {}).get("status")
    return status if isinstance(status, dict) else {}

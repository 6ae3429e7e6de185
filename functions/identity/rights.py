"""Rights: the verbs and resources that each route declares, and who decides about them."""

from enum import Enum, StrEnum
from typing import NamedTuple, Protocol

from functions.identity.actor import Actor


class Verb(StrEnum):
    """Those of Kubernetes, so that its RBAC can decide."""

    GET = "get"
    LIST = "list"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Resource(StrEnum):
    """In Kubernetes they are virtual resources of the group tunelet.dev."""

    EXPERIMENTS = "experiments"
    TRIALS = "trials"
    DEAD_LETTERS = "deadletters"


class Right(NamedTuple):
    """What a call needs in the namespace that it is for."""

    verb: Verb
    resource: Resource


class Entry(Enum):
    """How a route admits calls that need no right in a namespace."""

    OPEN = "open"
    """Anyone: the answer is the same for all, and tells nothing about a namespace."""
    ACTOR = "actor"
    """Any actor that is known."""
    TRIAL = "trial"
    """The bearer of a trial's token. No other credential is accepted."""


Access = Right | Entry

EVERYWHERE = "*"
"""In place of a namespace: all of them, and what is of none."""


class Authorizer(Protocol):
    """Decides what actors may do."""

    def allows(self, actor: Actor, verb: Verb, namespace: str, resource: Resource) -> bool:
        """Whether the actor may do this in the namespace, or EVERYWHERE.

        Raises `Retry` while it cannot be known.
        """
        ...


class Unrestricted:
    """Allows everything to everyone: no identity is configured."""

    def allows(self, actor: Actor, verb: Verb, namespace: str, resource: Resource) -> bool:
        return True

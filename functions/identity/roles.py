"""Static roles: which actors view, edit or administer which namespaces."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import NamedTuple

from functions.identity.actor import Actor
from functions.identity.rights import EVERYWHERE, Resource, Right, Verb


class Role(StrEnum):
    """Each includes those before it."""

    VIEWER = "viewer"
    """Sees experiments, trials and dead letters."""
    EDITOR = "editor"
    """Also makes, changes and deletes experiments and trials."""
    ADMIN = "admin"
    """Does everything."""


_VIEWED = frozenset(Right(verb, each) for verb in (Verb.GET, Verb.LIST) for each in Resource)
_EDITED = frozenset(
    Right(verb, each) for verb in Verb for each in (Resource.EXPERIMENTS, Resource.TRIALS)
)
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: _VIEWED,
    Role.EDITOR: _VIEWED | _EDITED,
    Role.ADMIN: frozenset(Right(verb, each) for verb in Verb for each in Resource),
}


class Grant(NamedTuple):
    """A role in some namespaces, for actors by name and by group."""

    role: Role
    namespaces: Collection[str]
    """EVERYWHERE among them means all."""
    actors: Collection[str] = ()
    groups: Collection[str] = ()

    def to(self, actor: Actor) -> bool:
        """Whether the grant is to this actor."""
        return actor.name in self.actors or not set(self.groups).isdisjoint(actor.groups)


class Roles:
    """An authorizer by grants: one that fits is enough."""

    def __init__(self, grants: Sequence[Grant]) -> None:
        self._grants = tuple(grants)

    def allows(self, actor: Actor, verb: Verb, namespace: str, resource: Resource) -> bool:
        wanted = Right(verb, resource)
        return any(
            wanted in RIGHTS[grant.role] and _covers(grant, namespace) and grant.to(actor)
            for grant in self._grants
        )


def _covers(grant: Grant, namespace: str) -> bool:
    return EVERYWHERE in grant.namespaces or namespace in grant.namespaces

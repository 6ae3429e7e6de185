"""What the pod security standard "restricted" demands of a pod beyond the rules of members. Pure.

This can be checked only where a manifest writes a pod out, with its `containers`. The cluster
checks the pods that a kind makes from other members.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tunelet.request.pod_rules import added

_VOLUMES = frozenset(
    (
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
        *("persistentVolumeClaim", "projected", "secret"),
    )
)
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")

Lack = tuple[tuple[Any, ...], str, str, str]
"""Where something is missing below the pod, the rule's name, what is wrong, and the remedy."""


class _Context(NamedTuple):
    """A container's security context, and that of its pod."""

    own: Mapping[str, Any]
    pod: Mapping[str, Any]

    def of(self, name: str) -> Any:
        """The member that applies: the container's own before the pod's."""
        found = self.own.get(name)
        return self.pod.get(name) if found is None else found


def lacks(pod: Mapping[str, Any]) -> Iterator[Lack]:
    """Everything that keeps the pod's spec from being restricted."""
    yield from volumes(pod.get("volumes"))
    context = _mapping(pod.get("securityContext"))
    if context.get("runAsNonRoot") is False or context.get("runAsUser") == 0:
        # Also where each container has a user of its own.
        for lack in no_root({"runAsNonRoot": True, **context}):
            yield (("securityContext", *lack[0]), *lack[1:])
    for kind in _CONTAINERS:
        for index, each in enumerate(_list(pod.get(kind))):
            own = _Context(_mapping(_mapping(each).get("securityContext")), context)
            for lack in _of_container(own):
                yield ((kind, index, "securityContext", *lack[0]), *lack[1:])


def volumes(written: Any) -> Iterator[Lack]:
    for index, each in enumerate(_list(written)):
        for source in sorted(_mapping(each).keys() - {"name"} - _VOLUMES):
            where = ("volumes", index, source)
            yield where, "volumes", "is a volume that is not restricted", "use another kind"


def no_root(context: Mapping[str, Any]) -> Iterator[Lack]:
    if context.get("runAsNonRoot") is not True:
        yield ("runAsNonRoot",), "runAsNonRoot", "is not true", "write true"
    if context.get("runAsUser") == 0:
        yield ("runAsUser",), "runAsNonRoot", "is root", "name another user"


def _of_container(context: _Context) -> Iterator[Lack]:
    yield from no_root({name: context.of(name) for name in ("runAsNonRoot", "runAsUser")})
    if context.own.get("allowPrivilegeEscalation") is not False:
        name = "allowPrivilegeEscalation"
        yield (name,), name, "is not false", "write false"
    if context.of("seccompProfile") is None:
        remedy = 'write {"type": "RuntimeDefault"}'
        yield ("seccompProfile",), "seccompProfile", "is missing", remedy
    capabilities = _mapping(context.own.get("capabilities"))
    if "ALL" not in _list(capabilities.get("drop")):
        yield ("capabilities", "drop"), "capabilities", "lacks ALL", 'write ["ALL"]'
    if not (added(capabilities) or frozenset()) <= {"NET_BIND_SERVICE"}:
        remedy = "add none but NET_BIND_SERVICE"
        yield ("capabilities", "add"), "capabilities", "adds capabilities", remedy


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

"""What a member of a pod, or of any object that makes pods, may be. Pure.

The rules go by the names of members, wherever they are: a kind that this code does not know makes
pods from the same members. They follow Kubernetes' pod security standards, and go beyond them where
a comment says so. A rule allows only what it knows to be harmless, so a placeholder is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_CAPABILITIES = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
        *("NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
"""The capabilities that a container has by default."""

_SYSCTLS = frozenset(
    (
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies"),
        *("net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time"),
        *("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
        *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    )
)
_PROFILES = ("RuntimeDefault", "Localhost")
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")


class Rule(NamedTuple):
    name: str
    """By which an administrator allows what the rule refuses."""
    allows: Callable[[Any], bool]
    remedy: str = "leave it out"


def _off(value: Any) -> bool:
    return value is None or value is False


def _absent(value: Any) -> bool:
    return value is None


def _empty(value: Any) -> bool:
    return value in (None, "")


def _listed(value: Any) -> list[Any] | None:
    return [] if value is None else value if isinstance(value, list) else None


def _capabilities(value: Any) -> bool:
    return value is None or (
        isinstance(value, Mapping) and added(value) is not None and added(value) <= _CAPABILITIES
    )


def added(capabilities: Mapping[str, Any]) -> Any:
    """The capabilities that are added; None if that cannot be read."""
    found = _listed(capabilities.get("add"))
    readable = found is not None and all(isinstance(each, str) for each in found)
    return frozenset(found or ()) if readable else None


def _sysctls(value: Any) -> bool:
    found = _listed(value)
    return found is not None and all(
        isinstance(each, Mapping) and each.get("name") in _SYSCTLS for each in found
    )


def _profile(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and value.get("type") in _PROFILES)


def _selinux(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, Mapping) and (
        (value.get("type") or "") in _SELINUX_TYPES
        and _empty(value.get("user"))
        and _empty(value.get("role"))
    )


def _own_host(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and _empty(value.get("host")))


def _no_template(value: Any) -> bool:
    """False for Argo's template that makes any object with the rights of the workflow."""
    return not isinstance(value, Mapping) or not value.keys() & {"action", "manifest"}


_CONFINED = f'write {{"type": "{_PROFILES[0]}"}}, or leave it out'

MEMBERS: Mapping[str, Rule] = {
    "hostnetwork": Rule("hostNetwork", _off),
    "hostpid": Rule("hostPID", _off),
    "hostipc": Rule("hostIPC", _off),
    "hostpath": Rule("hostPath", _absent, "use a persistentVolumeClaim or an emptyDir"),
    "hostport": Rule("hostPort", lambda value: value in (None, 0) and value is not False),
    "hostprocess": Rule("hostProcess", _off),
    "privileged": Rule("privileged", _off),
    # Baseline allows it. A container whose program may not change its user does not need it.
    "allowprivilegeescalation": Rule("allowPrivilegeEscalation", _off),
    "capabilities": Rule("capabilities", _capabilities, "add none that a container lacks"),
    "procmount": Rule("procMount", lambda value: value in (None, "Default")),
    "sysctls": Rule("sysctls", _sysctls, "name only sysctls of the pod itself"),
    "seccompprofile": Rule("seccompProfile", _profile, _CONFINED),
    "apparmorprofile": Rule("appArmorProfile", _profile, _CONFINED),
    "selinuxoptions": Rule("seLinuxOptions", _selinux),
    "httpget": Rule("hostProbes", _own_host, "leave its host out"),
    "tcpsocket": Rule("hostProbes", _own_host, "leave its host out"),
    # The rest is not in the standards. The scheduler, quotas and taints do not see such a pod.
    "nodename": Rule("nodeName", _empty, "use nodeSelector"),
    # With such a token a pod could sign in wherever its audience counts, also at Tunelet.
    "serviceaccounttoken": Rule("serviceAccountToken", _absent),
    "namespace": Rule("namespace", _empty, "leave it out: a trial is in its own namespace"),
    # From these Argo makes objects that no rule sees.
    "podspecpatch": Rule("podSpecPatch", _empty),
    "resource": Rule("resource", _no_template),
}
"""By the name of the member in small letters, because some operators read names in any case."""


def folded(name: str) -> str:
    """The name under which `MEMBERS` has it; security_context is securityContext."""
    return name.replace("_", "").lower()

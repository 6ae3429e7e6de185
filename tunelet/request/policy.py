"""What an administrator lets the pods of trials be: the settings of the policy. Pure.

TUNELET_POLICY has it as JSON. Every member may be left out, and `namespaces` may give a namespace
members of its own:

    {"standard": "baseline", "images": ["ghcr.io/acme/*"], "service_accounts": ["trainer"],
     "allow": ["hostPath"], "namespaces": {"vision": {"allow": ["hostPath", "hostNetwork"]}}}
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from tunelet.errors import FieldError, Reject

STANDARDS = ("baseline", "restricted", "privileged")
RULES = (
    *("hostNetwork", "hostPID", "hostIPC", "hostPath", "hostPort", "hostProcess", "hostProbes"),
    *("privileged", "allowPrivilegeEscalation", "capabilities", "procMount", "sysctls"),
    *("seccompProfile", "appArmorProfile", "seLinuxOptions", "runAsNonRoot", "volumes"),
    *("nodeName", "serviceAccountToken", "namespace", "podSpecPatch", "resource", "kind"),
)
"""The names by which an administrator allows what the policy refuses otherwise."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The policy of one namespace."""

    standard: str = "baseline"
    """The pod security standard of Kubernetes: baseline or restricted; privileged has no rules."""
    images: tuple[str, ...] = ()
    """Patterns of which an image must match one, `*` for any characters; empty: any image."""
    service_accounts: tuple[str, ...] = ()
    """Names of the accounts that trials may have, beside `default`."""
    allow: tuple[str, ...] = ()
    """The names of rules that do not apply."""


class _Written(Policy, frozen=True):
    namespaces: dict[str, dict[str, Any]] = {}


class Policies(msgspec.Struct, frozen=True):
    """The policies of all namespaces."""

    usual: Policy = Policy()
    named: Mapping[str, Policy] = {}

    def of(self, namespace: str) -> Policy:
        return self.named.get(namespace, self.usual)


def read(text: str, field: str = "TUNELET_POLICY") -> Policies:
    """The policies that the JSON `text` describes. Raises `Reject`, which names the member."""
    try:
        written = msgspec.json.decode(text, type=_Written)
        usual = {name: getattr(written, name) for name in Policy.__struct_fields__}
        named = {
            name: msgspec.convert(usual | own, Policy) for name, own in written.namespaces.items()
        }
    except msgspec.MsgspecError as fault:
        raise _wrong(field, None, f"is not a policy: {fault}") from None
    for each in (written, *named.values()):
        _refuse_unknown(each, field)
    return Policies(Policy(**usual), named)


def _refuse_unknown(policy: Policy, field: str) -> None:
    if policy.standard not in STANDARDS:
        raise _wrong(field, policy.standard, f"has a standard that is none of {_words(STANDARDS)}")
    for name in policy.allow:
        if name not in RULES:
            raise _wrong(field, name, f"allows a rule that is none of {_words(RULES)}")


def _wrong(field: str, value: str | None, message: str) -> Reject:
    remedy = 'set JSON such as {"standard": "baseline", "allow": ["hostPath"]}, or leave it unset'
    return Reject(f"{field} {message}", [FieldError(field, value, message, remedy)])


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(names)

"""Hold a trial's training code to the policy of its namespace. Pure.

The check at the submit answers the user. The check at each launch sees the placeholders filled, and
a policy that may be newer than the log's entry.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tunelet.core.run import COMMAND
from tunelet.errors import FieldError, Reject
from tunelet.request import restricted
from tunelet.request.labels import RESERVED
from tunelet.request.pod_rules import MEMBERS, Rule, folded
from tunelet.request.policy import Policy
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.text.messages import listed, path, shown

Location = tuple[Any, ...]
_ALWAYS = ""
"""The name of rules that protect Tunelet's own objects, whatever the standard is."""

_ACCOUNTS = ("serviceaccountname", "serviceaccount")
_TEXTS = ("labels", "annotations", "matchLabels", "nodeSelector")
"""Members below which a manifest has names of the user's own, and only texts."""
_OF_USERS = ("env", "node_selector", "resources")
"""Likewise in `model_training_code` without a manifest."""
_RUN = lazy_pattern(r"-[0-9a-f]{6}-[0-9]+-[0-9]+$")
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_WORKLOADS = ("apps", "batch")
_SERVED = ("", "autoscaling", "extensions", "policy")
"""Groups of Kubernetes itself, beside those below k8s.io."""
_PATH = {"apiVersion": r"([a-z0-9][a-z0-9.-]*/)?[a-z0-9]+", "kind": "[A-Za-z0-9]+"}
_OPERATORS = lazy_pattern(r".+\.(x-k8s|sigs\.k8s)\.io")
_PROFILES = lazy_pattern(r"(runtime/default|localhost/.*)?")


def refuse(code: Mapping[str, Any], policy: Policy, own: str = "", bare: bool = False) -> None:
    """Raise `Reject` with everything that the policy does not allow.

    `own` is the name of the run, if one is launched. `bare`: the user wrote the manifest as the
    training code itself, so errors name its members without `manifest`.
    """
    errors = list(problems(code, policy, own))
    if bare:
        inner, outer = "model_training_code.manifest", "model_training_code"
        errors = [e._replace(field=outer + e.field.removeprefix(inner)) for e in errors]
    if errors:
        first = f"{errors[0].field} {errors[0].message}; {errors[0].remedy}"
        raise Reject(f"the policy of the namespace refuses the pods: {first}", errors)


def problems(code: Mapping[str, Any], policy: Policy, own: str = "") -> Iterator[FieldError]:
    """Everything in the training code of a spec that the policy does not allow."""
    yield from _images(code, policy, ("model_training_code",))
    for rule, error in _found(code, policy, own):
        if rule == _ALWAYS or (policy.standard != "privileged" and rule not in policy.allow):
            yield error


def _found(code: Mapping[str, Any], policy: Policy, own: str) -> Iterator[tuple[str, FieldError]]:
    root: Location = ("model_training_code",)
    if "manifest" in code:
        yield from _kind(code["manifest"])
        root, tree = (*root, "manifest"), _below_metadata(code["manifest"])
    else:
        tree = {name: value for name, value in code.items() if name not in _OF_USERS}
    for where, members in _objects(tree, root):
        yield from _of_members(where, members, policy, own)
        if policy.standard == "restricted":
            yield from _lacks(where, members)
    if "manifest" not in code and policy.standard == "restricted" and code.get("image") != COMMAND:
        yield from _lacks_of_image(code, root)


def _below_metadata(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest without the metadata that Tunelet replaces: name, namespace, owners."""
    metadata = manifest.get("metadata")
    kept = metadata if isinstance(metadata, Mapping) else {}
    kept = {name: kept[name] for name in ("labels", "annotations") if name in kept}
    return {**manifest, "metadata": kept}


def _objects(node: Any, where: Location) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    stack = [(where, node)]
    while stack:
        where, node = stack.pop()
        if isinstance(node, Mapping):
            yield where, node
            stack += [((*where, name), child) for name, child in node.items()]
        elif isinstance(node, list | tuple):
            stack += [((*where, index), child) for index, child in enumerate(node)]


def _of_members(
    where: Location, members: Mapping[str, Any], policy: Policy, own: str
) -> Iterator[tuple[str, FieldError]]:
    texts = where[-1] in _TEXTS and all(isinstance(each, str) for each in members.values())
    for name, value in members.items():
        below = (*where, name)
        if where[-1] in _TEXTS:
            yield from _label(below, name, value)
        if texts:
            continue
        rule = MEMBERS.get(folded(name))
        if rule is not None and not rule.allows(value):
            yield rule.name, _error(below, value, "is not allowed here", rule, policy)
        elif folded(name) in _ACCOUNTS:
            yield from _account(below, value, policy)
        elif "secret" in folded(name):
            yield from _token(below, value, own)
    yield from _mounted(where, members)


def _label(where: Location, name: str, value: Any) -> Iterator[tuple[str, FieldError]]:
    if name.startswith(RESERVED):
        remedy = "leave it out: Tunelet tells by these names which run an object is"
        yield _ALWAYS, FieldError(path(where), None, f"begins with {RESERVED}", remedy)
    if name.startswith(_APPARMOR) and not _PROFILES.fullmatch(str(value)):
        rule = MEMBERS["apparmorprofile"]
        yield rule.name, _error(where, value, "is not allowed here", rule)


def _account(where: Location, value: Any, policy: Policy) -> Iterator[tuple[str, FieldError]]:
    if value in (None, "", "default", *policy.service_accounts):
        return
    known = listed(("default", *policy.service_accounts))
    remedy = f"use one of {known}, or ask the administrator for it in `service_accounts` of " + _SET
    yield _ALWAYS, FieldError(path(where), shown(value), "is not an account for trials", remedy)


def _mounted(where: Location, members: Mapping[str, Any]) -> Iterator[tuple[str, FieldError]]:
    """Refuse a mounted token of the account `default`, which has the collector's rights."""
    named = any(
        value not in (None, "", "default")
        for name, value in members.items()
        if folded(name) in _ACCOUNTS
    )
    for name, value in members.items():
        asked = folded(name) == "automountserviceaccounttoken" and value not in (None, False)
        if asked and (value is not True or not named):
            rule = Rule("serviceAccountToken", bool, "leave it out, or name an account")
            yield rule.name, _error((*where, name), value, "is not allowed here", rule)


def _token(where: Location, value: Any, own: str) -> Iterator[tuple[str, FieldError]]:
    """Refuse a Secret with the token of another trial: it has the name of that trial's run."""
    for name in _names(value):
        if _RUN.search(name) and name != own:
            message = "is named as a run, and would have the token of another trial"
            yield _ALWAYS, FieldError(path(where), shown(name), message, "use another Secret")


def _names(value: Any, below: str = "name") -> Iterator[str]:
    if isinstance(value, str) and below in ("name", "secretName"):
        yield value
    elif isinstance(value, Mapping):
        for name, child in value.items():
            yield from _names(child, name if isinstance(child, str) else below)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _names(child, below)


def _kind(manifest: Mapping[str, Any]) -> Iterator[tuple[str, FieldError]]:
    """Refuse kinds of Kubernetes itself that run nothing: a Secret, a RoleBinding, a Service."""
    # Both become parts of a path of the cluster's API.
    for name, form in _PATH.items():
        if not re.fullmatch(form, str(manifest.get(name))):
            field = path(("model_training_code", "manifest", name))
            remedy = "see the documentation of the kind"
            yield _ALWAYS, FieldError(field, None, "is not one of Kubernetes", remedy)
    group = str(manifest.get("apiVersion")).rpartition("/")[0]
    kind = str(manifest.get("kind"))
    if group in _WORKLOADS or (group, kind) == ("", "Pod"):
        return
    if group in _SERVED or (group.endswith(".k8s.io") and not _OPERATORS.fullmatch(group)):
        rule = Rule("kind", bool, "use a Job, a Pod, or the kind of an operator")
        where = ("model_training_code", "manifest", "kind")
        yield rule.name, _error(where, kind, "runs nothing", rule)


def _lacks(where: Location, members: Mapping[str, Any]) -> Iterator[tuple[str, FieldError]]:
    if not isinstance(members.get("containers"), list):
        return
    for lack, name, message, remedy in restricted.lacks(members):
        yield name, _error((*where, *lack), None, message, Rule(name, bool, remedy))


def _lacks_of_image(code: Mapping[str, Any], root: Location) -> Iterator[tuple[str, FieldError]]:
    """Tunelet itself makes the pod of an image restricted, but for its user and its volumes."""
    for lack, name, message, remedy in restricted.no_root(code.get("security_context") or {}):
        where = (*root, "security_context", *lack)
        yield name, _error(where, None, message, Rule(name, bool, remedy))
    for lack, name, message, remedy in restricted.volumes(code.get("volumes")):
        yield name, _error((*root, *lack), None, message, Rule(name, bool, remedy))


def _images(code: Mapping[str, Any], policy: Policy, root: Location) -> Iterator[FieldError]:
    if not policy.images or code.get("image") == COMMAND:
        return
    tree = {name: value for name, value in code.items() if name not in _OF_USERS}
    for where, members in _objects(tree, root):
        for name, value in members.items():
            of_volume = where[-1] == "image" and name == "reference"
            if not (folded(name) == "image" or of_volume) or isinstance(value, Mapping):
                continue
            if value and not any(_matches(value, pattern) for pattern in policy.images):
                message = "is not an image for trials"
                remedy = f"use one that matches {listed(policy.images)}, with its registry"
                yield FieldError(path((*where, name)), shown(value), message, remedy)


def _matches(image: Any, pattern: str) -> bool:
    words = [re.escape(word) for word in pattern.split("*")]
    return isinstance(image, str) and re.fullmatch(".*".join(words), image) is not None


_SET = "TUNELET_POLICY"


def _error(
    where: Location, value: Any, message: str, rule: Rule, policy: Policy | None = None
) -> FieldError:
    seen = value if isinstance(value, bool | int) else None
    asked = f"{rule.remedy}, or ask the administrator to allow {rule.name} in {_SET}"
    return FieldError(path(where), seen, message, asked)

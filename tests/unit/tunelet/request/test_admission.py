"""What each rule of the policy refuses, in every kind that makes pods, and who may allow it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tunelet.core.run import COMMAND
from tunelet.errors import Reject
from tunelet.request.admission import problems, refuse
from tunelet.request.policy import RULES, Policies, Policy, read

Pod = dict[str, Any]

BASELINE, RESTRICTED = Policy(), Policy(standard="restricted")


def container(**members: Any) -> Pod:
    return {"containers": [{"name": "train", "image": "train:1", **members}]}


def guarded(**context: Any) -> Pod:
    return container(securityContext=context)


def job(pod: Pod) -> Pod:
    spec = {"template": {"spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": spec}


def pytorch(pod: Pod) -> Pod:
    spec = {"pytorchReplicaSpecs": {"Worker": {"replicas": 2, "template": {"spec": pod}}}}
    return {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "spec": spec}


def ray(pod: Pod) -> Pod:
    group = {"groupName": "small", "template": {"spec": pod}}
    spec = {"entrypoint": "x", "rayClusterSpec": {"workerGroupSpecs": [group]}}
    return {"apiVersion": "ray.io/v1", "kind": "RayJob", "spec": spec}


def jobset(pod: Pod) -> Pod:
    spec = {"replicatedJobs": [{"name": "w", "template": {"spec": {"template": {"spec": pod}}}}]}
    return {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "spec": spec}


def workflow(pod: Pod) -> Pod:
    """A step has a container and parts of a pod, but no pod."""
    step = {"name": "main", **pod, "container": pod["containers"][0]}
    del step["containers"]
    spec = {"entrypoint": "main", "templates": [step]}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": spec}


def unknown(pod: Pod) -> Pod:
    spec = {"stages": [[{"deep": {"podTemplates": {"a": pod}}}]]}
    return {"apiVersion": "example.com/v1", "kind": "Drill", "spec": spec}


KINDS = (job, pytorch, ray, jobset, workflow, unknown)

REFUSED = {
    "hostPath": container() | {"volumes": [{"name": "h", "hostPath": {"path": "/"}}]},
    "hostNetwork": container() | {"hostNetwork": True},
    "hostPID": container() | {"hostPID": True},
    "hostIPC": container() | {"hostIPC": True},
    "hostPort": container(ports=[{"containerPort": 80, "hostPort": 80}]),
    "hostProbes": container(livenessProbe={"httpGet": {"host": "169.254.169.254", "port": 80}}),
    "hostProcess": guarded(windowsOptions={"hostProcess": True}),
    "privileged": guarded(privileged=True),
    "allowPrivilegeEscalation": guarded(allowPrivilegeEscalation=True),
    "capabilities": guarded(capabilities={"add": ["SYS_ADMIN"]}),
    "procMount": guarded(procMount="Unmasked"),
    "seccompProfile": guarded(seccompProfile={"type": "Unconfined"}),
    "appArmorProfile": guarded(appArmorProfile={"type": "Unconfined"}),
    "seLinuxOptions": guarded(seLinuxOptions={"type": "spc_t"}),
    "sysctls": container() | {"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}},
    "nodeName": container() | {"nodeName": "control-plane"},
    "serviceAccountToken": container()
    | {"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {}}]}}]},
    "namespace": container() | {"metadata": {"namespace": "kube-system"}},
}


def found(manifest: Pod, policy: Policy = BASELINE, own: str = "") -> list[str]:
    return [error.field for error in problems({"manifest": manifest}, policy, own)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_harmless_pod_is_allowed_in_every_kind(kind: Callable[[Pod], Pod]) -> None:
    pod = guarded(privileged=False, capabilities={"add": ["CHOWN"], "drop": ["ALL"]})
    pod |= {"hostNetwork": False, "volumes": [{"name": "d", "emptyDir": {}}], "hostPID": None}
    assert found(kind(pod)) == []


@pytest.mark.parametrize("rule", REFUSED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_pod_with_rights_over_its_node_is_refused_in_every_kind(
    kind: Callable[[Pod], Pod], rule: str
) -> None:
    manifest = kind(REFUSED[rule])
    (error,) = problems({"manifest": manifest}, BASELINE)
    assert rule in error.remedy
    assert "TUNELET_POLICY" in error.remedy
    assert found(manifest, Policy(allow=(rule,))) == []


def test_every_rule_that_baseline_has_is_among_those_to_be_allowed() -> None:
    of_kinds = {"runAsNonRoot", "volumes", "podSpecPatch", "resource", "kind"}
    assert {*REFUSED, *of_kinds} == {*RULES}


@pytest.mark.parametrize("name", ["HostNetwork", "HOSTNETWORK", "host_network"])
def test_a_name_in_another_case_is_the_same_name(name: str) -> None:
    assert found(job(container() | {name: True}))


@pytest.mark.parametrize("value", [True, "true", 1, "${hyperparameters.x}", {}, []])
def test_values_that_are_not_certainly_off_are_refused(value: Any) -> None:
    assert found(job(guarded(privileged=value)))
    assert found(job(container() | {"hostPID": value}))
    assert found(job(guarded(capabilities={"add": [value]})))
    assert found(job(guarded(capabilities=value))) or value == {}


@pytest.mark.parametrize("account", ["admin", "${hyperparameters.x}", 3])
@pytest.mark.parametrize("member", ["serviceAccountName", "serviceAccount"])
def test_only_named_accounts_may_be_a_trials(member: str, account: Any) -> None:
    manifest = job(container() | {member: account})
    assert found(manifest) == [f"model_training_code.manifest.spec.template.spec.{member}"]
    assert found(manifest, Policy(standard="privileged"))
    assert found(manifest, Policy(service_accounts=(account,))) == []
    assert found(job(container() | {member: "default"})) == []


def test_the_token_of_the_account_of_all_trials_is_not_mounted() -> None:
    asked = container() | {"automountServiceAccountToken": True}
    assert found(job(asked))
    named = asked | {"serviceAccountName": "trainer"}
    assert found(job(named), Policy(service_accounts=("trainer",))) == []


TOKEN = "digits-0a1b2c-7-1"


@pytest.mark.parametrize(
    "pod",
    [
        container(envFrom=[{"secretRef": {"name": TOKEN}}]),
        container(env=[{"name": "T", "valueFrom": {"secretKeyRef": {"name": TOKEN, "key": "k"}}}]),
        container() | {"volumes": [{"name": "t", "secret": {"secretName": TOKEN}}]},
        container()
        | {"volumes": [{"name": "t", "projected": {"sources": [{"secret": {"name": TOKEN}}]}}]},
        container() | {"imagePullSecrets": [{"name": TOKEN}]},
    ],
)
def test_the_secret_of_another_trial_is_refused(pod: Pod) -> None:
    assert found(job(pod))
    assert found(job(pod), Policy(standard="privileged", allow=RULES))
    assert found(job(pod), own=TOKEN) == []


def test_the_short_form_is_held_to_the_same_rules() -> None:
    code = {
        "image": "train:1",
        "volumes": [{"name": "h", "hostPath": {"path": "/"}}],
        "security_context": {"seccompProfile": {"type": "Unconfined"}},
        "service_account": "admin",
        "secrets": {"TOKEN": {"name": TOKEN, "key": "TUNELET_TRIAL_TOKEN"}},
        "env": {"hostNetwork": "true", "serviceAccount": "x"},
        "node_selector": {"namespace": "fast"},
    }
    assert {error.field for error in problems(code, BASELINE)} == {
        "model_training_code.volumes[0].hostPath",
        "model_training_code.security_context.seccompProfile",
        "model_training_code.service_account",
        "model_training_code.secrets",
    }


def test_labels_are_names_of_the_users_own_but_not_of_tunelet() -> None:
    manifest = job(container())
    manifest["metadata"] = {"name": "x", "namespace": "kube-system", "labels": {"hostPID": "no"}}
    assert found(manifest) == []
    manifest["metadata"]["labels"]["tunelet.dev/experiment"] = "another"
    (field,) = found(manifest)
    assert field == "model_training_code.manifest.metadata.labels.tunelet.dev/experiment"


@pytest.mark.parametrize("other", [1, None, True, {"a": "b"}])
def test_labels_of_tunelet_are_refused_beside_values_that_are_no_texts(other: Any) -> None:
    manifest = job(container())
    manifest["metadata"] = {"labels": {"tunelet.dev/run": "another", "other": other}}
    assert found(manifest) == ["model_training_code.manifest.metadata.labels.tunelet.dev/run"]


def test_a_member_that_only_looks_like_labels_is_looked_into() -> None:
    assert found(unknown({"labels": {"pod": container() | {"hostPID": True}}}))
    assert found(unknown({"labels": {"hostPID": True}}))


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "Secret"),
        ("v1", "ServiceAccount"),
        ("v1", "Service"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
    ],
)
def test_a_kind_that_runs_nothing_is_refused(version: str, kind: str) -> None:
    manifest = {"apiVersion": version, "kind": kind, "spec": {}}
    assert found(manifest) == ["model_training_code.manifest.kind"]
    assert found(manifest, Policy(allow=("kind",))) == []


@pytest.mark.parametrize("version", ["v1/namespaces/kube-system/secrets?", "../v1", "a/b/c", ""])
def test_a_version_that_would_be_another_path_of_the_api_is_refused(version: str) -> None:
    manifest = {"apiVersion": version, "kind": "Job", "spec": {}}
    policy = Policy(standard="privileged")
    assert found(manifest, policy) == ["model_training_code.manifest.apiVersion"]


def test_templates_that_no_rule_can_see_are_refused() -> None:
    step = {"name": "main", "podSpecPatch": '{"hostNetwork": true}'}
    assert found(unknown(step))
    assert found(unknown({"resource": {"action": "create", "manifest": "kind: Pod"}}))
    assert found(unknown({"resource": "limits.cpu"})) == []


def test_a_forbidden_apparmor_annotation_is_refused() -> None:
    name = "container.apparmor.security.beta.kubernetes.io/train"
    for value, allowed in (("runtime/default", True), ("localhost/x", True), ("unconfined", False)):
        manifest = job(container())
        manifest["metadata"] = {"annotations": {name: value}}
        assert (found(manifest) == []) is allowed


SAFE = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "capabilities": {"drop": ["ALL"]},
}


@pytest.mark.parametrize(
    "change",
    [
        {"allowPrivilegeEscalation": None},
        {"runAsNonRoot": None},
        {"runAsUser": 0},
        {"seccompProfile": None},
        {"capabilities": {"drop": []}},
        {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}},
    ],
)
def test_restricted_demands_what_baseline_does_not(change: Pod) -> None:
    assert found(job(guarded(**SAFE)), RESTRICTED) == []
    manifest = job(guarded(**SAFE | change))
    assert found(manifest) == []
    assert len(found(manifest, RESTRICTED)) == 1


def test_restricted_has_fewer_kinds_of_volumes() -> None:
    manifest = job(guarded(**SAFE) | {"volumes": [{"name": "n", "nfs": {"server": "x"}}]})
    assert found(manifest) == []
    assert found(manifest, RESTRICTED)
    image: dict[str, Any] = {"image": "train:1", "volumes": [{"name": "n", "nfs": {}}]}
    fields = {error.field for error in problems(image, RESTRICTED)}
    assert fields == {
        "model_training_code.volumes[0].nfs",
        "model_training_code.security_context.runAsNonRoot",
    }
    assert list(problems({"image": COMMAND, "command": ["x"]}, RESTRICTED)) == []


@pytest.mark.parametrize(
    ("image", "allowed"),
    [
        ("ghcr.io/acme/train:1", True),
        ("ghcr.io/acme.evil/train:1", False),
        ("ghcr.io/acme", False),
        ("evil.example/ghcr.io/acme/train", False),
        ("${hyperparameters.image}", False),
    ],
)
def test_images_are_only_those_that_a_pattern_matches(image: str, allowed: bool) -> None:
    policy = Policy(standard="privileged", images=("ghcr.io/acme/*",))
    for code in (
        {"image": image},
        {"manifest": job(container(image=image))},
        {"manifest": unknown({"volumes": [{"name": "m", "image": {"reference": image}}]})},
    ):
        assert (list(problems(code, policy)) == []) is allowed
    assert list(problems({"image": COMMAND, "command": ["x"]}, policy)) == []


def test_a_refusal_names_the_field_as_the_user_wrote_it() -> None:
    code = {"manifest": job(guarded(privileged=True))}
    place = "spec.template.spec.containers[0].securityContext.privileged"
    for bare, inner in ((True, ""), (False, ".manifest")):
        with pytest.raises(Reject) as refusal:
            refuse(code, BASELINE, bare=bare)
        (error,) = refusal.value.errors
        assert error.field == f"model_training_code{inner}.{place}"
        assert error.value is True


def test_no_text_of_the_users_is_repeated_because_it_may_be_secret() -> None:
    pod = container() | {"podSpecPatch": "hunter2", "nodeName": "hunter2", "hostPath": "hunter2"}
    assert len(found(job(pod))) == 3
    assert "hunter2" not in repr(list(problems({"manifest": job(pod)}, BASELINE)))


def test_a_namespace_has_members_of_its_own_and_the_usual_ones() -> None:
    policies = read(
        json.dumps(
            {
                "images": ["ghcr.io/acme/*"],
                "namespaces": {"vision": {"allow": ["hostPath"], "standard": "restricted"}},
            }
        )
    )
    assert policies.of("vision") == Policy("restricted", ("ghcr.io/acme/*",), (), ("hostPath",))
    assert policies.of("speech") == Policy(images=("ghcr.io/acme/*",))
    assert read("{}") == Policies()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "is not a policy"),
        ("[]", "object"),
        ('{"alow": []}', "alow"),
        ('{"standard": "strict"}', "none of baseline, restricted, privileged"),
        ('{"allow": ["hostpath"]}', "none of hostNetwork"),
        ('{"namespaces": {"a": {"allow": ["x"]}}}', "none of hostNetwork"),
        ('{"namespaces": {"a": {"namespaces": {}}}}', "namespaces"),
        ('{"images": "all"}', "images"),
    ],
)
def test_a_policy_that_cannot_be_read_is_refused_and_never_ignored(text: str, what: str) -> None:
    with pytest.raises(Reject, match=what) as refusal:
        read(text)
    assert refusal.value.errors[0].field == "TUNELET_POLICY"

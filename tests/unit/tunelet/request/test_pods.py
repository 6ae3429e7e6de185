"""Fields of a request for its trials' pods and manifests, and refusals at submit."""

from typing import Any

import pytest

from tests.unit.tunelet.request.submitted import SMALLEST, errors, parsed
from tunelet.errors import FieldError

PYTORCH: dict[str, Any] = {
    "apiVersion": "kubeflow.org/v1",
    "kind": "PyTorchJob",
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"name": "pytorch", "args": ["${hyperparameters.learning_rate}"]},
                    {"name": "log", "args": ["${hyperparameters.batch_size}"]},
                ]
            }
        }
    },
}
DRILL: dict[str, Any] = {**PYTORCH, "apiVersion": "example.com/v1", "kind": "Drill"}
CONDITIONS = {"success_condition": "status.ok", "failure_condition": "status.bad"}


def refused(**code: Any) -> list[FieldError]:
    return errors({**SMALLEST, "model_training_code": code})


def of_image(**fields: Any) -> list[FieldError]:
    return refused(image="train:1", **fields)


def test_fields_for_kubernetes_are_in_the_log_only_if_given() -> None:
    given = {
        "image": "train:1",
        "nodes": 4,
        "node_selector": {"pool": "gpu"},
        "volumes": [{"name": "data", "emptyDir": {}}],
        "volume_mounts": [{"name": "data", "mountPath": "/data"}],
        "secrets": {"KEY": {"name": "keys", "key": "api"}},
        "env_from": [{"secretRef": {"name": "all"}}],
    }
    spec = parsed({**SMALLEST, "model_training_code": given})
    code = spec["model_training_code"]
    assert {name: code[name] for name in given} == given
    assert "tolerations" not in code
    assert parsed(spec) == spec


@pytest.mark.parametrize(
    ("fields", "where", "what"),
    [
        ({"nodes": 0}, "nodes", "at least 1"),
        ({"image_pull_policy": "Sometimes"}, "image_pull_policy", "Always"),
        ({"service_account": "No Such"}, "service_account", "Kubernetes object"),
        ({"bad_exit_codes": [0]}, "bad_exit_codes[0]", "at least 1"),
        ({"volume_mounts": [{"name": "x", "mountPath": "/x"}]}, "volume_mounts[0].name", "volume"),
        ({"volume_mounts": [{"name": "x", "mountPath": "x"}]}, "volume_mounts[0].mountPath", "abs"),
        ({"volumes": [{"name": "a"}]}, "volumes[0]", "one source"),
        ({"volumes": [{"emptyDir": {}}]}, "volumes[0]", "no name"),
        ({"volumes": [{"name": "tunelet-a", "emptyDir": {}}]}, "volumes[0]", "tunelet-"),
        ({"volumes": 2 * [{"name": "a", "emptyDir": {}}]}, "volumes[1]", "another volume"),
        ({"env_from": [{"prefix": "A"}]}, "env_from[0]", "one of"),
        ({"secrets": {"TUNELET_A": {"name": "a", "key": "b"}}}, "secrets.TUNELET_A", "itself"),
        ({"secrets": {"A": {"name": "a"}}}, "secrets.A.key", "missing"),
        (
            {"secrets": {"A": {"name": "a", "key": "b"}}, "env": {"A": "1"}},
            "secrets.A",
            "in env",
        ),
        ({"tolerations": [{"keys": "a"}]}, "tolerations[0].keys", "no field|not a field"),
    ],
)
def test_a_mistake_in_the_pod_is_named(fields: dict[str, Any], where: str, what: str) -> None:
    (error,) = of_image(**fields)
    assert error.field == f"model_training_code.{where}"
    assert any(each in error.message for each in what.split("|")), error


def test_a_manifest_that_names_some_hyperparameters_must_name_all() -> None:
    written = {
        **PYTORCH,
        "spec": {"container": {"image": "i", "args": ["${hyperparameters.batch_size}"]}},
    }
    (error,) = refused(manifest=written)
    assert error.value == "${hyperparameters.learning_rate}"
    assert "'learning_rate'" in error.message


def test_a_placeholder_without_a_hyperparameter_is_refused_by_name() -> None:
    written = {**PYTORCH, "spec": {"a": "${hyperparameters.rate}"}}
    (error,) = refused(manifest=written)
    assert error.value == "${hyperparameters.rate}"


def test_a_manifest_that_names_none_gets_arguments_if_it_has_a_container() -> None:
    one = {"template": {"spec": {"containers": [{"name": "pytorch"}]}}}
    assert parsed({**SMALLEST, "model_training_code": {"manifest": {**PYTORCH, "spec": one}}})
    (error,) = refused(manifest={**PYTORCH, "spec": {}})
    assert "no container" in error.message


def test_the_container_that_trains_must_be_named_where_it_cannot_be_known() -> None:
    assert parsed({**SMALLEST, "model_training_code": {"manifest": PYTORCH}})
    (error,) = refused(manifest=DRILL, **CONDITIONS)
    assert error.field == "model_training_code.primary_container"
    assert '"log", "pytorch"' in error.remedy
    (error,) = refused(manifest=DRILL, primary_container="train", **CONDITIONS)
    assert "not a container of the manifest" in error.message
    code = {"manifest": DRILL, "primary_container": "log", **CONDITIONS}
    assert parsed({**SMALLEST, "model_training_code": code})["model_training_code"] == code


def test_an_unknown_kind_needs_conditions_and_all_conditions_must_be_valid() -> None:
    found = refused(manifest=DRILL, primary_container="log")
    assert [error.field.rpartition(".")[2] for error in found] == list(CONDITIONS)
    (error,) = refused(manifest=PYTORCH, success_condition="status phase")
    assert error.field == "model_training_code.success_condition"

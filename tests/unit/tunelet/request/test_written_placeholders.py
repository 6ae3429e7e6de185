"""Placeholders that mean nothing are refused at submit; the shell's own variables stay."""

from typing import Any

import pytest

from algorithms import load_catalog
from tunelet.errors import FieldError, Reject
from tunelet.request.spec import parse

LR = {"lr": {"type": "float", "min": 0, "max": 1}}
BOTH = {**LR, "batch-size": {"type": "int", "min": 1, "max": 64}}


def errors(code: Any, space: dict[str, Any] | None = None) -> list[FieldError]:
    request = {
        "model_training_code": code,
        "hyperparameters": space or LR,
        "hpo_algorithm": "random_search",
    }
    try:
        parse(request, load_catalog())
    except Reject as refusal:
        return list(refusal.errors)
    return []


def job(**container: Any) -> dict[str, Any]:
    inside = {"name": "train", "image": "t", **container}
    template = {"spec": {"containers": [inside]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": template}}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${trialParameters.learningRate}", "${hyperparameters.lr}"),
        ("${trialParameters.lr}", "${hyperparameters.lr}"),
        ("${hyperparameter.lr}", "${hyperparameters.lr}"),
        ("${hyperparams.lr}", "${hyperparameters.lr}"),
        ("${hparams.lr}", "${hyperparameters.lr}"),
        ("${params.lr}", "${hyperparameters.lr}"),
        ("${trial.parameters.lr}", "${hyperparameters.lr}"),
        ("${Hyperparameters.LR}", "${hyperparameters.lr}"),
        ("${ hyperparameters.lr }", "${hyperparameters.lr}"),
        ("${hyperparameters.lr_}", "${hyperparameters.lr}"),
        ("${hyperparameters.lr", "${hyperparameters.lr}"),
        ("${hyperparameters[lr]}", "${hyperparameters.lr}"),
        ("{{hyperparameters.lr}}", "${hyperparameters.lr}"),
        ("{{ trialParameters.lr }}", "${hyperparameters.lr}"),
        ("{hyperparameters.lr}", "${hyperparameters.lr}"),
        ("$(hyperparameters.lr)", "${hyperparameters.lr}"),
        ("$hyperparameters.lr", "${hyperparameters.lr}"),
        ("${lr}", "${hyperparameters.lr}"),
        ("$(lr)", "${hyperparameters.lr}"),
        ("{{lr}}", "${hyperparameters.lr}"),
        ("{lr}", "${hyperparameters.lr}"),
        ("${trialSpec.Name}", "${trial.name}"),
        ("${trialSpec.Namespace}", "${experiment.namespace}"),
        ("${trial.nummer}", "${trial.number}"),
        ("${experiment.Name}", "${experiment.name}"),
        ("${checkpoint.uri}", "${checkpoint.url}"),
    ],
)
def test_a_placeholder_that_means_nothing_is_refused_with_the_one_that_was_meant(
    written: str, meant: str
) -> None:
    (error,) = errors({"image": "t", "args": ["--lr=" + written]})
    assert error.field == "model_training_code.args[0]"
    assert error.message == "means nothing"
    assert error.remedy.startswith(f"did you mean {meant}?")


def test_without_a_similar_one_all_placeholders_are_named() -> None:
    (error,) = errors({"image": "t", "args": ["${trialSpec.Labels[custom-key]}"]}, BOTH)
    assert (error.value, error.message) == ("${trialSpec.Labels[custom-key]}", "means nothing")
    assert "${hyperparameters.batch-size}" in error.remedy
    assert "${trial.number}" in error.remedy


def test_the_right_one_of_several_hyperparameters_is_named() -> None:
    args = ["--a=${trialParameters.batchSize}", "--b=${trialParameters.learningRate}"]
    first, second = errors({"image": "t", "args": args}, BOTH)
    assert first.remedy.startswith("did you mean ${hyperparameters.batch-size}?")
    assert second.remedy.startswith("did you mean ${hyperparameters.lr}?")


@pytest.mark.parametrize(
    ("code", "field"),
    [
        ({"image": "t:${trialSpec.Name}"}, "image"),
        ({"image": "t", "command": ["run", "${trialSpec.Name}"]}, "command[1]"),
        ({"image": "t", "env": {"A": "x ${trialParameters.lr} y"}}, "env.A"),
        ({"image": "t", "args": ["-c", "train --lr ${trialParameters.lr}"]}, "args[1]"),
        (
            job(args=["--lr=${hyperparameters.lr}", "${trialSpec.Name}"]),
            "spec.template.spec.containers[0].args[1]",
        ),
        (
            {"manifest": {**job(), "metadata": {"annotations": {"a": "${trialParameters.lr}"}}}},
            "manifest.metadata.annotations.a",
        ),
        (
            {**job(), "metadata": {"labels": {"${hyperparameters.lr}": "a"}}},
            "metadata.labels.${hyperparameters.lr}",
        ),
        (
            {**job(), "metadata": {"annotations": {"app.properties": "url=${spring.ds.url}\nb=1"}}},
            "metadata.annotations.app.properties",
        ),
    ],
)
def test_placeholders_are_found_in_every_part_of_the_training_code(code: Any, field: str) -> None:
    (error,) = errors(code)
    assert error.field == f"model_training_code.{field}"


def test_a_placeholder_in_a_name_is_refused_because_names_are_not_filled() -> None:
    (error,) = errors({**job(), "metadata": {"labels": {"${hyperparameters.lr}": "a"}}})
    assert "is filled in values only" in error.message


@pytest.mark.parametrize(
    "text",
    [
        "${HOME}/data",
        "${VAR:-default}",
        "${VAR:-a.b}",
        "${VAR%.*}",
        "${VAR##*.}",
        "${VAR/.tar.gz/}",
        "${arr[0]}",
        "${#arr[@]}",
        "${!name}",
        "$1 $$ $(date +%s) $((1 + 2))",
        "for f in *.txt; do echo ${f%.txt}; done",
        "print(f'{hyperparameters.lr} {x.y}')",
        "{{inputs.parameters.epochs}}",
        "{{workflow.name}}",
        "$(params.lr)",
        "--format={json.dumps}",
        "--map={a: 1}",
    ],
)
def test_text_for_the_shell_or_another_tool_is_not_changed(text: str) -> None:
    assert errors({"image": "t", "args": ["-c", text]}) == []
    assert errors({"image": "t", "args": [text]}) == []
    assert errors(job(args=["--lr=${hyperparameters.lr}", text])) == []


def test_a_script_for_the_shell_may_use_variables_with_hyperparameters_names() -> None:
    command = ["bash", "-ec", "${lr}"]
    assert errors({"image": "t", "command": command, "args": ["$(lr)"]}) != []
    assert errors({"image": "t", "command": command}) == []
    assert errors({"image": "t", "command": ["sh", "-c"], "args": ["echo $lr ${lr}"]}) == []
    assert errors({"image": "t", "args": ["${lr}"], "env": {"lr": "1"}}) == []


def test_a_doubled_dollar_sign_keeps_the_text() -> None:
    data = {**job(), "metadata": {"annotations": {"logback": "<dir>$${log.dir}</dir>"}}}
    assert errors(data) == []
    assert errors({"image": "t", "args": ["$${trialParameters.lr}", "$${hyperparameters.x}"]}) == []


def test_text_of_another_program_is_refused_with_the_way_to_keep_it() -> None:
    annotations = {"a": "url=${spring.datasource.password:s3cret}"}
    (error,) = errors({**job(), "metadata": {"annotations": annotations}})
    assert error.message == "means nothing"
    assert "write $${spring.datasource.password" in error.remedy
    assert "s3cret" not in f"{error}"


@pytest.mark.parametrize(
    ("macro", "remedy"),
    [
        ("${args}", "leave it out"),
        ("${args_no_hyphens}", "leave it out"),
        ("${args_no_boolean_flags}", '"flag": true'),
        ("${args_json}", "TUNELET_HYPERPARAMETERS"),
        ("${program}", "train.py"),
        ("${interpreter}", "python"),
        ("${env}", "leave it out"),
    ],
)
def test_macros_of_wandb_are_refused_with_their_replacement(macro: str, remedy: str) -> None:
    (error,) = errors({"image": "t", "command": ["python", macro]})
    assert (error.field, error.value) == ("model_training_code.command[1]", macro)
    assert remedy in error.remedy
    assert errors({"image": "t", "command": ["sh", "-c", f"train {macro}"]}) == []


def test_a_variable_as_kubernetes_writes_it_is_refused_where_it_is_not_filled() -> None:
    code = {"image": "t", "args": ["--data=$(DATA)", "$(TUNELET_TRIAL)"], "env": {"DATA": "/d"}}
    found = errors(code)
    assert [error.field.rpartition(".")[2] for error in found] == ["args[0]", "args[1]"]
    assert all("sh" in error.remedy for error in found)
    manifest = job(args=["--lr=${hyperparameters.lr}", "$(DATA)"], env=[{"name": "DATA"}])
    assert errors(manifest) == []


def test_a_conditional_flag_may_be_a_whole_argument_but_no_part_of_one() -> None:
    flag = {"type": "categorical", "choices": [True, False], "flag": True, "when": {"net": "b"}}
    space = {"net": {"type": "categorical", "choices": ["a", "b"]}, "amp": flag}
    assert errors({"image": "t", "args": ["${hyperparameters.amp}"]}, space) == []
    (error,) = errors({"image": "t", "args": ["--amp=${hyperparameters.amp}"]}, space)
    assert "conditional" in error.message

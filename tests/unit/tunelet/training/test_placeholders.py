"""The inputs of training code: arguments, environment, placeholders, manifests."""

import json
from typing import Any

import pytest

from tunelet.core.run import Launch, Run
from tunelet.core.spec import Spec
from tunelet.core.trial import Assignment
from tunelet.errors import Reject
from tunelet.training import placeholders

RUN = Run("default", "digits", "0123456789", 7, 2)
SPACE: Assignment = {"lr": 1e-05, "layers": 3, "relu": True, "seed": None, "name": "a b"}


def spec(code: dict[str, Any], hyperparameters: Assignment = SPACE) -> Spec:
    fields = {
        "model_training_code": code,
        "hyperparameters": {name: {} for name in hyperparameters},
        "objectives": [{"metric": "loss"}, {"metric": "latency"}],
        "constraints": [{"metric": "size", "max": 10}],
        "metrics": {"source": "stdout", "format": "text", "step": "step"},
        "trial_timeout_seconds": 60,
    }
    return Spec(fields)


def resolve(code: dict[str, Any], hyperparameters: Assignment = SPACE) -> Launch:
    return placeholders.resolve(
        spec(code),
        RUN,
        hyperparameters,
        api_url="http://localhost:8080",
        token="secret",
        checkpoint_url="file:///c/7",
    )


def test_hyperparameters_are_appended_as_arguments() -> None:
    launch = resolve({"image": "i", "command": ["python"], "args": ["train.py"]})
    assert launch.command == ("python",)
    assert launch.args == (
        "train.py", "--lr=1e-05", "--layers=3", "--relu=true", "--seed=null", "--name=a b",
    )  # fmt: skip


def test_only_active_hyperparameters_are_passed() -> None:
    assert resolve({"image": "i"}, {"layers": 3}).args == ("--layers=3",)


def test_the_environment_names_the_run() -> None:
    env = resolve({"image": "i", "env": {"A": "1", "TUNELET_TRIAL": "forged"}}).env
    assert json.loads(env.pop("TUNELET_HYPERPARAMETERS")) == SPACE
    assert env == {
        "A": "1",
        "TUNELET_EXPERIMENT": "digits",
        "TUNELET_NAMESPACE": "default",
        "TUNELET_TRIAL": "7",
        "TUNELET_ATTEMPT": "2",
        "TUNELET_CHECKPOINT_URL": "file:///c/7",
        "TUNELET_CHECKPOINT_DIR": "/c/7",
        "TUNELET_API_URL": "http://localhost:8080",
        "TUNELET_TRIAL_TOKEN": "secret",
        "TUNELET_STOP_FILE": "/var/run/tunelet/stop",
    }


def test_a_hyperparameter_placeholder_takes_the_place_of_the_arguments() -> None:
    launch = resolve({"image": "i", "env": {"LR": "x${hyperparameters.lr}"}, "args": ["go"]})
    assert launch.env["LR"] == "x1e-05"
    assert launch.args == ("go",)


def test_other_placeholders_leave_the_arguments_appended() -> None:
    launch = resolve(
        {
            "image": "i",
            "command": ["${experiment.namespace}/${experiment.name}"],
            "args": ["${trial.number}.${trial.attempt}", "${trial.name}", "${checkpoint.url}/x"],
        }
    )
    assert launch.command == ("default/digits",)
    assert launch.args[:3] == ("7.2", RUN.name, "file:///c/7/x")
    assert len(launch.args) == 3 + len(SPACE)


def test_an_inactive_hyperparameter_is_empty() -> None:
    launch = resolve({"image": "i", "args": ["--lr=${hyperparameters.lr}"]}, {"layers": 3})
    assert launch.args == ("--lr=",)


def test_the_shells_own_variables_stay() -> None:
    args = ["-c", 'echo "${HOME}" $1 ${HOME:-x.y} $${a}']
    assert list(resolve({"image": "i", "args": args}).args[:2]) == args


def test_a_doubled_dollar_sign_keeps_a_text_that_looks_like_a_placeholder() -> None:
    written = "$${log.dir}/$${hyperparameters.lr}/${hyperparameters.lr} $$HOME $${HOME}"
    launch = resolve({"image": "i", "args": [written]})
    assert launch.args == ("${log.dir}/${hyperparameters.lr}/1e-05 $$HOME $${HOME}",)


def test_a_spec_of_older_code_keeps_text_that_is_refused_today() -> None:
    launch = resolve({"image": "i", "args": ["${trialParameters.lr}", "${spring.url}"]})
    assert launch.args[:2] == ("${trialParameters.lr}", "${spring.url}")


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    launch = resolve(
        {"image": "i", "args": ["${hyperparameters.name}"]}, {"name": "${trial.number}"}
    )
    assert launch.args == ("${trial.number}",)


def test_manifests_are_filled_at_any_depth_and_keep_numbers_as_numbers() -> None:
    container = {
        "args": ["--n", "${hyperparameters.layers}"],
        "env": [{"name": "N", "value": "${hyperparameters.layers}"}],
    }
    manifest = {
        "kind": "Job",
        "metadata": {"name": "j-${trial.number}", "labels": {"n": "${hyperparameters.layers}"}},
        "spec": {"parallelism": "${hyperparameters.layers}", "containers": [container]},
    }
    launch = resolve({"manifest": manifest})
    assert launch.code["manifest"] == {
        "kind": "Job",
        "metadata": {"name": "j-7", "labels": {"n": "3"}},
        "spec": {
            "parallelism": 3,
            "containers": [{"args": ["--n", "3"], "env": [{"name": "N", "value": "3"}]}],
        },
    }
    assert launch.args == ()


def test_a_manifest_without_placeholders_gets_arguments() -> None:
    assert "--layers=3" in resolve({"manifest": {"kind": "Job"}}).args


def test_every_unknown_placeholder_is_refused_with_its_place() -> None:
    code = {"image": "i", "args": ["ok", "${hyperparameters.lrr}"], "env": {"A": "${trial.x}"}}
    with pytest.raises(Reject) as caught:
        resolve(code)
    assert [(e.field, e.value) for e in caught.value.errors] == [
        ("model_training_code.args[1]", "${hyperparameters.lrr}"),
        ("model_training_code.env.A", "${trial.x}"),
    ]
    assert "${hyperparameters.lr}" in caught.value.errors[0].remedy


AMP = {"type": "categorical", "choices": [True, False], "flag": True}
PRECISION = {"type": "categorical", "choices": [None, "fp16", "bf16"], "flag": True}
OPTION = {"type": "categorical", "choices": ["--amp", ""]}
SUFFIX = {"type": "categorical", "choices": ["", "_v2"]}


def formed(
    forms: dict[str, dict[str, Any]], hyperparameters: Assignment, code: dict[str, Any]
) -> Launch:
    """The inputs of a run with hyperparameters of these forms."""
    given = Spec({**spec(code).json, "hyperparameters": forms})
    return placeholders.resolve(
        given, RUN, hyperparameters, api_url="http://a", token="t", checkpoint_url="file:///c"
    )


@pytest.mark.parametrize(
    ("form", "value", "args"),
    [
        (AMP, True, ("--amp",)),
        (AMP, False, ()),
        (PRECISION, None, ()),
        (PRECISION, "fp16", ("--amp=fp16",)),
        ({**AMP, "choices": [{"value": True, "weight": 1.0}]}, True, ("--amp",)),
        ({"type": "categorical", "choices": [True, False]}, False, ("--amp=false",)),
    ],
)
def test_a_flag_is_given_or_left_out(form: Any, value: Any, args: tuple[str, ...]) -> None:
    launch = formed({"amp": form}, {"amp": value}, {"image": "i"})
    assert launch.args == args
    assert json.loads(launch.env["TUNELET_HYPERPARAMETERS"]) == {"amp": value}


@pytest.mark.parametrize(
    ("form", "value", "args"),
    [
        (AMP, True, ("go", "--amp", "end")),
        (AMP, False, ("go", "end")),
        (PRECISION, "fp16", ("go", "fp16", "end")),
        (PRECISION, None, ("go", "end")),
        (OPTION, "--amp", ("go", "--amp", "end")),
        (OPTION, "", ("go", "end")),
        ({**OPTION, "choices": [{"value": "-a"}, {"value": ""}]}, "", ("go", "end")),
        (SUFFIX, "", ("go", "", "end")),
    ],
)
def test_an_argument_of_one_placeholder_is_left_out_for_an_absent_flag(
    form: Any, value: Any, args: tuple[str, ...]
) -> None:
    written = ["go", "${hyperparameters.amp}", "end"]
    assert formed({"amp": form}, {"amp": value}, {"image": "i", "args": written}).args == args
    command = formed({"amp": form}, {"amp": value}, {"image": "i", "command": written}).command
    assert command == args
    container = {"command": written, "args": written}
    manifest = formed({"amp": form}, {"amp": value}, {"manifest": {"spec": [container]}})
    assert manifest.code["manifest"]["spec"] == [{"command": list(args), "args": list(args)}]


def test_a_flag_that_is_not_active_is_left_out() -> None:
    assert formed({"amp": AMP}, {}, {"image": "i", "args": ["${hyperparameters.amp}"]}).args == ()


def test_within_a_text_a_flag_is_its_value() -> None:
    code = {
        "image": "i",
        "args": ["--amp=${hyperparameters.amp}"],
        "env": {"AMP": "${hyperparameters.amp}"},
    }
    launch = formed({"amp": AMP}, {"amp": False}, code)
    assert (launch.args, launch.env["AMP"]) == (("--amp=false",), "false")


@pytest.mark.parametrize(
    ("form", "value", "given"),
    [
        ({"type": "quantized", "min": 10.0, "max": 100.0, "step": 1.0}, 18.0, 18),
        ({"type": "quantized", "min": -9.0, "max": 9.0, "step": 3.0}, -0.0, 0),
        ({"type": "normal", "mean": 0.0, "std": 9.0, "step": 2.0}, -4.0, -4),
        ({"type": "lognormal", "mean": 0.0, "std": 9.0, "step": 1.0}, 7.0, 7),
        ({"type": "float", "min": 0.0, "max": 9.0, "step": 3.0}, 6.0, 6),
        ({"type": "float", "min": 0.5, "max": 9.5, "step": 0.5}, 6.0, 6.0),
        ({"type": "quantized", "min": 0.0, "max": 9.0, "step": 0.5}, 2.0, 2.0),
        ({"type": "quantized", "min": 0.0, "max": 1e300, "step": 1e299}, 1e299, 1e299),
        ({"type": "float", "min": 0.0, "max": 9.0}, 2.0, 2.0),
    ],
)
def test_the_training_gets_integers_if_every_value_is_whole(
    form: Any, value: float, given: float
) -> None:
    written = json.dumps(given)
    code = {"image": "i", "args": ["--n=${hyperparameters.n}"]}
    assert formed({"n": form}, {"n": value}, code).args == (f"--n={written}",)
    launch = formed({"n": form}, {"n": value}, {"image": "i"})
    assert launch.args == (f"--n={written}",)
    assert launch.env["TUNELET_HYPERPARAMETERS"] == f'{{"n":{written}}}'
    manifest = formed({"n": form}, {"n": value}, {"manifest": {"spec": "${hyperparameters.n}"}})
    assert json.dumps(manifest.code["manifest"]["spec"]) == written


def test_the_launcher_gets_the_metrics_and_the_time_out() -> None:
    launch = resolve({"image": "i", "resources": {"limits": {"cpu": 1}}, "env": {"A": "1"}})
    assert launch.metrics.objectives == ("loss", "latency")
    assert launch.metrics.constraints == ("size",)
    assert launch.metrics.source == "stdout"
    assert launch.timeout == 60
    assert launch.code == {"image": "i", "resources": {"limits": {"cpu": 1}}}


@pytest.mark.parametrize(
    ("url", "folder"),
    [("file:///my%20data/c%C3%A9/7", "/my data/cé/7"), ("s3://bucket/c/7", None)],
)
def test_a_checkpoint_folder_of_this_machine_is_also_given_as_a_path(
    url: str, folder: str | None
) -> None:
    launch = placeholders.resolve(
        spec({"image": "i"}), RUN, SPACE, api_url="", token="", checkpoint_url=url
    )
    assert launch.env.get("TUNELET_CHECKPOINT_DIR") == folder

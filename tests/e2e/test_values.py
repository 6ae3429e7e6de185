"""The output of trainings through `tunelet up`: values, steps and reasons as users see them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

SPACE = {"x": {"type": "float", "min": 0, "max": 1}}


def test_values_are_read_as_trainings_print_them_and_reasons_say_why_not(
    up: Callable[..., Any], tmp_path: Path, wait: Callable[[Callable[[], object]], None]
) -> None:
    outputs: dict[str, tuple[str, dict[str, Any]]] = {
        "comma": ("objective=0,35", {}),
        "name": ("recall@10=0.31 ndcg@10=0.22", {"objective": {"metric": "ndcg@10"}}),
        "stretches": (
            "".join(f"epoch={e} step={s} loss={e}.{s}\n" for e in (1, 2) for s in (1, 2, 3)),
            {"objective": {"metric": "loss"}},
        ),
        "percent": ("accuracy=93.5%", {"objective": {"metric": "accuracy"}}),
        "bare": ("0.93", {"metrics": {"pattern": "^(?P<value>[0-9.]+)$"}}),
        "named": ("L[0.93]", {"metrics": {"pattern": {"objective": "L.(.+)]"}}}),
        "nested": ('{"eval": {"loss": 0.2}}', {
            "objective": {"metric": "eval.loss"}, "metrics": {"format": "json"},
        }),
    }  # fmt: skip
    aliases = []
    for name, (text, _) in outputs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / f"{name}.sh").write_text(f"cat {tmp_path / name}")
        aliases += ["--alias", f"{name}=sh {tmp_path / name}.sh"]
    client = up(*aliases).client
    for name, (_, more) in outputs.items():
        request = {"name": name, "model_training_code": name, "hyperparameters": SPACE}
        client.submit({**request, "hpo_algorithm": "random_search", "max_trials": 1, **more})
    wait(lambda: all(client.experiment(name).ended for name in outputs))
    trials = {name: next(iter(client.trials(name))) for name in outputs}

    assert trials["name"]["values"]["ndcg@10"] == 0.22
    assert trials["bare"]["values"] == trials["named"]["values"] == {"objective": 0.93}
    assert trials["nested"]["values"] == {"eval.loss": 0.2}
    whole = client.trial("stretches", 0)
    assert [report["step"] for report in whole["reports"]] == [1, 2, 3, 4, 5, 6]
    assert trials["stretches"]["values"]["loss"] == 2.3
    for name, why in (("comma", "a number has no comma"), ("percent", "a percent sign follows")):
        assert trials[name]["state"] == "FAIL"
        assert outputs[name][0] in trials[name]["reason"]
        assert why in trials[name]["reason"]
    assert r"accuracy=(?P<value>[-+.\\de]+|[-+]?(?i:nan|inf\\w*))%" in trials["percent"]["reason"]

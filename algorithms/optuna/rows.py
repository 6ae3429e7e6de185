"""Optuna's samplers."""

from collections.abc import Mapping
from typing import Any

from algorithms.row import Row, Setting
from tunelet.errors import FieldError
from tunelet.ports import Demands


def _group_alone(settings: Mapping[str, Any], _demands: Demands) -> list[FieldError]:
    if not settings.get("group") or settings.get("multivariate") is not False:
        return []
    message, remedy = "needs multivariate", "leave multivariate out or set it to true"
    return [FieldError("hpo_algorithm.settings.group", True, message, remedy)]


ROWS = (
    Row(
        "tpe",
        "Tree-structured Parzen estimator (Optuna's TPESampler)",
        "algorithms.optuna.tpe:TreeParzen",
        (
            Setting(
                "n_startup_trials",
                "integer",
                10,
                minimum=0,
                summary="trials that are drawn at random before the model is asked",
            ),
            Setting(
                "n_ei_candidates",
                "integer",
                24,
                minimum=1,
                summary="candidates of which the most promising is suggested",
            ),
            Setting(
                "multivariate",
                "boolean",
                None,
                nullable=True,
                summary="model hyperparameters jointly; null: if there is one objective",
            ),
            Setting(
                "group",
                "boolean",
                None,
                nullable=True,
                summary="model each branch of a conditional space jointly; "
                "null: if there are conditions, one objective and multivariate is not false",
            ),
            Setting(
                "constant_liar",
                "boolean",
                True,
                summary="keep away from trials that still run",
            ),
        ),
        libraries=("optuna",),
        extra="up",
        check=_group_alone,
    ),
)

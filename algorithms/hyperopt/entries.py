"""The entries of Hyperopt's algorithms: under short names, and under Hyperopt's own."""

import math
from collections.abc import Mapping
from typing import Any

from algorithms.catalog.entry import Entry, Setting, is_number
from tunelet.core.problem import Demands
from tunelet.errors import FieldError
from tunelet.text.messages import shown

_TPE = (
    Setting(
        "prior_weight",
        "number",
        1.0,
        minimum=0,
        summary="the weight of the prior relative to a trial",
    ),
    Setting(
        "n_startup_jobs", "integer", 20, minimum=0, summary="trials that are drawn at random first"
    ),
    Setting(
        "n_EI_candidates",
        "integer",
        24,
        minimum=1,
        summary="candidates, of which the best is suggested",
    ),
    Setting("gamma", "number", 0.25, minimum=0, summary="the share of trials that count as good"),
)
_ANNEAL = (
    Setting(
        "avg_best_idx",
        "number",
        2.0,
        minimum=1,
        summary="mean rank of the trial from which the next one starts",
    ),
    Setting(
        "shrink_coef",
        "number",
        0.1,
        minimum=0,
        summary="how fast the neighbourhood of the best trial shrinks",
    ),
)
_MIX = (
    Setting(
        "p_suggest",
        "array",
        None,
        required=True,
        summary='pairs of a probability and one of "tpe", "rand", "anneal"',
    ),
)


_MIXED = ("anneal", "rand", "tpe")


def _shares(settings: Mapping[str, Any], _demands: Demands) -> list[FieldError]:
    """Faults of pairs of a probability and a name: the probabilities must add up to 1."""
    given, field = settings["p_suggest"], "hpo_algorithm.settings.p_suggest"
    remedy = 'write [[0.2, "rand"], [0.8, "tpe"]], for example'
    errors = [
        FieldError(f"{field}[{place}]", shown(each), "is not a probability and a name", remedy)
        for place, each in enumerate(given)
        if not (isinstance(each, list) and len(each) == 2)
        or not (is_number(each[0]) and 0 <= each[0] <= 1 and each[1] in _MIXED)
    ]
    if errors or math.isclose(math.fsum(each[0] for each in given), 1.0, abs_tol=1e-8):
        return errors
    return [FieldError(field, shown(given), "has probabilities that do not add up to 1", remedy)]


def _row(name: str, summary: str, module: str, *settings: Setting, **more: Any) -> Entry:
    return Entry(
        name,
        summary,
        "algorithms.hyperopt.search:Hyperopt",
        settings,
        libraries=("hyperopt", *more.pop("libraries", ())),
        extra=more.pop("extra", "hyperopt"),
        objectives=1,
        bind=(("module", module),),
        **more,
    )


_ATPE: dict[str, Any] = {"libraries": ("lightgbm", "sklearn"), "extra": "atpe"}

ROWS = (
    _row("anneal", "Simulated annealing (Hyperopt's anneal)", "anneal", *_ANNEAL),
    _row("adaptive_tpe", "TPE that sets its own parameters (Hyperopt's atpe)", "atpe", **_ATPE),
    _row("hyperopt.anneal", "Simulated annealing", "anneal", *_ANNEAL),
    _row("hyperopt.atpe", "TPE that sets its own parameters", "atpe", **_ATPE),
    _row("hyperopt.mix", "Each trial from one of several algorithms", "mix", *_MIX, check=_shares),
    _row("hyperopt.rand", "Independent draws", "rand", warm_start=False),
    _row("hyperopt.tpe", "Tree-structured Parzen estimator", "tpe", *_TPE),
)

"""Conditions on Kubernetes objects, as Katib's users write them."""

from typing import Any

import pytest

from tunelet.errors import Reject
from tunelet.request.criteria import criterion

JOB: dict[str, Any] = {
    "status": {
        "phase": "Succeeded",
        "succeeded": 2,
        "conditions": [
            {"type": "Suspended", "status": "False"},
            {"type": "Complete", "status": "True"},
        ],
    },
}


@pytest.mark.parametrize(
    "text",
    [
        'status.conditions.#(type=="Complete")#|#(status=="True")#',
        'status.conditions.#(type=="Complete")#.#(status=="True")#',
        'status.[@this].#(phase=="Succeeded")#',
        'status.conditions.#(type=="Complete").status=="True"',
        'status.phase=="Succeeded"',
        'status.phase!="Failed"',
        "status.succeeded==2",
        "status.succeeded",
        "status.conditions.1.status",
    ],
)
def test_conditions_that_hold(text: str) -> None:
    assert criterion(text).holds(JOB)


@pytest.mark.parametrize(
    "text",
    [
        'status.conditions.#(type=="Suspended")#|#(status=="True")#',
        'status.conditions.#(type=="Failed")#|#(status=="True")#',
        'status.[@this].#(phase=="Failed")#',
        'status.phase=="Failed"',
        "status.failed",
        'status.phase.more=="x"',
        "status.conditions.7.status",
        'spec.phase=="Succeeded"',
    ],
)
def test_conditions_that_do_not_hold(text: str) -> None:
    assert not criterion(text).holds(JOB)
    assert not criterion(text).holds({})


@pytest.mark.parametrize(
    "text", ["", "status.", "a b", 'status.#(type="x")#', "status|@values", "a==b"]
)
def test_unreadable_text_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(Reject, match="character") as refused:
        criterion(text, "success_condition")
    assert refused.value.errors[0].field == "success_condition"

"""Every request that is accepted becomes an object, or is refused with a reason.

Any other error would be tried again at each sweep, for ever, and no user would see why.
"""

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.launchers.kubernetes import manifest
from adapters.launchers.kubernetes.manifest import Place
from algorithms import load_catalog
from tests.unit.functions.api.test_any_request import EXTREMES, places
from tests.unit.tunelet.request.submitted import FULL, SMALLEST
from tests.unit.tunelet.request.test_admission import KINDS, container
from tunelet.core.run import Run
from tunelet.core.spec import Spec
from tunelet.errors import Reject
from tunelet.request.admission import refuse
from tunelet.request.policy import Policy
from tunelet.request.spec import parse
from tunelet.training.placeholders import resolve

Json = dict[str, Any]

RUN = Run("team", "e", "0123456789abcdef", 0, 1)
CONDITIONS = {"success_condition": "status.ok", "failure_condition": "status.bad"}
POD = {
    **container(env=[{"name": "A", "value": "b"}], args=["x"], resources={}),
    "initContainers": [{"name": "i", "image": "x"}],
    "volumes": [{"name": "v", "emptyDir": {}}],
}


def manifests() -> list[Json]:
    metadata = {"labels": {"a": "b"}, "annotations": {"c": "d"}}
    return [{**kind(copy.deepcopy(POD)), "metadata": metadata} for kind in KINDS]


@st.composite
def codes(draw: st.DrawFn) -> Any:
    wrapped = {"manifest": draw(st.sampled_from(manifests())), **CONDITIONS}
    code: Json = copy.deepcopy(draw(st.sampled_from([wrapped, FULL["model_training_code"]])))
    for _ in range(draw(st.integers(1, 3))):
        where = draw(st.sampled_from(list(places(code))))
        inner: Any = code
        for key in where[:-1]:
            inner = inner[key]
        inner[where[-1]] = copy.deepcopy(draw(st.sampled_from(EXTREMES)))
    return code


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(codes(), st.sampled_from([0.5, "text", True, -1]))
def test_an_accepted_request_becomes_an_object_or_is_refused(code: Any, value: Any) -> None:
    space = {name: {"type": "categorical", "choices": [value]} for name in ("x", "model")}
    request = {**SMALLEST, "hyperparameters": space, "model_training_code": code}
    try:
        spec = parse(request, load_catalog())
        refuse(spec["model_training_code"], Policy())
        launch = resolve(
            Spec(spec),
            RUN,
            dict.fromkeys(space, value),
            api_url="http://api",
            token="t",
            checkpoint_url="s3://b/c",
        )
        made = manifest.workload(launch, Place("team", "tunelet", 60))
    except Reject:
        return
    assert made["metadata"]["name"] == RUN.name
    assert made["metadata"]["namespace"] == "team"

"""Requests with workers instead of training code."""

from typing import Any

import jsonschema
import pytest

from tests.unit.tunelet.request.submitted import SMALLEST, errors_with, parsed
from tunelet.request.models import request_schema


def test_workers_take_the_place_of_training_code() -> None:
    request = {**SMALLEST, "model_training_code": {"workers": True}}
    assert parsed(request)["model_training_code"] == {"workers": True}
    jsonschema.validate(request, request_schema())


@pytest.mark.parametrize("written", [False, 1, "yes", None])
def test_only_true_asks_for_workers(written: Any) -> None:
    (error,) = errors_with(model_training_code={"workers": written})
    assert (error.field, error.message) == ("model_training_code.workers", "must be true")
    broken = {**SMALLEST, "model_training_code": {"workers": written}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, request_schema())


def test_workers_exclude_an_image() -> None:
    (error,) = errors_with(model_training_code={"workers": True, "image": "train:1"})
    assert error.field == "model_training_code.image"
    assert "workers" in error.remedy

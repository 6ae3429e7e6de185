"""The base of all models of a request, and what many of their fields are."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

Text = Annotated[str, Field(max_length=32_768)]
Number = Annotated[float, Field(ge=-1e300, le=1e300)]
Positive = Annotated[float, Field(gt=0, le=1e300)]

NO_OTHERS: JsonDict = {"additionalProperties": False}
"""Beside a dictionary's patternProperties."""


class StrictModel(BaseModel):
    """A model of an object without unknown fields. Values are never converted."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True
    )

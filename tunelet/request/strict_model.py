"""The base of all models of a request."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=32_768)]


class StrictModel(BaseModel):
    """A model of an object without unknown fields. Values are never converted."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True
    )

"""What all shapes of a request share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=32_768)]


class Shape(BaseModel):
    """An object without unknown fields whose values are taken as they are, never converted."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True
    )

"""The search space: hyperparameters, their conditions, and draws from the prior."""

from tunelet.space.base import Parameter
from tunelet.space.bounded import Categorical, Float, Int
from tunelet.space.conditions import Between, Condition, OneOf
from tunelet.space.normal import LogNormal, Normal
from tunelet.space.quantized import Quantized
from tunelet.space.space import Space, parameter, parents_first

__all__ = [
    "Between",
    "Categorical",
    "Condition",
    "Float",
    "Int",
    "LogNormal",
    "Normal",
    "OneOf",
    "Parameter",
    "Quantized",
    "Space",
    "parameter",
    "parents_first",
]

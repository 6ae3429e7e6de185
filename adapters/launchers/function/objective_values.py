"""What an objective reports, attaches and raises, as the log can hold it.

A value that the log cannot hold must fail its own trial: in the log's entry it would stop all.
"""

import json
import operator
from collections.abc import Mapping
from typing import Any

from tunelet.text.limits import METRIC_LENGTH, METRICS, SAFE_INTEGER, is_metric_name
from tunelet.text.surrogates import refuse_half_pairs, replaced

REASON_CHARACTERS = 1000
TAIL_CHARACTERS = 4096

_ATTRIBUTES_BYTES = 1 << 16


def step_of(step: Any) -> int:
    """Return a step as an integer. Raises `ValueError` if it is not one from 0 to 2^53 - 1."""
    try:
        found = int(step) if isinstance(step, float) and step.is_integer() else operator.index(step)
    except TypeError:
        found = -1
    if not 0 <= found <= SAFE_INTEGER:
        raise ValueError(f"the step {step!r} is not an integer from 0 to {SAFE_INTEGER}")
    return found


def reason_of(text: str) -> str:
    """Return the beginning of a text, without half surrogate pairs."""
    return replaced(text[:REASON_CHARACTERS])


def tail_of(text: str) -> str:
    """Return the end of a text, without half surrogate pairs."""
    return replaced(text[-TAIL_CHARACTERS:])


def with_attribute(attributes: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return the attributes with one more, in JSON's types.

    Raises `TypeError` or `ValueError` if it is not JSON, or if all together are too long.
    """
    text = json.dumps({**attributes, str(key): value}, allow_nan=False)
    if len(text) > _ATTRIBUTES_BYTES:
        raise ValueError(f"the attribute {key!r} is too long: all together may have 64 KiB")
    made: dict[str, Any] = json.loads(text)
    refuse_half_pairs(json.dumps(made, ensure_ascii=False))
    return made


def wrong_metrics(values: Mapping[Any, Any]) -> str | None:
    """Return why these values cannot be a trial's; None if they can."""
    if len(values) > METRICS:
        return f"{len(values)} metrics: return at most {METRICS}"
    wrong = next((each for each in values if not is_metric_name(str(each))), None)
    if wrong is None:
        return None
    return (
        f"the metric {str(wrong)[:METRIC_LENGTH]!a}: use 1 to {METRIC_LENGTH} characters, none of "
        "them a control character"
    )

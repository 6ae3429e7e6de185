"""Dead letters as the JSON that callers see."""

from typing import Any

from adapters.cloudevents import STRUCTURED, media_type
from functions.documents import Json, time_json
from tunelet.dead import DeadLetter
from tunelet.strict import NotJson, decode

_ATTRIBUTES = ("id", "source", "type", "subject")
_HIDDEN = "(not shown)"


def dead_letter_json(letter: DeadLetter) -> Json:
    """Without its data, which may be large."""
    given = _json(letter.body) if media_type(letter.headers) == STRUCTURED else letter.headers
    prefix = "" if given is not letter.headers else "ce-"
    known = given if isinstance(given, dict) else {}
    event = {name: known.get(prefix + name) for name in _ATTRIBUTES}
    return {
        "id": letter.id,
        "at": time_json(letter.at),
        "event": {name: value if isinstance(value, str) else None for name, value in event.items()},
        "destination": letter.destination,
        "status": letter.status,
        "answer": letter.answer,
    }


def dead_letter_data(letter: DeadLetter) -> Any:
    """Its data as JSON, or as text where it is none; without a trial's token, which is a key."""
    data = _json(letter.body)
    inner = (
        data.get("data")
        if media_type(letter.headers) == STRUCTURED and isinstance(data, dict)
        else data
    )
    if isinstance(inner, dict) and "token" in inner:
        return {**inner, "token": _HIDDEN}
    return inner


def _json(body: bytes) -> Any:
    try:
        return decode(body)
    except NotJson:
        return body.decode(errors="replace")

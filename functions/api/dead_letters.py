"""Convert dead letters to the API's JSON, without the tokens of trials, which are secrets."""

from typing import Any

from adapters.events.cloudevents import STRUCTURED, media_type
from functions.api.documents import Json, time_json
from functions.identity.rights import EVERYWHERE
from tunelet.dead_letters import DeadLetter
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.text.strict_json import NotJson, decode

_ATTRIBUTES = ("id", "source", "type", "subject")
# A pattern on the text, because the event may be invalid JSON.
_TOKEN = lazy_pattern(rb'("token"\s*:\s*")[^"]*')


def dead_letter_json(letter: DeadLetter) -> Json:
    """Return a dead letter without its data, which may be large."""
    attributes = _attributes(letter)
    event = {name: attributes.get(name) for name in _ATTRIBUTES}
    return {
        "id": letter.id,
        "at": time_json(letter.at),
        "event": {name: value if isinstance(value, str) else None for name, value in event.items()},
        "destination": letter.destination,
        "status": letter.status,
        "answer": letter.answer,
    }


def dead_letter_data(letter: DeadLetter) -> Any:
    """Return its data as JSON, or as text if it is not JSON."""
    found = _read(letter.body)
    structured = media_type(letter.headers) == STRUCTURED and isinstance(found, dict)
    return found.get("data") if structured else found


def namespace_of(letter: DeadLetter) -> str:
    """Return the namespace that the letter belongs to; EVERYWHERE if it is the operator's.

    The subject of an event is only a claim.
    """
    return letter.namespace or EVERYWHERE


def _attributes(letter: DeadLetter) -> dict[str, Any]:
    if media_type(letter.headers) != STRUCTURED:
        return {name.removeprefix("ce-"): value for name, value in letter.headers.items()}
    found = _read(letter.body)
    return found if isinstance(found, dict) else {}


def _read(body: bytes) -> Any:
    shown = _TOKEN.sub(rb"\1(not shown)", body)
    try:
        return decode(shown)
    except NotJson:
        return shown.decode(errors="replace")

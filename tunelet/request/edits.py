"""Check the notes and labels that a person or a program gives to an experiment that exists."""

from tunelet.errors import FieldError, Reject
from tunelet.request.enqueued import PRINTABLE
from tunelet.request.labels import reserved
from tunelet.request.refusals import read
from tunelet.request.shapes import Terms
from tunelet.text.limits import LABELS, NOTE_BYTES
from tunelet.text.messages import shown


def checked_labels(raw: object) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the labels to set, and the names of those to remove: the ones that are null.

    Raises `Reject` with every fault.
    """
    if not isinstance(raw, dict) or not raw:
        remedy = 'send {"name": "value"}, and null as the value of a label to remove'
        error = FieldError("", shown(raw), "must be an object with at least one label", remedy)
        raise Reject("there is no label to change", [error])
    given = {name: value for name, value in raw.items() if value is not None}
    names = {"labels": dict.fromkeys(raw, "") | given}
    terms, errors = read(Terms, names, set())
    found = [each._replace(field=each.field.removeprefix("labels.")) for each in errors]
    found += reserved(given)
    if len(raw) > LABELS:
        found = [FieldError("", None, f"has more than {LABELS} labels", "send fewer")]
    if found:
        raise Reject(f"{found[0].field or 'the labels'}: {found[0].message}", found)
    removed = tuple(sorted(raw.keys() - given.keys()))
    return {name: terms.labels[name] for name in given}, removed


def checked_text(raw: object) -> str:
    """Return the note of `{"note": text}`; an empty one removes it. Raises `Reject`."""
    note = raw.get("note") if isinstance(raw, dict) and raw.keys() == {"note"} else None
    message = f"is not a text of at most {NOTE_BYTES} bytes without control characters"
    if isinstance(note, str) and PRINTABLE.fullmatch(note) and len(note.encode()) <= NOTE_BYTES:
        return note
    remedy = 'send {"note": "text"}; an empty text removes the note'
    raise Reject(f"the note {message}", [FieldError("note", shown(note), message, remedy)])

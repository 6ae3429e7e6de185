"""One entry of a log as bytes, and back.

An entry is a JSON object whose last member is `sum`: the SHA-256 of the object as it
would stand without that member. `prev` is the predecessor's `sum`, so that the entries
form a chain, and `nonce` makes the bytes of every try unlike any other's: a writer that
finds its own bytes under a key knows that it won (docs/protocol.md).
"""

import hashlib

import msgspec

from tunelet.core.events import Event
from tunelet.errors import TuneletError

FORMAT = 1
"""The version of the format that this code writes, and the newest that it reads."""


class Damaged(TuneletError):
    """The log is not what the protocol allows; the experiment must not go on."""


class Newer(Damaged):
    """A newer version of this code wrote it: nothing is wrong with it, and it is left to those
    that know what it means."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    format: int
    seq: int
    prev: str
    nonce: str
    events: tuple[Event, ...]
    taken: tuple[str, ...] = ()
    """Names of the letters whose commands were looked at (tunelet.log.inbox): none need wait on."""


class _Format(msgspec.Struct, frozen=True):
    format: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)
_SUM = b',"sum":"%s"}'
_TAIL = len(_SUM % (b"0" * 64))


def encode(entry: Entry) -> tuple[bytes, str]:
    """The bytes of an entry, and its `sum`."""
    body = _encoder.encode(entry)
    checksum = _digest(body)
    return body[:-1] + _SUM % checksum, checksum.decode()


def decode(data: bytes, seq: int, prev: str | None = None) -> tuple[Entry, str]:
    """The entry and its `sum`. Without `prev` its place in the chain is not checked.

    Raises `Damaged` if the bytes are altered, belong elsewhere or do not follow `prev`, and
    `Newer` if they say what this version does not know: to pass over a member that it has no
    field for would leave that out of every snapshot which it writes.
    """
    body, end = data[:-_TAIL] + b"}", data[-_TAIL:]
    if end != _SUM % _digest(body):
        raise Damaged(f"entry {seq} is altered: its checksum does not fit")
    check_format(body, f"entry {seq}")
    try:
        entry = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Newer(
            f"entry {seq} says what this version does not know ({error}): upgrade it"
        ) from error
    if entry.seq != seq or prev not in (None, entry.prev):
        raise Damaged(f"entry {seq} is foreign: it does not follow entry {seq - 1} of this log")
    return entry, _digest(body).decode()


def check_format(data: bytes, name: str) -> None:
    """Raise `Newer` if `data` was written in a newer format than this code reads."""
    written = msgspec.json.decode(data, type=_Format).format
    if written > FORMAT:
        raise Newer(f"{name} is of format {written}; this version reads up to {FORMAT}: upgrade it")


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()

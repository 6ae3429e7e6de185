"""Encode and decode one entry of a log.

An entry is a JSON object. Its last member, `sum`, is the SHA-256 of the object without
that member. `prev` is the `sum` of the entry before, so that the entries form a chain.
`nonce` makes the bytes of every write unique: a writer that finds its own bytes under a
key knows that its write won (docs/concepts/protocol.md).
"""

import hashlib

import msgspec

from tunelet.core.events import Event
from tunelet.errors import TuneletError

FORMAT = 1
"""The format version that this code writes, and the newest that it reads."""


class Damaged(TuneletError):
    """The log violates the protocol; the experiment must not continue."""


class Newer(Damaged):
    """A newer version of this code wrote the object. It is not damaged: upgrade to read it."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    format: int
    seq: int
    prev: str
    nonce: str
    events: tuple[Event, ...]
    taken: tuple[str, ...] = ()
    """Names of the inbox batches that this entry settles (tunelet.log.inbox)."""


class _Format(msgspec.Struct, frozen=True):
    format: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)
_SUM = b',"sum":"%s"}'
_TAIL = len(_SUM % (b"0" * 64))


def encode(entry: Entry) -> tuple[bytes, str]:
    """Return the bytes of an entry, and its `sum`."""
    body = _encoder.encode(entry)
    checksum = _digest(body)
    return body[:-1] + _SUM % checksum, checksum.decode()


def decode(data: bytes, seq: int, prev: str | None = None) -> tuple[Entry, str]:
    """Return the entry and its `sum`. Without `prev` its place in the chain is not checked.

    Raises `Damaged` if the bytes are altered, belong elsewhere or do not follow `prev`, and
    `Newer` if they have a member that this version does not know: ignoring the member would
    leave it out of every snapshot that this version writes.
    """
    body, end = data[:-_TAIL] + b"}", data[-_TAIL:]
    if end != _SUM % _digest(body):
        raise Damaged(f"entry {seq} is altered: its checksum does not fit")
    try:
        check_format(body, f"entry {seq}")
        entry = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Newer(
            f"entry {seq} says what this version does not know ({error}): upgrade it"
        ) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Damaged(f"entry {seq} is foreign: it is not JSON") from error
    if entry.seq != seq or prev not in (None, entry.prev):
        raise Damaged(f"entry {seq} is foreign: it does not follow entry {seq - 1} of this log")
    return entry, _digest(body).decode()


def sum_of(data: bytes) -> str:
    """Return the `sum` in an entry's bytes, without a check that it is right."""
    return data[-66:-2].decode("ascii", "replace")


def check_format(data: bytes, name: str) -> None:
    """Raise `Newer` if `data` was written in a newer format than this code reads."""
    written = msgspec.json.decode(data, type=_Format).format
    if written > FORMAT:
        raise Newer(f"{name} is of format {written}; this version reads up to {FORMAT}: upgrade it")


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()

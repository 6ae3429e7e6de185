"""Scalars in TensorFlow event files, the files that TensorBoard reads. Pure.

A file is a sequence of TFRecords: the length (8 bytes, little endian), a masked CRC-32C of the
length, the data, and a masked CRC-32C of the data. The data is an `Event` in protocol buffers. A
few of its fields are read: `step`, and from each value of `summary` the `tag` with a
`simple_value`, or a `tensor` of one float or double, as TensorFlow 2 writes scalars
(https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto).

`EventFile` takes a file as it grows, in chunks of any size. It skips records of more than 256 KiB
(images, graphs) without holding them. If the checksum of a length does not match, it reads nothing
more from the file, because the start of the next record is unknown.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

RECORD_BYTES = 256 * 1024
_LENGTH_BYTES, _CRC_BYTES = 8, 4

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EVENT_STEP, _EVENT_SUMMARY, _SUMMARY_VALUE = 2, 5, 1
_VALUE_TAG, _VALUE_SIMPLE, _VALUE_TENSOR = 1, 2, 8
_TENSOR_TYPE, _TENSOR_VALUES = 1, (4, 5, 6)
"""The fields with the values as bytes, as floats and as doubles."""
_FORMS = {1: "<f", 2: "<d"}
"""Formats of `struct` by the tensor's type."""


class Scalar(NamedTuple):
    step: int
    tag: str
    value: float


class EventFile:
    """Reads one file from its beginning."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._skip = 0
        self.broken = False
        """Whether the file is not an event file from byte `read` on."""
        self.read = 0
        """The size in bytes of the records that were read or skipped."""

    def feed(self, data: bytes) -> list[Scalar]:
        """Return the scalars of the records that these bytes complete."""
        if self.broken:
            return []
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._data += data[skipped:]
        found: list[Scalar] = []
        while (record := self._next()) is not None:
            found += scalars(record)
        return found

    def _next(self) -> bytes | None:
        """The next record's data, empty if it is skipped; None if it is not complete yet."""
        head = _LENGTH_BYTES + _CRC_BYTES
        if len(self._data) < head:
            return None
        length, check = struct.unpack_from("<QI", self._data)
        if masked_crc32c(bytes(self._data[:_LENGTH_BYTES])) != check:
            self.broken = True
            self._data.clear()
            return None
        whole = head + length + _CRC_BYTES
        if length <= RECORD_BYTES and len(self._data) < whole:
            return None
        self.read += whole
        if length > RECORD_BYTES:
            self._skip = max(0, whole - len(self._data))
            del self._data[:whole]
            return b""
        record = bytes(self._data[head : head + length])
        del self._data[:whole]
        return record


def scalars(event: bytes) -> list[Scalar]:
    """Return the scalars of one `Event`; none if it cannot be read."""
    try:
        fields = list(_fields(event))
        step = next((field.whole for field in fields if field.number == _EVENT_STEP), 0)
        return [
            Scalar(step, *pair)
            for field in fields
            if field.number == _EVENT_SUMMARY
            for inner in _fields(field.data)
            if inner.number == _SUMMARY_VALUE and (pair := _tagged(inner.data))
        ]
    except (ValueError, IndexError, struct.error):
        return []


def masked_crc32c(data: bytes) -> int:
    """Return the checksum of TFRecords: CRC-32C (Castagnoli), rotated and offset."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_crc_of, range(256)))


class _Field(NamedTuple):
    number: int
    whole: int = 0
    """The value of a varint."""
    data: bytes = b""
    """The value of any other field."""


def _tagged(summary_value: bytes) -> tuple[str, float] | None:
    tag, found = "", None
    for field in _fields(summary_value):
        if field.number == _VALUE_TAG:
            tag = field.data.decode()
        elif field.number == _VALUE_SIMPLE:
            (found,) = struct.unpack("<f", field.data)
        elif field.number == _VALUE_TENSOR:
            found = _single(field.data)
    return (tag, found) if tag and found is not None else None


def _single(tensor: bytes) -> float | None:
    """The float or double of a tensor with one element; None if it has anything else."""
    fields = list(_fields(tensor))
    kind = next((field.whole for field in fields if field.number == _TENSOR_TYPE), 0)
    raw = b"".join(field.data for field in fields if field.number in _TENSOR_VALUES)
    form = _FORMS.get(kind)
    if form is None or len(raw) != struct.calcsize(form):
        return None
    return float(struct.unpack(form, raw)[0])


def _fields(message: bytes) -> Iterator[_Field]:
    """The fields of a message. Raises `IndexError` or `ValueError` if it is not one."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield _Field(number, value)
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("an unknown wire type")
        if not 0 <= size <= len(message) - at:
            raise ValueError("a field that ends after its message")
        yield _Field(number, data=message[at : at + size])
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The signed 64-bit number that begins at `at`, and the index after it."""
    result = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            result &= (1 << 64) - 1
            return (result - (1 << 64) if result >> 63 else result), at
    raise ValueError("a number of more than 64 bits")

"""Output of any length in a bounded size: all of it, or its beginning and its end."""

import gzip
import random

import pytest

from tunelet.text.packed import PIECE_BYTES, packed, unpacked


def noise(length: int) -> bytes:
    """Bytes that do not compress."""
    return random.Random(length).randbytes(length)


@pytest.mark.parametrize("length", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 3 * PIECE_BYTES + 5])
@pytest.mark.parametrize("chunk", [7919, PIECE_BYTES, 10 * PIECE_BYTES])
def test_short_output_is_all_there(length: int, chunk: int) -> None:
    data = noise(length)
    chunks = [data[start : start + chunk] for start in range(0, length, chunk)]
    found = packed(chunks, 8 * PIECE_BYTES)
    assert b"".join(unpacked(found)) == data
    assert gzip.decompress(found) == data


def test_the_beginning_and_the_end_of_long_output_remain() -> None:
    data = noise(100 * PIECE_BYTES + 17)
    found = packed([data], 8 * PIECE_BYTES)
    text = b"".join(unpacked(found))
    head, tail = text.split(b"\ntunelet: ", 1)
    count, tail = tail.split(b" bytes are left out here\n", 1)
    assert data.startswith(head)
    assert data.endswith(tail)
    assert len(head) + int(count) + len(tail) == len(data)
    assert len(head) >= 3 * PIECE_BYTES
    assert len(tail) >= 3 * PIECE_BYTES
    assert len(found) <= 8 * PIECE_BYTES + 100


def test_a_small_limit_keeps_the_last_piece() -> None:
    found = packed([noise(3 * PIECE_BYTES)], 1)
    assert b"".join(unpacked(found)).endswith(noise(3 * PIECE_BYTES)[-100:])


@pytest.mark.parametrize("damage", [slice(0, -3), slice(5, None)])
def test_damage_is_named(damage: slice) -> None:
    with pytest.raises(ValueError, match="the stored output is damaged"):
        list(unpacked(packed([noise(100)], 1000)[damage]))

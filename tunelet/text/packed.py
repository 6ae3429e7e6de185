"""Compress output of any length to a bounded size: its beginning and its end.

The result is a gzip file of several members, one for each piece, so `zcat` reads it. A piece
compresses by itself, so the end is known without keeping the whole output.
"""

import zlib
from collections import deque
from collections.abc import Iterable, Iterator

PIECE_BYTES = 1 << 17
"""The bytes of output in a member."""

_GZIP = 16 + zlib.MAX_WBITS


def packed(chunks: Iterable[bytes], most: int) -> bytes:
    """Return the output as gzip, of about `most` bytes at most.

    Of longer output the first and the last half remain, with a line between them that says how
    many bytes are left out.
    """
    head, tail = bytearray(), deque[tuple[int, bytes]]()
    held = gone = 0
    for piece in _pieces(chunks):
        member = _member(piece)
        if not tail and len(head) + len(member) <= most // 2:
            head += member
            continue
        tail.append((len(piece), member))
        held += len(member)
        while held > most // 2 and len(tail) > 1:
            length, oldest = tail.popleft()
            held -= len(oldest)
            gone += length
    if gone:
        head += _member(f"\ntunelet: {gone} bytes are left out here\n".encode())
    return bytes(head) + b"".join(member for _, member in tail)


def unpacked(data: bytes) -> Iterator[bytes]:
    """Yield the output in pieces. Raises `ValueError` if it is damaged."""
    while data:
        member = zlib.decompressobj(_GZIP)
        try:
            yield member.decompress(data)
        except zlib.error as error:
            raise ValueError(f"the stored output is damaged: {error}") from error
        if not member.eof:
            raise ValueError("the stored output is damaged: its end is missing")
        data = member.unused_data


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= PIECE_BYTES:
            yield bytes(waiting[:PIECE_BYTES])
            del waiting[:PIECE_BYTES]
    if waiting:
        yield bytes(waiting)


def _member(piece: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=_GZIP)
    return compressor.compress(piece) + compressor.flush()

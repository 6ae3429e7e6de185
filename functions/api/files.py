"""The output of trials and the files of their checkpoints, whole or from a byte on (RFC 9110)."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from http import HTTPStatus

from werkzeug.wrappers import Response

from functions.api.call import Call
from functions.api.route import BYTES
from functions.http import json_answer

PART_BYTES = 4 << 20
"""The most bytes of an answer to a request with a range."""


def logs(call: Call) -> Response:
    """Show the output of a trial. When its run is gone, the stored part.

    The header Range: bytes=N- asks for the output from byte N on; the answer, 206, has up to 4 MiB.
    Range: bytes=-N asks for the last N bytes, up to 4 MiB.
    """
    attempt = call.query.get("attempt")
    output = call.service.files.logs(call.namespace, call.name, call.number, attempt)
    stream = call.streams.open(output, call.namespace)
    header = call.request.headers.get("Range")
    start, last = _start(header), _last(header)
    if call.request.method == "HEAD":
        stream.close()
        response = Response()
    elif start is None and last is None:
        response = Response(stream)
    else:
        with closing(stream):
            response = _part(stream, start) if start is not None else _end(stream, last or 0)
    response.content_type = "text/plain; charset=utf-8"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Accept-Ranges"] = "bytes"
    return response


def artifacts(call: Call) -> Response:
    """List the files of a trial's checkpoint by name."""
    page, after = call.service.files.artifacts(call.namespace, call.name, call.number, **call.query)
    link = call.next_link(f"experiments/{call.name}/trials/{call.number}/artifacts", after)
    return json_answer({"artifacts": page, "next": link})


def artifact(call: Call) -> Response:
    """Show a file of a trial's checkpoint.

    The header Range: bytes=N- asks for the file from byte N on; the answer, 206, has up to 4 MiB.
    Its Content-Range ends with "/*" if the file has more.
    """
    name, start = call.query["name"], _start(call.request.headers.get("Range"))
    read = partial(call.service.files.artifact, call.namespace, call.name, call.number, name)
    if start is not None:
        found = read(start, PART_BYTES + 1)
        response = _ranged(found, start, start + len(found))
    else:
        stream = call.streams.open(_parts(read), call.namespace)
        response = Response(stream)
        if call.request.method == "HEAD":
            stream.close()
            response = Response()
    response.content_type = BYTES
    # What a training has written must not run as a page of this service.
    response.headers["Content-Disposition"] = "attachment"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _parts(read: Callable[[int, int], bytes]) -> Iterator[bytes]:
    offset = 0
    while part := read(offset, PART_BYTES):
        yield part
        offset += len(part)


def _start(header: str | None) -> int | None:
    """Return N of `bytes=N-`; None for any other range, which RFC 9110 allows to ignore."""
    found = re.fullmatch(r"bytes=([0-9]{1,15})-", header or "", re.ASCII)
    return int(found[1]) if found else None


def _last(header: str | None) -> int | None:
    """Return N of `bytes=-N`, at most a part; None for any other range."""
    found = re.fullmatch(r"bytes=-([0-9]{1,15})", header or "", re.ASCII)
    return min(int(found[1]), PART_BYTES) if found else None


def _part(chunks: Iterator[bytes], start: int) -> Response:
    """Return the output from `start` on, with its size if the end is reached."""
    data, passed = bytearray(), 0
    for chunk in chunks:
        data += chunk[max(0, start - passed) :]
        passed += len(chunk)
        if len(data) > PART_BYTES:
            break
    return _ranged(bytes(data), start, passed)


def _end(chunks: Iterator[bytes], most: int) -> Response:
    """Return the last bytes of the output, `most` at most."""
    data, passed = b"", 0
    for chunk in chunks:
        passed += len(chunk)
        data = (data + chunk)[-most:] if most else b""
    return _ranged(data, passed - len(data), passed)


def _ranged(data: bytes, start: int, passed: int) -> Response:
    """Return the answer with `data` from `start` on. If it is more than a part, more follows."""
    more = len(data) > PART_BYTES
    data = data[:PART_BYTES]
    if not data:
        header = {"Content-Range": f"bytes */{passed}"}
        return Response(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=header)
    size = "*" if more else passed
    header = {"Content-Range": f"bytes {start}-{start + len(data) - 1}/{size}"}
    return Response(bytes(data), HTTPStatus.PARTIAL_CONTENT, header)

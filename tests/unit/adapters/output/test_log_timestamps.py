"""A log with timestamps, read on where the connection broke."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.output.log_timestamps import Stamped

LINES = st.lists(
    st.tuples(st.integers(0, 4), st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"."))),
    max_size=12,
)


def log(lines: list[tuple[int, bytes]]) -> list[bytes]:
    """Lines with timestamps that do not fall, some of them equal."""
    ticks = sorted(tick for tick, _ in lines)
    return [
        b"2026-11-26T03:00:%02d.%09dZ %s\n" % (tick // 2, tick % 2, text)
        for tick, (_, text) in zip(ticks, lines, strict=True)
    ]


def since(lines: list[bytes], moment: str | None) -> bytes:
    """The part of the log that Kubernetes returns: lines of that second and later ones."""
    return b"".join(line for line in lines if moment is None or line[:19].decode() >= moment[:19])


@given(LINES, st.data())
def test_however_often_the_connection_breaks_each_byte_comes_once(
    lines: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    written = log(lines)
    stamped, got = Stamped(), b""
    for _ in range(data.draw(st.integers(0, 4))):
        stamped.connect()
        offered = since(written, stamped.since)
        broken = offered[: data.draw(st.integers(0, len(offered)))]
        cut = data.draw(st.integers(0, len(broken)))
        got += stamped.strip(broken[:cut]) + stamped.strip(broken[cut:])
    stamped.connect()
    got += stamped.strip(since(written, stamped.since))
    assert got == b"".join(text + b"\n" for _, text in lines)


def test_a_clock_that_is_set_back_hides_nothing() -> None:
    stamped = Stamped()
    written = b"2026-11-26T03:00:09.5Z a\n2026-11-26T03:00:01.5Z b\n"
    assert stamped.strip(written) == b"a\nb\n"


def test_a_line_without_a_timestamp_is_refused() -> None:
    with pytest.raises(ValueError, match="no timestamp"):
        Stamped().strip(b"unable to retrieve container logs\nfor containerd://1 " + b"x" * 99)
    with pytest.raises(ValueError, match="no timestamp"):
        Stamped().strip(b"x" * 99)


def test_the_log_is_asked_for_from_the_second_of_the_last_line_on() -> None:
    stamped = Stamped()
    assert stamped.since is None
    stamped.strip(b"2026-11-26T03:00:09.123456789+01:00 a")
    assert stamped.since == "2026-11-26T03:00:09+01:00"


def lines(*seconds: int) -> list[bytes]:
    return [b"2026-11-26T03:00:%02dZ line %d\n" % (second, second) for second in seconds]


def read(stamped: Stamped, written: list[bytes]) -> bytes:
    """All that is there of the log, from where it is to be read on."""
    stamped.connect()
    got = stamped.strip(since(written, stamped.since))
    stamped.finish()
    return got


def test_a_log_that_is_read_on_where_it_broke_off_has_no_gap() -> None:
    stamped = Stamped()
    assert read(stamped, lines(1, 2)) == b"line 1\nline 2\n"
    assert read(stamped, lines(2, 3)) == b"line 3\n"
    assert (stamped.gaps, stamped.first) == (0, "2026-11-26T03:00:01Z")


@pytest.mark.parametrize("left", [lines(4, 5), []])
def test_a_log_has_a_gap_if_its_last_line_is_not_found_again(left: list[bytes]) -> None:
    stamped = Stamped()
    read(stamped, lines(1, 2))
    assert read(stamped, left) == b"".join(line[21:] for line in left)
    assert stamped.gaps == 1
    read(stamped, left + lines(6))
    assert stamped.gaps == (1 if left else 2)


def test_the_end_of_a_log_is_known_by_its_last_line() -> None:
    stamped = Stamped()
    assert stamped.ends_with(b"")
    written = lines(1, 2)
    stamped.strip(written[0] + written[1][:-2])
    assert not stamped.ends_with(written[1])
    stamped.strip(written[1][-2:])
    assert stamped.ends_with(written[1])
    assert stamped.ends_with(written[1].rstrip())
    assert not stamped.ends_with(lines(3)[0])
    assert not stamped.ends_with(b"")
    assert not stamped.ends_with(b"2026-11-26T03:00:09Z line 2")


def test_the_last_piece_of_a_long_last_line_is_enough() -> None:
    stamped = Stamped()
    stamped.strip(b"2026-11-26T03:00:01.1Z " + b"x" * 20_000 + b"loss=1\n")
    assert stamped.ends_with(b"2026-11-26T03:00:01.2Z xxxloss=1\n")
    assert not stamped.ends_with(b"2026-11-26T03:00:01.2Z xxxloss=12\n")

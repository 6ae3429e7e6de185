"""What calls of a function print is kept by the thread of each call, and still appears."""

import io
import sys
import threading

import pytest

from adapters.launchers.function.printed import Printed, kept, printing_to


def test_each_thread_keeps_its_own_text_and_all_appears(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [Printed(), Printed()]
    both = threading.Barrier(2)

    def call(number: int) -> None:
        with printing_to(texts[number]):
            both.wait(60)
            print("number", number)
            print("fault", number, file=sys.stderr)

    with kept():
        threads = [threading.Thread(target=call, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print("another thread")
    assert [text.text() for text in texts] == [f"number {n}\nfault {n}\n" for n in range(2)]
    out, err = capsys.readouterr()
    assert sorted(out.splitlines()) == ["another thread", "number 0", "number 1"]
    assert sorted(err.splitlines()) == ["fault 0", "fault 1"]


def test_of_a_long_text_the_middle_is_dropped() -> None:
    printed = Printed(100)
    for number in range(1000):
        printed.add(f"{number:03d} ")
    text = printed.text()
    assert text.startswith("000 001 ")
    assert text.endswith(" 998 999 ")
    assert "characters are left out here" in text
    assert len(text) < 200


def test_of_a_long_text_in_one_piece_the_middle_is_dropped_too() -> None:
    printed = Printed(100)
    printed.add("a" * 50 + "b" * 10_000 + "c" * 50)
    text = printed.text()
    assert text.startswith("a" * 50 + "\ntunelet: 10000 characters")
    assert text.endswith("\n" + "c" * 50)


def test_the_streams_are_as_before_once_the_last_search_has_ended() -> None:
    before = sys.stdout, sys.stderr
    with kept():
        with kept():
            assert sys.stdout is not before[0]
        printed = Printed()
        with printing_to(printed):
            print("inner search has ended")
        assert printed.text() == "inner search has ended\n"
    assert (sys.stdout, sys.stderr) == before


def test_a_stream_that_was_replaced_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    other = io.StringIO()
    with kept():
        sys.stdout = other
    assert sys.stdout is other


def test_a_process_without_streams_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with kept(), printing_to(Printed()):
        print("nowhere")
    assert sys.stdout is None

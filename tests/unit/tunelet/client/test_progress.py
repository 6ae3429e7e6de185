"""How far a search is, where it is shown, and how."""

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tunelet.client.progress import Lines, Notebook, Terminal, html, line, shown_by
from tunelet.errors import Reject


def experiment(complete: int = 3, state: str = "RUNNING", **more: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("waiting", "running", "complete", "pruned", "failed", "stopped"), 0)
    spec = {"max_trials": 10, "objectives": [{"metric": "loss", "direction": "minimize"}]}
    return {
        "name": "a<b>",
        "state": state,
        "counts": {**counts, "complete": complete},
        "spec": spec,
        "best": None,
        **more,
    }


def test_a_line_says_how_many_have_ended() -> None:
    assert line(experiment()) == "a<b>: 3 of 10 ended"


def test_html_is_escaped_and_has_a_bar() -> None:
    assert html(experiment()).startswith('<div><progress max="10" value="3"')
    assert "a&lt;b&gt;" in html(experiment())


class Terminals(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line_that_is_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminals()
    monkeypatch.setattr(sys, "stderr", screen)
    show = shown_by(None)
    assert isinstance(show, Terminal)
    show(experiment(3))
    show(experiment(10, "COMPLETE"))
    assert screen.getvalue().count("\r\x1b[K") == 2
    assert screen.getvalue().endswith("a<b>: 10 of 10 ended\n")
    assert screen.getvalue().count("\n") == 1


def test_a_terminal_has_one_line_for_a_long_reason_too(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminals()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "40")
    Terminal()(experiment(0, "FAILED", reason="alike\n" * 50))
    assert screen.getvalue() == "\r\x1b[Ka<b>: 0 of 10 ended; alike alike alike…\n"


def test_a_failed_search_names_the_command_that_shows_what_a_trial_printed() -> None:
    failed = experiment(0, "FAILED", reason="none of them completed")
    failed["counts"]["failed"] = 2
    assert line(failed).endswith("; see: tunelet logs a<b> 0; none of them completed")


def test_without_a_terminal_nothing_is_shown_unless_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert shown_by(None) is None
    assert shown_by(False) is None
    show = shown_by(True)
    assert isinstance(show, Lines)
    for complete in range(5):
        show(experiment(complete))
    show(experiment(10, "COMPLETE"))
    assert capsys.readouterr().err.splitlines() == ["a<b>: 0 of 10 ended", "a<b>: 10 of 10 ended"]


@pytest.mark.libraries
def test_a_notebook_replaces_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython", reason="IPython is not installed")
    import IPython
    from IPython.display import HTML

    pictures: list[str] = []
    handle = SimpleNamespace(update=lambda picture: pictures.append(picture.data))

    def display(picture: HTML, display_id: bool) -> object:
        pictures.append(picture.data)
        return handle

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    show = shown_by(None)
    assert isinstance(show, Notebook)
    show(experiment(3))
    show(experiment(4))
    assert ['value="3"' in pictures[0], 'value="4"' in pictures[1]] == [True, True]


def test_what_can_show_nothing_is_refused_before_a_trial_begins() -> None:
    with pytest.raises(Reject) as refusal:
        shown_by("bar")  # type: ignore[arg-type]
    [error] = refusal.value.errors
    assert (error.field, error.value) == ("progress", "'bar'")
    assert "a function" in error.remedy

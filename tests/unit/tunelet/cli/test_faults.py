"""What the command line writes about an error."""

import pytest

from tunelet.cli.faults import show
from tunelet.errors import FieldError, Reject


def test_no_problem_of_a_request_is_shown_twice(capsys: pytest.CaptureFixture[str]) -> None:
    errors = [
        FieldError("max_trials", 0, "must be at least 1", "use at least 1"),
        FieldError("seed", "a", "must be an integer", "write an integer, such as 1"),
    ]
    show(Reject("the request has 2 problems; max_trials: must be at least 1", errors))
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "error: the request has 2 problems"
    assert sum("must be at least 1" in line for line in shown) == 1
    assert sum("must be an integer" in line for line in shown) == 1

"""A lazy pattern does what a compiled one does, and costs nothing until then."""

import re

import pytest

from tunelet.text.lazy_pattern import lazy_pattern


def test_it_is_compiled_when_it_is_first_used() -> None:
    invalid = lazy_pattern("(")
    assert invalid.pattern == "("
    with pytest.raises(re.error):
        invalid.search("a")


@pytest.mark.parametrize("flags", [0, re.IGNORECASE])
def test_it_does_what_a_compiled_pattern_does(flags: int) -> None:
    lazy, compiled = lazy_pattern("(?P<name>a+)b", flags), re.compile("(?P<name>a+)b", flags)
    for text in ("xaab", "AB", "b"):
        for name in ("search", "match", "fullmatch", "findall", "split"):
            assert str(getattr(lazy, name)(text)) == str(getattr(compiled, name)(text))
        assert lazy.sub("-", text) == compiled.sub("-", text)
    assert (lazy.groups, lazy.groupindex, lazy.flags) == (1, {"name": 1}, compiled.flags)

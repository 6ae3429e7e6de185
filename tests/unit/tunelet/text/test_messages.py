"""Texts of errors that are cut where a reader expects it."""

import pytest

from tunelet.text.messages import brief


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("no loss was printed", "no loss was printed"),
        ("no loss was printed anywhere", "no loss was …"),
        ("no loss found; a pattern of it", "no loss found; …"),
        ("no-loss-was-printed-anywhere", "no-loss-was-print…"),
    ],
)
def test_a_cut_text_ends_at_a_part_or_a_word_and_shows_that_it_is_cut(text: str, cut: str) -> None:
    assert brief(text, 19) == cut
    assert len(cut) <= 19

"""How many parts a text is billed as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybell_sandbox.twilio.segments import EXTENSION, GSM7, count


def test_the_alphabet_is_that_of_gsm() -> None:
    """128 places, one of which is the escape to the extension."""
    assert len(GSM7) == 127
    assert not GSM7 & EXTENSION


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 153, 3),
        ("ü" * 160, 1),
        ("ç" * 70, 1),
        ("ç" * 71, 2),
        ("ç" * 134, 2),
        ("ç" * 135, 3),
        ("👍" * 35, 1),
        ("👍" * 36, 2),
        ("ç" * 66 + "👍" + "ç" * 66, 3),
        ("a" * 69 + "’", 1),
        ("a" * 70 + "’", 2),
    ],
)
def test_parts(text: str, parts: int) -> None:
    """An escaped character and a pair of surrogates are never split over two parts."""
    assert count(text) == parts


@given(st.text(max_size=700))
def test_more_words_are_never_fewer_parts(text: str) -> None:
    assert 1 <= count(text) <= count(text + "a") <= count(text) + 1 + len(text) // 67

"""How many parts a text is billed as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_service.words.segments import EXTENSION, GSM7, count

CHEAP_TEXT = st.text(st.sampled_from(sorted(GSM7)), max_size=700)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        # the pair of an extension character is not split: 152 and the pair go into different parts
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 152 + "€" + "a" * 151, 2),
        ("й" * 70, 1),
        ("й" * 71, 2),
        ("й" * 134, 2),
        ("й" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        # a pair of surrogates is not split either: 33 to a part of 67
        ("😀" * 66, 2),
        ("😀" * 67, 3),
    ],
)
def test_parts_hold_160_or_153_cheap_and_70_or_67_dear_characters(text: str, segments: int) -> None:
    assert count(text).segments == segments


def test_the_first_dear_character_is_named() -> None:
    assert count("cheap “quoted” text").culprit == "“"
    assert count("cheap").culprit == ""


@given(CHEAP_TEXT)
def test_a_cheap_text_never_needs_more_parts_than_one_for_each_153_characters(text: str) -> None:
    counted = count(text)
    assert not counted.unicode
    assert counted.segments == (1 if len(text) <= 160 else -(-len(text) // 153))


@given(st.text(max_size=400))
def test_more_text_never_costs_less(text: str) -> None:
    assert count(text).segments <= count(text + "a").segments
    assert count(text).unicode == any(character not in GSM7 | EXTENSION for character in text)

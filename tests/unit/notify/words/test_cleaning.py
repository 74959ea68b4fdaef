"""Words that a customer typed do nothing but read."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notify_service.words.cleaning import cheapen, neutralise
from notify_service.words.segments import count

LINK = re.compile(r"[A-Za-z]://\w|(?<![\w-])www\.\w|(?<![\w.])[A-Za-z0-9-]+\.com(?![\w@])")
"""What telephones underline, told in other words than the code's."""
PIECES = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(["http://", "https://", "www.", ".com", "evil", ".", "。", "/", "\u202e", "\u200b", "@", "\n", "\x00", " "]),
    ),
    max_size=20,
).map("".join)  # fmt: skip


@given(PIECES, st.integers(10, 200))
@example("hthttp://tp://evil.com", 40)
@example("evil。com", 40)
@example("ev\u200bil.com", 40)
def test_no_link_no_control_and_no_direction_character_is_left_and_the_length_is_kept(text: str, longest: int) -> None:
    clean = neutralise(text, longest)
    assert len(clean) <= longest
    assert not LINK.search(clean)
    assert not {unicodedata.category(character) for character in clean} & {"Cc", "Cf", "Zl", "Zp", "Co", "Cs"}


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("Ana Müller", "Ana Müller"),
        ("Visit evil.example now", "Visit now"),
        ("https://evil.example/a?b=c Ana", "Ana"),
        ("Ana\u202e\nSmith", "Ana Smith"),
        ("mail me@evil.com", "mail me@"),
        ("Fa. Meier u.a. GmbH", "Fa. Meier u.a. GmbH"),
        ("1.5kg of coffee", "1.5kg of coffee"),
        ("a" * 41, "a" * 37 + "..."),
        ("e\u0301" * 50, "é" * 37 + "..."),
        ("", ""),
    ],
)
def test_what_reads_as_a_link_goes_and_names_stay(typed: str, left: str) -> None:
    assert neutralise(typed, 40) == left


def test_a_letter_keeps_its_accent_where_the_text_is_cut() -> None:
    assert neutralise("a" * 36 + "x\u0323\u0323" + "b" * 10, 40).rstrip(".") == "a" * 36


@given(st.text("\u00a0\u202f“”‘’–—…abc ", max_size=80))
def test_characters_with_a_cheap_look_alike_never_make_a_text_dear(text: str) -> None:
    assert not count(cheapen(text)).unicode

"""Twilio's own words in replies."""

import pytest

from paybell_sandbox.twilio.replies import HELP, OWN_WORDS, START, STOP, keyword


def test_every_word_in_any_case_and_with_blanks_around() -> None:
    for kind, words in (("STOP", STOP), ("START", START), ("HELP", HELP)):
        for word in words:
            for written in (word, word.lower(), f" {word.title()}\n"):
                assert keyword(written) == kind
    assert set(OWN_WORDS) == {"STOP", "START", "HELP"}


@pytest.mark.parametrize("text", ["", "STOP!", "stop please", "no", "1", "Y 4821", "ST0P"])
def test_nothing_else(text: str) -> None:
    assert keyword(text) is None

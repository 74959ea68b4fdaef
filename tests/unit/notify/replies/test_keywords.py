"""Which replies stop, start or ask for help."""

import pytest

from notify_service.replies.keywords import Meaning, meaning


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        *(
            (word, Meaning.STOP)
            for word in ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"]
        ),
        *(
            (word, Meaning.STOP)
            for word in ("stop", "Stop.", " STOP! ", "“stop”", "Stop all", "opt-out", "opt  out", "ＳＴＯＰ", "stop 🛑")
        ),
        *((word, Meaning.START) for word in ("START", "unstop", "Start.")),
        *((word, Meaning.HELP) for word in ("HELP", "info", "Help?")),
        *(
            (word, Meaning.OTHER)
            for word in (
                "YES",
                "yes",
                "NO",
                "Y 4821",
                "please stop texting me",
                "stop it",
                "restart",
                "",
                "   ",
                "cancel my order",
                "1",
                "…",
            )
        ),
    ],
)
def test_a_word_alone_is_a_keyword_and_a_sentence_is_not(body: str, wanted: Meaning) -> None:
    """Twilio's words of today, in any case and with punctuation around them."""
    assert meaning(body) is wanted


def test_what_twilio_made_of_it_is_honoured() -> None:
    """Advanced Opt-Out knows words of other languages."""
    assert meaning("ARRET", "STOP") is Meaning.STOP
    assert meaning("YES", "START") is Meaning.START
    assert meaning("AYUDA", "HELP") is Meaning.HELP


def test_a_stop_stays_a_stop_whatever_else_is_said_of_it() -> None:
    """Consent fails closed."""
    assert meaning("STOP", "START") is Meaning.STOP
    assert meaning("stop", "HELP") is Meaning.STOP

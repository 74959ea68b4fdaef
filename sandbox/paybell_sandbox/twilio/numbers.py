"""Numbers that drive outcomes, as Twilio's own test numbers do.

The last seven digits decide, in any region, so that each outcome can be had for a valid number of any country. Beside them
the whole numbers that Twilio documents for test credentials (twilio.com/docs/iam/test-credentials) do what they do there.
"""

from dataclasses import dataclass
from typing import Final, Literal

import phonenumbers

Call = Literal["rings", "busy", "no-answer", "failed", "voicemail"]


@dataclass(frozen=True)
class Behaviour:
    """What happens to messages and calls to a number.

    Attributes:
        refuse: Twilio's error code for the create call; 0 where it is accepted.
        statuses: what the carrier says after acceptance, in order.
        error_code: with a last status of failed or undelivered.
        called_back: whether callbacks tell of the statuses.
        call: what becomes of a call.
        meaning: in plain words.
    """

    meaning: str
    refuse: int = 0
    statuses: tuple[str, ...] = ("sent", "delivered")
    error_code: int = 0
    called_back: bool = True
    call: Call = "rings"


ORDINARY = Behaviour("is delivered; a call rings until somebody answers on the page")


def _undelivered(meaning: str, code: int) -> Behaviour:
    return Behaviour(f"undelivered: {meaning}", statuses=("sent", "undelivered"), error_code=code)


BY_ENDING: Final[dict[str, Behaviour]] = {
    "5550199": Behaviour("the carrier never says more than sent", statuses=("sent",)),
    "5550198": Behaviour("is delivered, but no callback ever comes", called_back=False),
    "5550103": _undelivered("the handset is off", 30003),
    "5550104": _undelivered("blocked by the recipient or carrier", 30004),
    "5550105": _undelivered("the number does not exist any more", 30005),
    "5550106": _undelivered("a landline behind a carrier", 30006),
    "5550107": _undelivered("filtered by the carrier", 30007),
    "5550108": Behaviour("failed: unknown error", statuses=("failed",), error_code=30008),
    "5550109": Behaviour("failed: waited too long in the queue", statuses=("failed",), error_code=30001),
    "5550110": Behaviour("refused: the recipient has opted out", refuse=21610),
    "5550111": Behaviour("refused: not a valid number", refuse=21211),
    "5550112": Behaviour("refused: this sender cannot reach it", refuse=21612),
    "5550114": Behaviour("refused: not a mobile number", refuse=21614),
    "5550118": Behaviour("refused: the country is not enabled", refuse=21408),
    "5550129": Behaviour("refused: too many requests, every time", refuse=20429),
    "5550121": Behaviour("a call finds the line busy", call="busy"),
    "5550122": Behaviour("nobody answers a call", call="no-answer"),
    "5550123": Behaviour("a call goes to voicemail", call="voicemail"),
    "5550124": Behaviour("a call cannot be put through", call="failed"),
}

TEST_RECIPIENTS: Final[dict[str, int]] = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}

TEST_SENDERS: Final[dict[str, int]] = {
    "+15005550001": 21212,
    "+15005550007": 21606,
    "+15005550008": 21611,
}
"""What is answered where these are the sender."""


def behaviour(number: str) -> Behaviour:
    """What happens to this E.164 number."""
    if number in TEST_RECIPIENTS:
        return Behaviour("a number of Twilio's test credentials", refuse=TEST_RECIPIENTS[number])
    return BY_ENDING.get(number[-7:], ORDINARY)


def is_dialable(number: str) -> bool:
    """Whether Twilio would take it as a number at all: E.164 of a possible length."""
    if not number.startswith("+"):
        return False
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    return (
        phonenumbers.is_possible_number(parsed)
        and phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number
    )

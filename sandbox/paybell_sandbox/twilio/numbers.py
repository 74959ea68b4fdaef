"""Numbers that drive outcomes, as Twilio's own test numbers do.

The last seven digits decide, in any region, so that each outcome can be had for a valid number of any country.
"""

from dataclasses import dataclass

import phonenumbers


@dataclass(frozen=True)
class Behaviour:
    """What happens to messages and calls to a number.

    Attributes:
        refuse: Twilio's error code for the create call; 0 where it is accepted.
        statuses: what the carrier says after acceptance, in order.
        error_code: with a last status of failed or undelivered.
        meaning: in plain words.
    """

    meaning: str
    refuse: int = 0
    statuses: tuple[str, ...] = ("sent", "delivered")
    error_code: int = 0


ORDINARY = Behaviour("is delivered")

BY_ENDING: dict[str, Behaviour] = {
    "5550199": Behaviour("the carrier never says more than sent", statuses=("sent",)),
    "5550198": Behaviour("no callback ever comes", statuses=()),
    "5550103": Behaviour("undelivered: the handset is off", statuses=("sent", "undelivered"), error_code=30003),
    "5550105": Behaviour(
        "undelivered: the number does not exist any more", statuses=("sent", "undelivered"), error_code=30005
    ),
    "5550106": Behaviour(
        "undelivered: a landline behind a carrier", statuses=("sent", "undelivered"), error_code=30006
    ),
    "5550107": Behaviour("undelivered: filtered by the carrier", statuses=("sent", "undelivered"), error_code=30007),
    "5550108": Behaviour("failed: unknown error", statuses=("failed",), error_code=30008),
    "5550110": Behaviour("refused: the recipient has opted out", refuse=21610),
    "5550111": Behaviour("refused: not a valid number", refuse=21211),
    "5550112": Behaviour("refused: this sender cannot reach it", refuse=21612),
    "5550114": Behaviour("refused: not a mobile number", refuse=21614),
    "5550118": Behaviour("refused: the country is not enabled", refuse=21408),
    "5550129": Behaviour("refused: too many requests, every time", refuse=20429),
}


def behaviour(number: str) -> Behaviour:
    """What happens to this E.164 number."""
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

"""What a reply means before anybody reads it as an answer: stop, start, help. Pure.

Source: https://help.twilio.com/articles/223134027 (opt-out keywords on long codes, list of today). Twilio acts on these
words itself where they are the whole message; the message still reaches us. We read a little more generously in the one
direction that is safe: a stop with a full stop, quotes or in two words is a stop.
"""

import re
import unicodedata
from enum import StrEnum

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "UNSTOP"})
"""Twilio also takes a bare YES. We do not: it is an answer, unless Twilio says that it opted somebody in by it."""
HELP = frozenset({"HELP", "INFO"})

_OUTER = re.compile(r"^[\W_]+|[\W_]+$")
_BETWEEN = re.compile(r"[\s\-]+")
_TWO_WORDS = frozenset({"STOP ALL", "OPT OUT"})


class Meaning(StrEnum):
    """What a reply is taken as."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    ANSWER = "answer"
    """About a question that its number was asked; known only once it is acted on."""
    OTHER = "other"


def meaning(body: str, opt_out_type: str = "") -> Meaning:
    """What the reply `body` means; `opt_out_type` is what Twilio's Advanced Opt-Out made of it, and wins for its own.

    A text that says stop is a stop whatever Twilio made of it: consent fails closed.
    """
    words = _BETWEEN.sub(" ", _OUTER.sub("", unicodedata.normalize("NFKC", body))).upper()
    if words in STOP or words in _TWO_WORDS or opt_out_type == "STOP":
        return Meaning.STOP
    if opt_out_type == "START":
        return Meaning.START
    if opt_out_type == "HELP":
        return Meaning.HELP
    if words in START:
        return Meaning.START
    if words in HELP:
        return Meaning.HELP
    return Meaning.OTHER

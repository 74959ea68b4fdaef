"""Reads a reply as agreement where no money hangs on it: "OK", "got it", a thumb, the code alone. Pure.

To a question that moves money none of these is an answer: "OK" may mean "I have read it". To one that asks who takes a matter it means
that somebody does, and asking the next person all the same would be wrong.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Final


class Agreement(StrEnum):
    """What a reply agrees with, if anything: in words or by a sign; by naming a number and nothing else."""

    NONE = "none"
    WORD = "word"
    NUMBER = "number"


_AGREED: Final = frozenset(
    [
        "ok",
        "okay",
        "okey",
        "okidoki",
        "got",
        "take",
        "taking",
        "taken",
        "on",
        "will",
        "ill",
        "roger",
        "sure",
        "ubernehme",
        "mache",
        "geht",
        "klar",
        "daccord",
        "accord",
        "vale",
        "claro",
        "certo",
        "了解",
        "了解です",
        "承知しました",
    ]
)
_BESIDE: Final = frozenset(
    [
        "yes",
        "yep",
        "yeah",
        "ja",
        "oui",
        "si",
        "sim",
        "it",
        "i",
        "im",
        "am",
        "me",
        "mine",
        "this",
        "that",
        "the",
        "one",
        "do",
        "its",
        "all",
        "right",
        "thanks",
        "thank",
        "please",
        "hi",
        "hello",
        "ich",
        "es",
        "das",
        "alles",
        "danke",
        "bitte",
        "d",
        "je",
        "le",
        "la",
        "merci",
        "gracias",
        "eu",
        "obrigado",
        "obrigada",
        "code",
        "ref",
    ]
)
"""Words that go with agreement. Any other word makes a reply something that a person must read."""
_SIGNS: Final = ("👍", "👌", "✅")
_LONGEST: Final = 200


def agreement(text: str) -> Agreement:
    """What a reply agrees with."""
    if len(text) > _LONGEST or "?" in text or "？" in text:
        return Agreement.NONE
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    plain = re.sub(r"['\u2019\u02bc]", "", "".join(one for one in folded if not 0x300 <= ord(one) < 0x370))
    words = set(re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", plain)))
    if words - _AGREED - _BESIDE:
        return Agreement.NONE
    if words & _AGREED or any(sign in text for sign in _SIGNS):
        return Agreement.WORD
    return Agreement.NUMBER if not words and any(one.isdigit() for one in plain) else Agreement.NONE

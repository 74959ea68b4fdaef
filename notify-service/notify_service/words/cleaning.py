"""Makes text cheap where that costs nothing, and harmless where somebody else chose the words."""

import re
import unicodedata
from typing import Final

CHEAP: Final = str.maketrans({
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "\u200b": "", "\ufeff": "",
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u2032": "'", "\u00b4": "'", "`": "'",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2033": '"', "\u00ab": '"', "\u00bb": '"',
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-",
    "\u2026": "...", "\u2022": "-", "\u00b7": "-",
})  # fmt: skip
"""Characters outside GSM-7 that have a look-alike inside: one of them would double the price of a whole text."""

_DOT: Final = "[.\u3002\uff0e\uff61]"
"""Browsers take the ideographic full stops for dots too."""
_URL = re.compile(
    rf"(?i)[\w+.-]*://\S*|\bwww{_DOT}\S*|\b[\w-]+(?:{_DOT}[\w-]+)*{_DOT}[^\W\d_]{{2,24}}(?:[/:?#]\S*)?(?![\w@])"
)
_SPACES = re.compile(r"\s+")


def cheapen(text: str) -> str:
    """The same words in cheaper characters."""
    return text.translate(CHEAP)


def neutralise(text: str, longest: int) -> str:
    """Words that a customer typed, without anything that acts: no link, no control or direction character, and short."""
    visible = "".join(
        " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character
        for character in unicodedata.normalize("NFC", text[: 4 * longest])
        if unicodedata.category(character) not in ("Cf", "Co", "Cs", "Cn")
    )
    plain = _SPACES.sub(" ", _URL.sub(" ", visible)).strip()
    return plain if len(plain) <= longest else _cut(plain, longest)


def _cut(text: str, longest: int) -> str:
    kept = text[: longest - 3]
    while kept and unicodedata.combining(text[len(kept)]):  # never between a letter and its accent
        kept = kept[:-1]
    return kept.rstrip() + "..."

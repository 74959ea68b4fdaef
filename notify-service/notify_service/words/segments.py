"""How many parts a text is billed as, and which character makes it dear (3GPP 23.038)."""

from dataclasses import dataclass
from typing import Final

GSM7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION: Final = frozenset("^{}\\[~]|€\f")
"""Two places each, never split over two parts."""


@dataclass(frozen=True, slots=True)
class Count:
    """What a text costs.

    Attributes:
        unicode: whether one character forced the whole text into UCS-2.
        culprit: that character, the first one.
    """

    segments: int
    unicode: bool
    culprit: str = ""


def count(text: str) -> Count:
    """Counts the parts of a text."""
    culprit = next((character for character in text if character not in GSM7 and character not in EXTENSION), "")
    if not culprit:
        return Count(_parts([2 if character in EXTENSION else 1 for character in text], 160, 153), unicode=False)
    return Count(
        _parts([1 if ord(character) < 0x10000 else 2 for character in text], 70, 67), unicode=True, culprit=culprit
    )


def _parts(costs: list[int], single: int, several: int) -> int:
    if sum(costs) <= single:
        return 1
    parts, used = 1, 0
    for cost in costs:
        if used + cost > several:
            parts, used = parts + 1, 0
        used += cost
    return parts

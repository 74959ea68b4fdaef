"""Which of a person's numbers is taken: E.164, with the right region, of a kind the channel can reach. Pure.

Numbers are free text that humans typed, so validity is demanded, not mere possibility: a national number read in the wrong region is
silently another person's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import phonenumbers
from phonenumbers import PhoneNumberType

Refusal = Literal["missing", "unreadable", "invalid", "wrong_kind", "extension", "not_allowed"]

TEXTABLE: Final = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.VOIP})
CALLABLE: Final = TEXTABLE | {PhoneNumberType.FIXED_LINE}
KINDS: Final = {
    PhoneNumberType.FIXED_LINE: "fixed_line", PhoneNumberType.MOBILE: "mobile", PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free", PhoneNumberType.PREMIUM_RATE: "premium_rate", PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip", PhoneNumberType.PERSONAL_NUMBER: "personal", PhoneNumberType.PAGER: "pager", PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}  # fmt: skip

NO_COUNTRY: Final = "001"
"""The plans of satellite telephones and of worldwide services: dear, and nobody's who buys in a shop."""

REASONS: Final = {
    "missing": "is empty",
    "unreadable": "cannot be read as a number",
    "invalid": "is not a valid number in any of the regions given",
    "wrong_kind": "is of a kind that the channels cannot reach",
    "extension": "has an extension, which a text cannot reach",
    "not_allowed": "may not be used on the channels that reach it",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number as the caller holds it."""

    number: str
    source: str
    region_hints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A dialable number.

    Attributes:
        region: ISO 3166-1 of its plan.
        kind: as ``mobile``.
        channels: those that can reach it.
        masked: its last two digits behind dots.
    """

    e164: str
    region: str
    kind: str
    channels: frozenset[str]

    @property
    def masked(self) -> str:
        """For people: ``••••71``."""
        return f"••••{self.e164[-2:]}"

    def __repr__(self) -> str:
        """Without the number."""
        return f"Number({self.masked})"


@dataclass(frozen=True, slots=True)
class Choice:
    """The number taken and its index, or why each candidate was refused."""

    number: Number | None
    index: int
    refused: tuple[tuple[str, Refusal], ...]


@lru_cache(maxsize=65_536)
def read(text: str, regions: tuple[str, ...]) -> Number | Refusal:
    """A number as typed, read in the first region in which it is valid."""
    if not text.strip():
        return "missing"
    worst: Refusal = "unreadable"
    for region in regions or ("ZZ",):
        try:
            parsed = phonenumbers.parse(text, region.upper())
        except phonenumbers.NumberParseException:
            continue
        if parsed.extension:
            return "extension"
        if not phonenumbers.is_valid_number(parsed):
            worst = "invalid"
            continue
        kind = phonenumbers.number_type(parsed)
        channels = frozenset(
            {"sms", "whatsapp", "voice"} if kind in TEXTABLE else {"voice"} if kind in CALLABLE else ()
        )
        home = phonenumbers.region_code_for_number(parsed) or NO_COUNTRY
        if not channels or home == NO_COUNTRY:
            return "wrong_kind"
        return Number(
            phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
            home,
            KINDS.get(kind, "unknown"),
            channels,
        )
    return worst


_WHATSAPP_IDS: Final = (
    (re.compile(r"\+521(\d{10})"), r"+52\1"),
    (re.compile(r"\+55(\d{2})([6-9]\d{7})"), r"+55\g<1>9\2"),
)
"""Mexico left out the 1 of its mobiles in 2019, and Brazil put a 9 before its own: accounts of before keep their id as it was."""


def of_whatsapp(identity: str) -> str:
    """The number that a WhatsApp id stands for. Whoever is written to as +52 55… may answer as +521 55…."""
    for old, new in _WHATSAPP_IDS:
        if old.fullmatch(identity):
            return old.sub(new, identity)
    return identity


def choices(candidates: Sequence[Candidate], channels: Sequence[str]) -> tuple[Choice, ...]:
    """Each number that a wanted channel can reach, in the order of the candidates; one choice without a number where there is none."""
    found: dict[str, Choice] = {}
    refused: list[tuple[str, Refusal]] = []
    for index, candidate in enumerate(candidates):
        number = read(candidate.number, candidate.region_hints)
        if isinstance(number, Number):
            if number.channels & set(channels):
                found.setdefault(number.e164, Choice(number, index, tuple(refused)))
                continue
            number = "wrong_kind"
        refused.append((candidate.source, number))
    return tuple(found.values()) or (Choice(None, -1, tuple(refused)),)


def choose(candidates: Sequence[Candidate], channels: Sequence[str]) -> Choice:
    """The first candidate that a wanted channel can reach."""
    return choices(candidates, channels)[0]


def explain(choice: Choice) -> str:
    """Why no number was taken, in plain words and without the numbers."""
    if not choice.refused:
        return "no number is known"
    return "; ".join(f"{source} {REASONS[refusal]}" for source, refusal in choice.refused)

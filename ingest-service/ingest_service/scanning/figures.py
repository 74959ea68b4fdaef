"""A day's figures: what happened how often, and the money of it by currency. Pure; as a digest says them and as they are kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

LINES: Final = ("new", "renewed", "failed", "recovered", "cancelled", "refunded", "disputed")

_LINE_OF: Final[Mapping[str, str]] = {
    "subscription_started": "new",
    "subscription_ended": "cancelled",
    "payment_failed": "failed",
    "payment_recovered": "recovered",
    "refund_issued": "refunded",
    "dispute_opened": "disputed",
}
_PURSE_OF: Final[Mapping[str, str]] = {
    "payment_succeeded": "received",
    "payment_recovered": "received",
    "payment_failed": "failing",
    "refund_issued": "returned",
}
KINDS: Final = tuple(sorted({*_LINE_OF, *_PURSE_OF}))
"""Facts that count."""

RENEWAL: Final = "subscription_cycle"


class Tally(NamedTuple):
    """So many things of a kind, and their money together (minor units)."""

    kind: str
    billing_reason: str
    currency: str
    exponent: int
    number: int
    amount: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts by line, and money by purse and currency ("usd/2": minor units with two decimals)."""

    counts: Mapping[str, int] = field(default_factory=dict)
    money: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Nothing happened."""
        return not any(self.counts.values()) and not any(any(purse.values()) for purse in self.money.values())

    def to_json(self) -> dict[str, Any]:
        """As it is kept and told."""
        return {"counts": dict(self.counts), "money": {name: dict(purse) for name, purse in self.money.items()}}

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> "Figures":
        """The reverse."""
        return Figures(stored["counts"], stored["money"])

    def and_(self, other: "Figures") -> "Figures":
        """Both together."""
        return _combined(self, other, 1)

    def beyond(self, told: "Figures") -> "Figures":
        """What there is now that had not been told: never less than nothing."""
        return _combined(self, told, -1)


def figures(tallies: Iterable[Tally]) -> Figures:
    """The figures of what was counted."""
    counts: dict[str, int] = {}
    money: dict[str, dict[str, int]] = {}
    for each in tallies:
        line = _LINE_OF.get(each.kind)
        if each.kind == "payment_succeeded" and each.billing_reason == RENEWAL:
            line = "renewed"
        if line is not None:
            counts[line] = counts.get(line, 0) + each.number
        purse = _PURSE_OF.get(each.kind)
        if purse is not None and each.currency:
            held, name = money.setdefault(purse, {}), f"{each.currency}/{each.exponent}"
            held[name] = held.get(name, 0) + each.amount
    return Figures(counts, money)


def _combined(one: Figures, other: Figures, sign: int) -> Figures:
    money = {
        purse: _added(one.money.get(purse, {}), other.money.get(purse, {}), sign)
        for purse in sorted({*one.money, *other.money})
    }
    return Figures(_added(one.counts, other.counts, sign), money)


def _added(here: Mapping[str, int], there: Mapping[str, int], sign: int) -> dict[str, int]:
    return {name: max(0, here.get(name, 0) + sign * there.get(name, 0)) for name in sorted({*here, *there})}


def largest(purse: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """(currency, exponent, minor units), the largest amounts first, by their number of units; what is nothing is left out."""
    found = []
    for name, amount in purse.items():
        currency, _, exponent = name.partition("/")
        if amount > 0:
            found.append((currency, int(exponent), amount))
    return sorted(found, key=lambda each: (-Decimal(each[2]).scaleb(-each[1]), each[0]))

"""How far an answer from a number may be trusted, by when the number became known. Pure.

Whoever took over an account changes its number first; whoever pays with a stolen card gives their own. So a question goes only to the
numbers that are trusted most, and what is asked of a number that is trusted less never acts by itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

RECENT: Final = timedelta(hours=72)
"""A number that replaced another one within this time, or was put beside an older one, is not acted on."""

BEFORE: Final = timedelta(hours=1)
"""A number is known before a payment where it was known this long before: whoever opens an account to pay gives both at once."""


class Trust(StrEnum):
    """What is known of the numbers that a question goes to, the most trusted first."""

    KNOWN_BEFORE = "known_before"
    GIVEN_WITH = "given_with"  # with this very payment: it may be the payer's who is no owner of the card
    CHANGED = "changed"  # younger than the payment, or put in the place of another one or beside it lately
    TEAM = "team"  # somebody who works for the business


def trust_of(
    address: Mapping[str, Any], *, paid_at: float | None, now: datetime, known_since: float | None = None
) -> Trust:
    """Of one number as the fold keeps it.

    Args:
        address: the number.
        paid_at: Unix seconds of the payment, None where the question is about none.
        now: business time.
        known_since: Unix seconds since when the person has been known by any number, None where only this one counts.
    """
    seen = address.get("first_seen_at")
    if not isinstance(seen, int | float):
        return Trust.CHANGED
    # what is given in one go, as at a first checkout, is no addition
    added = known_since is not None and seen - known_since > BEFORE.total_seconds()
    if (address.get("replaced_another") or added) and now.timestamp() - seen < RECENT.total_seconds():
        return Trust.CHANGED
    if paid_at is None or seen <= paid_at - BEFORE.total_seconds():
        return Trust.KNOWN_BEFORE
    return Trust.GIVEN_WITH if seen <= paid_at else Trust.CHANGED


def most_trusted(
    addresses: Sequence[Mapping[str, Any]], *, paid_at: float | None, now: datetime
) -> tuple[Trust, list[Mapping[str, Any]]]:
    """The numbers that are trusted most, in their order, and how far they are."""
    times = [seen for one in addresses if isinstance(seen := one.get("first_seen_at"), int | float)]
    known_since = min(times, default=None)
    by_trust: dict[Trust, list[Mapping[str, Any]]] = {}
    for address in addresses:
        trust = trust_of(address, paid_at=paid_at, now=now, known_since=known_since)
        by_trust.setdefault(trust, []).append(address)
    best = next((trust for trust in Trust if trust in by_trust), Trust.CHANGED)
    return best, by_trust.get(best, [])

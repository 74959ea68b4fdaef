"""Schedules: what is looked for by itself, on which days, at what time. How a file becomes them stands in schedules_file.py. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Final, Literal
from zoneinfo import ZoneInfo

Scan = str
"""The name of a scan: ``renewal:7``, ``trial:3``, ``card:30``, ``digest``."""

MOST_DAYS: Final = 60


class Renewals(StrEnum):
    """Which renewals are worth a reminder."""

    ALL = "all"
    EXPIRING_CARD = "expiring_card"  # the card has expired, or does before the renewal
    ANNUAL = "annual"


@dataclass(frozen=True, slots=True)
class Who:
    """Which renewals are reminded of: those that fit any of these.

    Attributes:
        above: minor units by currency, which the subscription's prices must come to.
    """

    kinds: frozenset[Renewals] = frozenset({Renewals.EXPIRING_CARD})
    above: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reminders:
    """Reminders so many days before, at this time of the account's zone."""

    days: tuple[int, ...]
    at: time
    line: int
    who: Who = Who()


@dataclass(frozen=True, slots=True)
class DigestTime:
    """When a team's day is closed: at this time of this zone, or of the account's where there is none."""

    to: str
    at: time
    zone: ZoneInfo | None
    empty: Literal["skip", "say"]
    line: int


@dataclass(frozen=True, slots=True)
class Schedules:
    """Everything that is looked for by itself. None: it is not."""

    renewal_reminders: Reminders | None = None
    trial_reminders: Reminders | None = None
    card_reminders: Reminders | None = None
    digest: DigestTime | None = None

    def scans(self) -> Iterator[tuple[Scan, time]]:
        """Every scan with its time of day."""
        for what, reminders in (
            ("renewal", self.renewal_reminders),
            ("trial", self.trial_reminders),
            ("card", self.card_reminders),
        ):
            if reminders is not None:
                yield from ((f"{what}:{days}", reminders.at) for days in reminders.days)
        if self.digest is not None:
            yield "digest", self.digest.at

    def zone_of(self, scan: Scan, account_zone: ZoneInfo) -> ZoneInfo:
        """The zone in which a scan's days begin."""
        own = self.digest.zone if scan == "digest" and self.digest is not None else None
        return own or account_zone


MAKES: Final[Mapping[str, str]] = {
    "renewal_due": "renewal_reminders",
    "card_expiring": "card_reminders",
    "digest": "digest",
}
"""Facts that nothing but a schedule makes. (Of a trial's end Stripe also tells by itself.)"""

"""The days of a scan: which there are, when each is due, what it looks at, and when it is too late for it. Pure.

A day is a calendar day in the account's zone; what it looks at is another one, so many days later. Both are days of 23, 24 or 25
hours, and a time of day that a spring night leaves out is the one an hour later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

LONGEST_CATCH_UP: Final = timedelta(days=31)
"""Older days are not looked at after an outage."""

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """One day of a scan, as its row names it."""

    day: date
    due_at: datetime

    @property
    def name(self) -> str:
        """``2026-11-23``."""
        return self.day.isoformat()


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The calendar day there."""
    return at.astimezone(zone).date()


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When it is this time on this day, UTC. Of a time that comes twice the first; one that is left out comes an hour later."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The beginning of a day, and that of the next, UTC."""
    return moment(day, time(0), zone), moment(day + DAY, time(0), zone)


def offset_of(scan: str) -> int:
    """The days between a scan's day and the one it looks at: 7 for ``renewal:7``."""
    offset = scan.partition(":")[2]
    return int(offset) if offset.isdecimal() else 0


def target(scan: str, day: date) -> date:
    """The day that a scan looks at."""
    return day + timedelta(days=offset_of(scan))


def is_day_of(scan: str, day: date) -> bool:
    """Whether a scan has this day. Cards end with their month, so that theirs is one day a month; all others are daily."""
    return not scan.startswith("card:") or (target(scan, day) + DAY).day == 1


def following(scan: str, day: date) -> date:
    """The next day of a scan."""
    after = day + DAY
    while not is_day_of(scan, after):
        after += DAY
    return after


def passed(day: date, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a day is over: what it was for is not said any more."""
    return local_day(now, zone) > day


def first(scan: str, at: time, zone: ZoneInfo, now: datetime) -> Window:
    """Where a scan begins that has no row: today, whatever the time, or its next day."""
    today = local_day(now, zone)
    day = today if is_day_of(scan, today) else following(scan, today)
    return Window(day, moment(day, at, zone))


def missing(scan: str, newest: date, at: time, zone: ZoneInfo, now: datetime) -> Iterator[Window]:
    """The days behind the newest one that has a row, up to the first that is still to come.

    After a long outage, or where a clock was moved far, they begin a month ago.
    """
    due_at = moment(newest, at, zone)
    day = max(newest, local_day(now, zone) - LONGEST_CATCH_UP - DAY)
    while due_at <= now:
        day = following(scan, day)
        due_at = moment(day, at, zone)
        yield Window(day, due_at)

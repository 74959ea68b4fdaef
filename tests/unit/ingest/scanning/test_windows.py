"""The days of a scan, by value and by property: nights of 23 and 25 hours, ends of months, 29 February, any zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.planning.implied_rules import of_use
from ingest_service.planning.schedules import DigestTime, Reminders, Schedules
from ingest_service.scanning import windows
from ingest_service.scanning.agenda import agenda
from ingest_service.scanning.scan_queue import Row

VIENNA, NEW_YORK, LORD_HOWE = ZoneInfo("Europe/Vienna"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Vienna",
        "America/New_York",
        "Asia/Kolkata",
        "Pacific/Kiritimati",
        "Pacific/Apia",
        "Australia/Lord_Howe",
    ]
).map(ZoneInfo)
DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_time_that_a_spring_night_leaves_out_is_the_one_an_hour_later_and_one_that_comes_twice_is_the_first() -> None:
    assert windows.moment(date(2026, 3, 29), time(2, 30), VIENNA) == utc("2026-03-29T01:30")
    assert windows.moment(date(2026, 3, 29), time(2, 30), VIENNA).astimezone(VIENNA).hour == 3
    assert windows.moment(date(2026, 10, 25), time(2, 30), VIENNA) == utc("2026-10-25T00:30")
    assert windows.moment(date(2026, 11, 1), time(1, 30), NEW_YORK) == utc("2026-11-01T05:30")


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), VIENNA, 23), (date(2026, 10, 25), VIENNA, 25), (date(2026, 11, 1), NEW_YORK, 25),
        (date(2026, 4, 5), LORD_HOWE, 24.5), (date(2028, 2, 29), VIENNA, 24),
    ],
)  # fmt: skip
def test_a_day_has_its_own_length(day: date, zone: ZoneInfo, hours: float) -> None:
    begin, end = windows.bounds(day, zone)
    assert end - begin == timedelta(hours=hours)


@given(DAYS, ZONES)
def test_days_follow_each_other_without_gap_or_overlap(day: date, zone: ZoneInfo) -> None:
    assert windows.bounds(day, zone)[1] == windows.bounds(day + timedelta(days=1), zone)[0]


@given(DAYS, TIMES, ZONES)
def test_the_moment_of_a_day_lies_in_that_day(day: date, at: time, zone: ZoneInfo) -> None:
    moment = windows.moment(day, at, zone)
    assert windows.local_day(moment, zone) in (day, day + timedelta(days=1))  # Samoa and Kiribati left whole days out
    assert windows.moment(day, at, zone) < windows.moment(day + timedelta(days=2), at, zone)


MINUTES = st.integers(0, 8 * 366 * 1_440)


@given(MINUTES.map(lambda n: utc("2024-01-01T00:00") + timedelta(minutes=n)), st.integers(1, 60), ZONES)
def test_every_renewal_is_on_exactly_one_day_of_an_offset(at: datetime, offset: int, zone: ZoneInfo) -> None:
    scan = f"renewal:{offset}"
    renews = windows.local_day(at, zone)
    days = [renews - timedelta(days=n) for n in range(offset - 2, offset + 3)]
    assert [day for day in days if windows.target(scan, day) == renews] == [renews - timedelta(days=offset)]
    begin, end = windows.bounds(renews, zone)
    assert begin <= at < end


@pytest.mark.parametrize(
    ("scan", "day", "following"),
    [
        ("card:7", date(2026, 2, 1), date(2026, 2, 21)), ("card:7", date(2028, 2, 1), date(2028, 2, 22)),
        ("card:30", date(2026, 11, 1), date(2026, 12, 1)), ("card:1", date(2026, 11, 29), date(2026, 12, 30)),
        ("card:60", date(2026, 11, 1), date(2026, 12, 2)), ("renewal:7", date(2026, 12, 31), date(2027, 1, 1)),
        ("digest", date(2028, 2, 28), date(2028, 2, 29)),
    ],
)  # fmt: skip
def test_cards_have_a_day_a_month_and_everything_else_has_every_day(scan: str, day: date, following: date) -> None:
    assert windows.following(scan, day) == following


@given(st.integers(1, 60), DAYS)
def test_every_month_has_one_day_of_a_card_scan(offset: int, day: date) -> None:
    first = windows.following(f"card:{offset}", day)
    second = windows.following(f"card:{offset}", first)
    ends = [windows.target(f"card:{offset}", one) for one in (first, second)]
    assert [(one + timedelta(days=1)).day for one in ends] == [1, 1]
    assert (ends[1].year * 12 + ends[1].month) - (ends[0].year * 12 + ends[0].month) == 1


@given(TIMES, DAYS, ZONES)
def test_a_reminder_is_never_of_use_after_its_day(at: time, day: date, zone: ZoneInfo) -> None:
    if at > time(21, 0):
        return  # at least half an hour it must have
    ends = windows.moment(day, at, zone) + of_use(at)
    assert ends <= windows.bounds(day, zone)[1] + timedelta(hours=1)


SCHEDULES = Schedules(
    renewal_reminders=Reminders((7, 3), time(10), 1), digest=DigestTime("team:x", time(18), VIENNA, "skip", 2)
)


def test_a_schedule_begins_today_and_always_has_a_day_that_is_still_to_come() -> None:
    made = agenda(SCHEDULES, [], ZoneInfo("UTC"), utc("2026-11-23T12:00"))
    assert [(row.scan, row.window) for row in made.add] == [
        ("renewal:7", "2026-11-23"), ("renewal:7", "2026-11-24"), ("renewal:3", "2026-11-23"), ("renewal:3", "2026-11-24"),
        ("digest", "2026-11-23"),
    ]  # fmt: skip
    assert made.add[-1].due_at == utc("2026-11-23T17:00")  # six in the evening in Vienna
    assert agenda(SCHEDULES, made.add, ZoneInfo("UTC"), utc("2026-11-23T12:00")).add == []


def test_days_that_an_outage_skipped_are_added_each_but_for_those_of_more_than_a_month() -> None:
    opened = [Row("renewal:7", "2026-11-23", utc("2026-11-23T10:00"))]
    only = Schedules(renewal_reminders=Reminders((7,), time(10), 1))
    week = agenda(only, opened, ZoneInfo("UTC"), utc("2026-11-30T09:00"))
    assert [row.window for row in week.add] == [f"2026-11-{day}" for day in range(24, 31)]
    year = agenda(only, opened, ZoneInfo("UTC"), utc("2027-11-30T09:00"))
    assert (year.add[0].window, len(year.add)) == ("2027-10-30", 32)


def test_a_schedule_that_is_off_loses_its_days_and_another_time_moves_those_to_come() -> None:
    opened = [
        Row("renewal:7", "2026-11-24", utc("2026-11-24T10:00")),
        Row("trial:3", "2026-11-24", utc("2026-11-24T10:00")),
    ]
    later = Schedules(renewal_reminders=Reminders((7,), time(12), 1))
    made = agenda(later, opened, ZoneInfo("UTC"), utc("2026-11-23T12:00"))
    assert (made.add, made.drop) == ([], [opened[1]])
    assert made.move == [Row("renewal:7", "2026-11-24", utc("2026-11-24T12:00"))]


@given(st.lists(st.integers(0, 60 * 24 * 40), min_size=1, max_size=12), TIMES, ZONES)
def test_whenever_it_is_looked_at_no_day_is_left_out_or_twice_on_the_agenda(
    minutes: list[int], at: time, zone: ZoneInfo
) -> None:
    only = Schedules(renewal_reminders=Reminders((7,), at, 1))
    begin = utc("2026-03-01T00:00")
    rows: list[Row] = []
    for moment in sorted(minutes):
        now = begin + timedelta(minutes=moment)
        rows += agenda(only, rows[-1:], zone, now).add
        assert rows[-1].due_at > now
    names = [row.window for row in rows]
    first, last = date.fromisoformat(names[0]), date.fromisoformat(names[-1])
    if (last - first).days <= 31:
        assert names == [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
    assert len(set(names)) == len(names)

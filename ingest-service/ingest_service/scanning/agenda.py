"""Which days of which scans must have a row, by the schedules in force and the rows that are open. Pure.

Of every schedule in force at least one day that is still to come has a row. What an outage skipped is therefore known by its
row, and told apart from a schedule that was off.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ingest_service.planning.schedules import Schedules
from ingest_service.scanning import windows
from ingest_service.scanning.scan_queue import Row


@dataclass(slots=True)
class Agenda:
    """What is to be changed."""

    add: list[Row] = field(default_factory=list)
    move: list[Row] = field(default_factory=list)
    drop: list[Row] = field(default_factory=list)


def agenda(schedules: Schedules, opened: Sequence[Row], zone: ZoneInfo, now: datetime) -> Agenda:
    """Compares the schedules in force with the open rows."""
    made = Agenda()
    times = dict(schedules.scans())
    newest: dict[str, date] = {}
    for row in opened:
        at = times.get(row.scan)
        if at is None:
            made.drop.append(row)
            continue
        day = date.fromisoformat(row.window)
        newest[row.scan] = max(day, newest.get(row.scan, day))
        due_at = windows.moment(day, at, schedules.zone_of(row.scan, zone))
        if due_at != row.due_at and row.due_at > now:
            made.move.append(Row(row.scan, row.window, due_at))
    for scan, at in times.items():
        own, known = schedules.zone_of(scan, zone), newest.get(scan)
        if known is None:
            first = windows.first(scan, at, own, now)
            made.add.append(Row(scan, first.name, first.due_at))
            known = first.day
        made.add += [Row(scan, one.name, one.due_at) for one in windows.missing(scan, known, at, own, now)]
    return made

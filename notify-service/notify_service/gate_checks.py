"""The checks that a message passed or failed, with what each rested on, as its story tells them (SQL)."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import orjson

_ADD = """
INSERT INTO gate_check (account_id, created_on, notification_id, round, checks)
SELECT $1, * FROM unnest($2::date[], $3::uuid[], $4::int[], $5::jsonb[])
"""
_APPEND = """
UPDATE gate_check g SET checks = g.checks || w.checks
FROM unnest($2::date[], $3::uuid[], $4::int[], $5::jsonb[]) AS w (created_on, notification_id, round, checks)
WHERE g.account_id = $1 AND g.created_on = w.created_on AND g.notification_id = w.notification_id AND g.round = w.round
"""


@dataclass(frozen=True, slots=True)
class Check:
    """A check that a message passed or failed."""

    name: str
    passed: bool
    sentence: str
    details: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> list[Any]:
        """As it is stored."""
        return [self.name, self.passed, self.sentence, dict(self.details)]


class Checked(NamedTuple):
    """What was checked of one round of a notification."""

    created_on: datetime.date
    notification_id: UUID
    round: int
    checks: Sequence[Check]


def passed(name: str, sentence: str, details: Mapping[str, str] | None = None) -> Check:
    """A check that let it through."""
    return Check(name=name, passed=True, sentence=sentence, details=details or {})


def failed(name: str, sentence: str, details: Mapping[str, str] | None = None) -> Check:
    """A check that did not."""
    return Check(name=name, passed=False, sentence=sentence, details=details or {})


async def add(conn: Any, account_id: str, checked: Sequence[Checked], now: datetime.datetime) -> None:
    """Stores the checks of new rounds."""
    await conn.execute(_ADD, account_id, *_columns(checked, now))


async def append(conn: Any, account_id: str, checked: Sequence[Checked], now: datetime.datetime) -> None:
    """Adds to the checks of rounds; where the day of their partition is dropped already, there is nothing left to add to."""
    await conn.execute(_APPEND, account_id, *_columns(checked, now))


def _columns(checked: Sequence[Checked], now: datetime.datetime) -> list[list[Any]]:
    at = now.isoformat()
    rows = [
        (
            one.created_on,
            one.notification_id,
            one.round,
            orjson.dumps([[*check.to_json(), at] for check in one.checks]).decode(),
        )
        for one in checked
    ]
    return [list(column) for column in zip(*rows, strict=True)]

"""Reads notifications and all that happened to them. SQL."""

import base64
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from notify_service.intake.fields import RejectedError

COLUMNS = """n.*, (SELECT a.masked FROM address a WHERE a.account_id = n.account_id AND a.address_id = n.address_id) AS masked"""
MOST_STORIES = 50
MOST_REPLIES = 20
MOST_ANSWERS = 50
REPLIES_WITHIN = datetime.timedelta(days=7)
"""How long after a message what comes from its number is told as a reply."""


@dataclass(frozen=True, slots=True)
class Records:
    """A notification's row and the rows that belong to it."""

    notification: Any
    checks: list[Any]
    attempts: list[Any]
    receipts: list[Any]
    replies: list[Any]
    outcomes: list[Any]
    answers: list[Any]


async def one(conn: Any, account_id: str, caller: str, notification_id: UUID) -> Any:
    """A caller's notification, or None."""
    return await conn.fetchrow(
        f"SELECT {COLUMNS} FROM notification n WHERE n.account_id = $1 AND n.notification_id = $2 AND n.caller = $3",
        account_id, notification_id, caller,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """Which notifications to list; None and empty mean all."""

    states: Sequence[str] = ()
    concern: str | None = None
    person_id: str | None = None
    label: tuple[str, str] | None = None
    created_from: datetime.datetime | None = None
    created_until: datetime.datetime | None = None


def encode_token(row: Any) -> str:
    """Where the next page begins."""
    return base64.urlsafe_b64encode(
        orjson.dumps([row["business_created_at"].isoformat(), str(row["notification_id"])])
    ).decode()


def decode_token(token: str) -> tuple[datetime.datetime, UUID]:
    """Reads it back.

    Raises:
        RejectedError: where it is not one of ours.
    """
    try:
        created, identity = orjson.loads(base64.urlsafe_b64decode(token))
        return datetime.datetime.fromisoformat(created).astimezone(datetime.UTC), UUID(identity)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise RejectedError("page_token", "is not one that ListNotifications gave", "begin again without one") from None


async def listed(
    conn: Any, account_id: str, caller: str, wanted: Filter, after: tuple[datetime.datetime, UUID] | None, most: int
) -> list[Any]:
    """Notifications, newest first."""
    rows: list[Any] = await conn.fetch(
        f"""SELECT {COLUMNS} FROM notification n
            WHERE n.account_id = $1 AND n.caller = $2
              AND (cardinality($3::text[]) = 0 OR n.state = ANY($3))
              AND ($4::text IS NULL OR n.concern = $4) AND ($5::text IS NULL OR n.person_id = $5)
              AND ($6::jsonb IS NULL OR n.labels @> $6)
              AND ($7::timestamptz IS NULL OR n.business_created_at >= $7) AND ($8::timestamptz IS NULL OR n.business_created_at < $8)
              AND ($9::timestamptz IS NULL OR (n.business_created_at, n.notification_id) < ($9, $10))
            ORDER BY n.business_created_at DESC, n.notification_id DESC LIMIT $11""",
        account_id, caller, list(wanted.states), wanted.concern, wanted.person_id,
        orjson.dumps({wanted.label[0]: wanted.label[1]}).decode() if wanted.label else None,
        wanted.created_from, wanted.created_until, after[0] if after else None, after[1] if after else None, most,
    )  # fmt: skip
    return rows


async def of_concern(conn: Any, account_id: str, caller: str, concern: str) -> list[UUID]:
    """The notifications of a concern, oldest first."""
    rows = await conn.fetch(
        """SELECT notification_id FROM notification WHERE account_id = $1 AND concern = $2 AND caller = $3
           ORDER BY business_created_at, notification_id LIMIT $4""",
        account_id, concern, caller, MOST_STORIES,
    )  # fmt: skip
    return [row["notification_id"] for row in rows]


async def of_sid(conn: Any, account_id: str, sid: str) -> list[UUID]:
    """The notification that a message or call at the provider belongs to."""
    rows = await conn.fetch(
        "SELECT DISTINCT notification_id FROM attempt WHERE account_id = $1 AND sid = $2 LIMIT $3",
        account_id,
        sid,
        MOST_STORIES,
    )
    return [row["notification_id"] for row in rows]


async def records(conn: Any, account_id: str, caller: str, identity: UUID) -> Records | None:
    """Everything about a caller's notification, or None."""
    row = await one(conn, account_id, caller, identity)
    if row is None:
        return None
    where = (account_id, row["created_on"], identity)
    key = "created_on = $2 AND notification_id = $3"
    return Records(
        notification=row,
        checks=await conn.fetch(f"SELECT * FROM gate_check WHERE account_id = $1 AND {key} ORDER BY round", *where),
        attempts=await conn.fetch(f"SELECT * FROM attempt WHERE account_id = $1 AND {key} ORDER BY number", *where),
        receipts=await conn.fetch(
            f"SELECT * FROM receipt WHERE account_id = $1 AND {key} ORDER BY received_at", *where
        ),
        replies=await conn.fetch(
            """SELECT sid, channel, meaning, business_at FROM inbound
               WHERE account_id = $1 AND address_id = $2 AND state = 'done' AND business_at BETWEEN $3 AND $4
               ORDER BY received_at LIMIT $5""",
            account_id,
            row["address_id"],
            row["business_created_at"],
            row["business_created_at"] + REPLIES_WITHIN,
            MOST_REPLIES,
        )
        if row["address_id"] is not None
        else [],
        outcomes=await conn.fetch(
            "SELECT * FROM outcome WHERE account_id = $1 AND notification_id = $2 ORDER BY created_at",
            account_id,
            identity,
        ),
        answers=await conn.fetch(
            "SELECT * FROM challenge_event WHERE account_id = $1 AND challenge_id = $2 ORDER BY seq LIMIT $3",
            *(account_id, row["challenge_id"], MOST_ANSWERS),
        )
        if row["challenge_id"] is not None
        else [],
    )

"""Ends what a caller cancels. SQL.

The tombstone is written first and outlives every ``not_after``: what was true only before ``as_of`` is refused whenever it comes.
"""

import datetime
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from notify_service.challenges import store as challenges
from notify_service.delivery import states
from notify_service.intake import concern_lock
from notify_service.intake.request import OWN

KEPT = datetime.timedelta(days=40)
"""Longer than the longest ``not_after`` (35 days)."""

WAITING = ("queued", "handed_back", "held")
"""States that a cancel ends: nothing is under way and nothing has been sent."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancel did to one notification."""

    notification_id: UUID
    request_id: str
    ended: bool


async def cancel(
    conn: Any, account_id: str, caller: str, concern: str, as_of: datetime.datetime, now: datetime.datetime
) -> list[Cancelled]:
    """Cancels a concern in the caller's transaction; idempotent. Gives every notification of it that had not ended."""
    await concern_lock.hold(conn, account_id, caller, concern)
    await conn.execute(
        """INSERT INTO concern_cancel (account_id, caller, concern, as_of, expires_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (account_id, caller, concern) DO UPDATE
           SET as_of = greatest(concern_cancel.as_of, EXCLUDED.as_of), expires_at = greatest(concern_cancel.expires_at, EXCLUDED.expires_at)""",
        account_id, caller, concern, as_of, max(as_of, now) + KEPT,
    )  # fmt: skip
    rows = await conn.fetch(
        """SELECT notification_id, request_id, state, truth_read_at FROM notification
           WHERE account_id = $1 AND concern = $2 AND caller = $3
             AND state IN ('queued', 'handed_back', 'held', 'sending', 'unresolved', 'accepted', 'sent', 'cancelled')
           ORDER BY notification_id FOR UPDATE""",
        account_id, concern, caller,
    )  # fmt: skip
    ending = [row["notification_id"] for row in rows if row["state"] in WAITING and row["truth_read_at"] < as_of]
    for row in rows:
        if row["notification_id"] in ending:
            states.check_notification(row["state"], "cancelled")
    if ending:
        await conn.execute(
            """UPDATE notification SET state = 'cancelled', reason = 'concern_cancelled', due_at = NULL, state_at = $3,
                      detail = 'The concern is over.'
               WHERE account_id = $1 AND notification_id = ANY($2)""",
            account_id, ending, now,
        )  # fmt: skip
        await challenges.look_again(conn, account_id, ending)
    ended = set(ending)
    return [
        Cancelled(
            row["notification_id"], row["request_id"], row["notification_id"] in ended or row["state"] == "cancelled"
        )
        for row in rows
        if (row["notification_id"] in ended or row["state"] not in WAITING) and not row["request_id"].startswith(OWN)
    ]

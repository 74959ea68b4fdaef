"""Ends what nobody will claim any more: rows past their usefulness while sending is halted or nobody decided, rows of a sender that is gone (SQL).

The claim ends what it meets too late; this is for what it never meets.
"""

from datetime import datetime
from typing import Any

from notify_service.challenges import store as challenges

from . import states
from .case import NOTIFICATION_COLUMNS, Notification, Now
from .ports import NewOutcome, Outcomes
from .record import ended
from .senders import SendingAccount

_MOST = 500
_EXPIRE = f"""
WITH late AS MATERIALIZED (
    SELECT notification_id FROM notification WHERE account_id = $1 AND state = 'queued' AND not_after < $2
    ORDER BY notification_id LIMIT $3 FOR UPDATE SKIP LOCKED
), undecided AS MATERIALIZED (
    SELECT notification_id FROM notification WHERE account_id = $1 AND state = 'held' AND not_after < $2
    ORDER BY notification_id LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE notification n SET state = 'expired', reason = 'expired', detail = NULL, due_at = NULL, state_at = $2
FROM (SELECT notification_id FROM late UNION ALL SELECT notification_id FROM undecided) AS over
WHERE n.account_id = $1 AND n.notification_id = over.notification_id
RETURNING {NOTIFICATION_COLUMNS}
"""
_STRANDED = """
SELECT notification_id, channels, sender_scope FROM notification
WHERE account_id = $1 AND state = 'queued' AND sender <> ALL($2) ORDER BY notification_id LIMIT $3 FOR UPDATE SKIP LOCKED
"""
_MOVE = """
UPDATE notification n SET sender = w.sender FROM unnest($2::uuid[], $3::text[]) AS w (notification_id, sender)
WHERE n.account_id = $1 AND n.notification_id = w.notification_id
"""
_FAIL = f"""
UPDATE notification n SET state = 'failed', reason = 'sender_misconfigured', due_at = NULL, state_at = $3,
       detail = 'no sender is configured for its channels'
WHERE n.account_id = $1 AND n.notification_id = ANY($2) RETURNING {NOTIFICATION_COLUMNS}
"""


async def expire(conn: Any, account_id: str, outcomes: Outcomes, now: datetime) -> int:
    """Ends rows that wait for a turn or for a person and whose time has passed, in the caller's transaction; how many."""
    for waiting in ("queued", "held"):
        states.check_notification(waiting, "expired")
    rows = await conn.fetch(_EXPIRE, account_id, now, _MOST)
    await _tell(conn, account_id, outcomes, rows, now)
    return len(rows)


async def unstrand(conn: Any, account: SendingAccount, outcomes: Outcomes, now: datetime) -> int:
    """Gives queued rows of a sender that is no longer configured to the one that serves their channel now, or fails them."""
    rows = await conn.fetch(_STRANDED, account.account_id, list(account.senders()), _MOST)
    moved: list[tuple[Any, str]] = []
    failing: list[Any] = []
    for row in rows:
        senders = (account.sender_for(channel, row["sender_scope"]) for channel in row["channels"])
        sender = next((one for one in senders if one is not None), None)
        if sender is None:
            failing.append(row["notification_id"])
        else:
            moved.append((row["notification_id"], sender.name))
    if moved:
        await conn.execute(_MOVE, account.account_id, [one for one, _ in moved], [name for _, name in moved])
    if failing:
        states.check_notification("queued", "failed")
        failed = await conn.fetch(_FAIL, account.account_id, failing, now)
        await _tell(conn, account.account_id, outcomes, failed, now)
    return len(rows)


async def _tell(conn: Any, account_id: str, outcomes: Outcomes, rows: Any, now: datetime) -> None:
    told: list[NewOutcome] = [ended(Notification.of_row(account_id, row), "ended", Now(now, now)) for row in rows]
    if told:
        await outcomes.add(conn, told)
        await challenges.look_again(conn, account_id, [row["notification_id"] for row in rows if row["challenge_id"]])

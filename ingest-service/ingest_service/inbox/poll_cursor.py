"""How far a poll of Stripe's list has read. SQL.

Stripe lists the newest first. A walk down the list begins at its top and is done when the list ends; only then everything up to the
walk's newest event is stored, and the cursor moves there. Until then the row says where the walk stands, so that it goes on there
after a pause, a failure or a restart. Two walks at once do no harm: each writes its newest event and its place together.
"""

import datetime
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk down the list, as it stands.

    Attributes:
        since: everything that is older has been read by earlier walks.
        newest: the time of the first event of the walk.
        after: the id of the last event that was stored; empty where the walk begins.
    """

    since: datetime.datetime
    newest: datetime.datetime
    after: str = ""


async def begin(conn: Any, account_id: str, poll: str, now: datetime.datetime) -> Walk:
    """The walk that is under way, or a new one.

    The cursor is never in the future: a clock that is set back, as the sandbox does at its start, takes it along.
    """
    row = await conn.fetchrow(
        """INSERT INTO poll_cursor (account_id, poll, read_until) VALUES ($1, $2, $3)
           ON CONFLICT (account_id, poll)
           DO UPDATE SET updated_at = now(), read_until = least(poll_cursor.read_until, $3)
           RETURNING read_until, walk_newest, walk_after""",
        account_id, poll, now,
    )  # fmt: skip
    if row["walk_after"] is None:
        return Walk(row["read_until"], row["read_until"])
    return Walk(row["read_until"], row["walk_newest"], row["walk_after"])


async def keep(conn: Any, account_id: str, poll: str, walk: Walk) -> None:
    """Remembers where the walk goes on."""
    await conn.execute(
        """UPDATE poll_cursor SET walk_newest = $3, walk_after = $4, updated_at = now() WHERE account_id = $1 AND poll = $2""",
        account_id, poll, walk.newest, walk.after,
    )  # fmt: skip


async def finish(conn: Any, account_id: str, poll: str, walk: Walk) -> None:
    """The list has ended: everything up to the walk's newest event is stored."""
    await conn.execute(
        """UPDATE poll_cursor SET read_until = greatest(read_until, $3), walk_newest = NULL, walk_after = NULL, updated_at = now()
           WHERE account_id = $1 AND poll = $2""",
        account_id, poll, walk.newest,
    )  # fmt: skip


async def forget(conn: Any, account_id: str, poll: str) -> None:
    """Gives the walk up: Stripe does not know any more where it stood. The next one begins at the top."""
    await conn.execute(
        "UPDATE poll_cursor SET walk_newest = NULL, walk_after = NULL, updated_at = now() WHERE account_id = $1 AND poll = $2",
        account_id, poll,
    )  # fmt: skip

"""Every reply once, for ever; at the same time the queue of replies to act on (SQL).

A reply waits as ``received``, a start that met a stop also as ``undated``. It ends as ``done``, or ``set_aside`` where it cannot be
handled and is certainly no stop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from notify_service.sealing import Sealed

from .keyword_order import Keyword
from .keywords import Meaning

TRIES = 8
"""After so many failures a reply that is no stop is set aside."""
_TRIED_AGAIN = "least(interval '1 second' * 2 ^ least(tries, 8), interval '2 minutes')"
"""How long a reply waits after it could not be handled: two minutes at most, so that a stop is never far behind a repair."""

_STORE = """
WITH new AS (
    INSERT INTO inbound (account_id, sid, channel, received_on, business_at, provider_at, state, meaning, senders)
    VALUES ($1, $2, $3, (clock_timestamp() AT TIME ZONE 'UTC')::date, $4, $5, 'received', $8, $9)
    ON CONFLICT DO NOTHING RETURNING account_id, received_on, sid
)
INSERT INTO inbound_payload (account_id, received_on, sid, data_key_id, ciphertext)
SELECT account_id, received_on, sid, $6, $7 FROM new RETURNING 1
"""
OPEN = """
SELECT i.sid, i.received_at, i.business_at, i.provider_at, i.meaning, p.data_key_id, p.ciphertext
FROM inbound i
LEFT JOIN inbound_payload p ON p.account_id = i.account_id AND p.received_on = i.received_on AND p.sid = i.sid
WHERE i.account_id = $1 AND i.state = 'received' AND i.due_at <= clock_timestamp() ORDER BY i.due_at LIMIT $2
"""
_LOCK = "SELECT 1 FROM inbound WHERE account_id = $1 AND sid = $2 AND state = $3 FOR UPDATE SKIP LOCKED"
_DONE = """
UPDATE inbound SET state = 'done', meaning = $3, address_id = $4, detail = $5 WHERE account_id = $1 AND sid = $2
"""
_FAILED = f"""
UPDATE inbound SET tries = least(tries + 1, 1000), detail = $3, due_at = clock_timestamp() + {_TRIED_AGAIN},
       state = CASE WHEN tries + 1 >= $4 AND meaning <> 'stop' THEN 'set_aside' ELSE state END
WHERE account_id = $1 AND sid = $2 AND state = 'received' RETURNING state, tries
"""
_STOPS = """
SELECT sid, channel, received_at, provider_at FROM inbound
WHERE account_id = $1 AND address_id = $2 AND meaning = 'stop' AND received_at > $3::timestamptz - interval '1 day'
"""
_UNDATED = """
UPDATE inbound SET state = 'undated', meaning = 'start', address_id = $3, detail = $4, tries = 0, due_at = clock_timestamp()
WHERE account_id = $1 AND sid = $2
"""
_REOPEN = """
UPDATE inbound SET state = 'undated', tries = 0, due_at = clock_timestamp()
WHERE account_id = $1 AND address_id = $2 AND meaning = 'start' AND state = 'done'
  AND received_at > clock_timestamp() - interval '1 day'
"""
_LEASE = """
WITH due AS MATERIALIZED (
    SELECT sid FROM inbound WHERE account_id = $1 AND state = 'undated' AND due_at <= clock_timestamp()
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE inbound i SET tries = tries + 1, due_at = clock_timestamp() + $3::interval FROM due
WHERE i.account_id = $1 AND i.sid = due.sid
RETURNING i.sid, i.channel, i.received_at, i.provider_at, i.address_id, i.tries
"""
_KEYWORD = "SELECT sid, channel, received_at, provider_at FROM inbound WHERE account_id = $1 AND sid = $2"
_DATED = "UPDATE inbound SET provider_at = $3 WHERE account_id = $1 AND sid = $2"


@dataclass(frozen=True, slots=True)
class OpenReply:
    """A stored reply that nobody has acted on. `meaning`: as it was stored; None: nobody knows yet."""

    sid: str
    received_at: datetime
    business_at: datetime
    provider_at: datetime | None
    meaning: Meaning | None
    sealed: Sealed | None


@dataclass(frozen=True, slots=True)
class UndatedStart:
    """A start that met a stop, and how often its dates have been asked for, this time included."""

    keyword: Keyword
    address_id: UUID
    tries: int


def place(account_id: str, sid: str) -> str:
    """What a reply's ciphertext is bound to."""
    return f"inbound_payload|{account_id}|{sid}"


async def store(
    conn: Any,
    account_id: str,
    sid: str,
    channel: str,
    meaning: Meaning,
    sealed: Sealed,
    business_at: datetime,
    provider_at: datetime | None,
    senders: Sequence[str],
) -> bool:
    """Stores a reply; False where it is known already. The provider repeats webhooks, and polls see what webhooks brought.

    `senders`: of WhatsApp's, the names of ours that were written to.
    """
    new = await conn.fetchval(
        _STORE, account_id, sid, channel, business_at, provider_at, sealed.key_id, sealed.ciphertext, meaning.value,
        list(senders),
    )  # fmt: skip
    return new is not None


async def waiting(conn: Any, account_id: str, limit: int) -> Sequence[OpenReply]:
    """The replies to act on, the longest due first. Not locked: acting on one locks it first."""
    return [
        OpenReply(
            row["sid"],
            row["received_at"],
            row["business_at"],
            row["provider_at"],
            Meaning(row["meaning"]) if row["meaning"] is not None else None,
            Sealed(row["data_key_id"], row["ciphertext"]) if row["ciphertext"] is not None else None,
        )
        for row in await conn.fetch(OPEN, account_id, limit)
    ]


async def lock(conn: Any, account_id: str, sid: str, state: Literal["received", "undated"]) -> bool:
    """Takes a reply to act on it in this transaction; False where somebody else does or did."""
    return await conn.fetchval(_LOCK, account_id, sid, state) is not None


async def done(
    conn: Any, account_id: str, sid: str, meaning: Meaning, address_id: UUID | None, detail: str | None
) -> None:
    """It was acted on."""
    await conn.execute(_DONE, account_id, sid, meaning.value, address_id, detail)


async def failed(conn: Any, account_id: str, sid: str, detail: str) -> tuple[bool, int]:
    """Acting on it failed: whether it is now set aside, and how often it has failed.

    What is a stop, or may be one, is never set aside: losing it would be unlawful, and it is tried for ever.
    """
    row = await conn.fetchrow(_FAILED, account_id, sid, detail, TRIES)
    return (row["state"] == "set_aside", row["tries"]) if row is not None else (False, 0)


async def keyword(conn: Any, account_id: str, sid: str) -> Keyword:
    """A stop or start as it stands now."""
    row = await conn.fetchrow(_KEYWORD, account_id, sid)
    return Keyword(row["sid"], row["channel"], row["received_at"], row["provider_at"])


async def stops_met(conn: Any, account_id: str, address_id: UUID, start: Keyword) -> list[Keyword]:
    """The stops of a number, from a day before this start on."""
    rows = await conn.fetch(_STOPS, account_id, address_id, start.received_at)
    return [Keyword(r["sid"], r["channel"], r["received_at"], r["provider_at"]) for r in rows]


async def await_dates(conn: Any, account_id: str, sid: str, address_id: UUID, detail: str) -> None:
    """A start has met a stop; whether it opens anything is decided once both have dates."""
    await conn.execute(_UNDATED, account_id, sid, address_id, detail)


async def reopen_starts(conn: Any, account_id: str, address_id: UUID) -> bool:
    """After a stop: asks anew whether the starts of its day were written later than it. Whether there were any."""
    return bool(await conn.execute(_REOPEN, account_id, address_id) != "UPDATE 0")


async def lease_undated(conn: Any, account_id: str, limit: int, lease: timedelta) -> list[UndatedStart]:
    """Starts whose dates are to be asked for now. Nobody else asks for them before the lease has ended."""
    return [
        UndatedStart(Keyword(r["sid"], r["channel"], r["received_at"], r["provider_at"]), r["address_id"], r["tries"])
        for r in await conn.fetch(_LEASE, account_id, limit, lease)
    ]


async def dated(conn: Any, account_id: str, sid: str, provider_at: datetime) -> None:
    """The provider's date of a message was looked up."""
    await conn.execute(_DATED, account_id, sid, provider_at)

"""Every reply once, for ever; at the same time the queue of replies to act on (SQL)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from notify_service.sealing import Sealed

from .keywords import Meaning

TRIES = 8
"""After so many failures a reply is set aside, so that it stands in nobody's way."""

_STORE = """
WITH new AS (
    INSERT INTO inbound (account_id, sid, channel, received_on, business_at, provider_at, state)
    VALUES ($1, $2, $3, (clock_timestamp() AT TIME ZONE 'UTC')::date, $4, $5, 'received')
    ON CONFLICT DO NOTHING RETURNING account_id, received_on, sid
)
INSERT INTO inbound_payload (account_id, received_on, sid, data_key_id, ciphertext)
SELECT account_id, received_on, sid, $6, $7 FROM new RETURNING 1
"""
OPEN = """
SELECT i.sid, i.received_on, i.received_at, i.provider_at, i.tries, p.data_key_id, p.ciphertext
FROM inbound i
LEFT JOIN inbound_payload p ON p.account_id = i.account_id AND p.received_on = i.received_on AND p.sid = i.sid
WHERE i.account_id = $1 AND i.state = 'received' ORDER BY i.received_at LIMIT $2
"""
_LOCK = "SELECT 1 FROM inbound WHERE account_id = $1 AND sid = $2 AND state = 'received' FOR UPDATE SKIP LOCKED"
_DONE = """
UPDATE inbound SET state = 'done', meaning = $3, address_id = $4, detail = $5 WHERE account_id = $1 AND sid = $2
"""
_FAILED = """
UPDATE inbound SET tries = tries + 1, detail = $3, state = CASE WHEN tries + 1 >= $4 THEN 'set_aside' ELSE state END
WHERE account_id = $1 AND sid = $2 AND state = 'received' RETURNING state
"""
_KEYWORDS = """
SELECT sid, meaning, channel, received_at, provider_at FROM inbound
WHERE account_id = $1 AND address_id = $2 AND received_at > clock_timestamp() - interval '1 day' AND meaning IN ('stop', 'start')
  AND sid <> $3
"""
_DATED = "UPDATE inbound SET provider_at = $3 WHERE account_id = $1 AND sid = $2"


@dataclass(frozen=True, slots=True)
class OpenReply:
    """A stored reply that nobody has acted on."""

    sid: str
    received_at: datetime
    provider_at: datetime | None
    tries: int
    sealed: Sealed | None


@dataclass(frozen=True, slots=True)
class Keyword:
    """An earlier or later STOP or START of the same number."""

    sid: str
    meaning: Meaning
    channel: str
    received_at: datetime
    provider_at: datetime | None


def place(account_id: str, sid: str) -> str:
    """What a reply's ciphertext is bound to."""
    return f"inbound_payload|{account_id}|{sid}"


async def store(
    conn: Any,
    account_id: str,
    sid: str,
    channel: str,
    sealed: Sealed,
    business_at: datetime,
    provider_at: datetime | None,
) -> bool:
    """Stores a reply; False where it is known already. The provider repeats webhooks, and polls see what webhooks brought."""
    new = await conn.fetchval(
        _STORE, account_id, sid, channel, business_at, provider_at, sealed.key_id, sealed.ciphertext
    )
    return new is not None


async def waiting(conn: Any, account_id: str, limit: int) -> Sequence[OpenReply]:
    """The oldest replies to act on. Not locked: acting on one locks it first."""
    return [
        OpenReply(
            row["sid"],
            row["received_at"],
            row["provider_at"],
            row["tries"],
            Sealed(row["data_key_id"], row["ciphertext"]) if row["ciphertext"] is not None else None,
        )
        for row in await conn.fetch(OPEN, account_id, limit)
    ]


async def lock(conn: Any, account_id: str, sid: str) -> bool:
    """Takes a reply to act on it in this transaction; False where somebody else does or did."""
    return await conn.fetchval(_LOCK, account_id, sid) is not None


async def done(
    conn: Any, account_id: str, sid: str, meaning: Meaning, address_id: UUID | None, detail: str | None
) -> None:
    """It was acted on."""
    await conn.execute(_DONE, account_id, sid, meaning.value, address_id, detail)


async def failed(conn: Any, account_id: str, sid: str, detail: str) -> bool:
    """Acting on it failed; True where it is now set aside."""
    return bool(await conn.fetchval(_FAILED, account_id, sid, detail, TRIES) == "set_aside")


async def keywords_of(conn: Any, account_id: str, address_id: UUID, but: str) -> list[Keyword]:
    """What else that number said within a day to stop or start."""
    return [
        Keyword(r["sid"], Meaning(r["meaning"]), r["channel"], r["received_at"], r["provider_at"])
        for r in await conn.fetch(_KEYWORDS, account_id, address_id, but)
    ]


async def dated(conn: Any, account_id: str, sid: str, provider_at: datetime) -> None:
    """The provider's date of a message was looked up."""
    await conn.execute(_DATED, account_id, sid, provider_at)

"""The inbox. SQL."""

import datetime
from collections.abc import Sequence
from typing import Any

from ingest_service.inbox.envelope import Arrival
from ingest_service.sealing import Sealer


def place(account_id: str, event_id: str) -> str:
    """Where a payload is sealed for."""
    return f"event_payload|{account_id}|{event_id}"


STORE = """
WITH w AS (
    SELECT DISTINCT ON (account_id, event_id) *
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::timestamptz[], $8::text[], $9::text[],
                $10::text[], $11::bytea[])
         AS w (account_id, event_id, type, api_version, lane, source, created_at, state, reason, data_key_id, ciphertext)
    ORDER BY account_id, event_id
), made AS (
    INSERT INTO event (account_id, event_id, type, api_version, lane, source, created_at, received_on, business_at, state, reason)
    SELECT account_id, event_id, type, api_version, lane, source, created_at, (clock_timestamp() AT TIME ZONE 'UTC')::date, $12, state, reason
    FROM w ON CONFLICT (account_id, event_id) DO NOTHING
    RETURNING account_id, event_id, received_on, state
), kept AS (
    INSERT INTO event_payload (account_id, received_on, event_id, data_key_id, ciphertext)
    SELECT m.account_id, m.received_on, m.event_id, w.data_key_id, w.ciphertext FROM made m JOIN w USING (account_id, event_id)
)
SELECT account_id, event_id, state FROM made
"""


async def store(
    conn: Any, sealer: Sealer, arrivals: Sequence[Arrival], now: datetime.datetime
) -> list[tuple[str, str]]:
    """Stores events that are not stored yet, with their payloads, in one statement; gives (account, state) of each new one.

    The statement is its own transaction: when it returned, they are on disk.
    """
    rows = []
    for one in arrivals:
        sealed = sealer.seal(one.raw, place(one.account_id, one.event_id))
        rows.append((
            one.account_id, one.event_id, one.type, one.api_version, one.lane, one.source, one.created_at, one.state, one.reason,
            sealed.key_id, sealed.ciphertext,
        ))  # fmt: skip
    made = await conn.fetch(STORE, *map(list, zip(*rows, strict=True)), now)
    return [(row["account_id"], row["state"]) for row in made]


WITH_OPEN = """
SELECT a.account_id FROM unnest($1::text[]) AS a (account_id)
WHERE EXISTS (SELECT FROM unnest('{1,2,3,4}'::smallint[]) AS l (lane) CROSS JOIN LATERAL (
    SELECT FROM event e WHERE e.account_id = a.account_id AND e.lane = l.lane AND e.state = 'received' AND e.due_at <= clock_timestamp()
    LIMIT 1) AS open)
ORDER BY random()
"""


async def with_open(conn: Any, accounts: Sequence[str]) -> list[str]:
    """The accounts that have events to fold, in no order. A lone account is not asked about."""
    if len(accounts) == 1:
        return list(accounts)
    return [row["account_id"] for row in await conn.fetch(WITH_OPEN, list(accounts))]


CLAIM = """
SELECT q.*, p.data_key_id, p.ciphertext
FROM unnest($2::smallint[], $3::int[]) AS l (lane, share)
CROSS JOIN LATERAL (
    SELECT e.account_id, e.event_id, e.type, e.created_at, e.received_on, e.tries FROM event e
    WHERE e.account_id = $1 AND e.lane = l.lane AND e.state = 'received' AND e.due_at <= clock_timestamp()
    ORDER BY e.due_at, e.event_id LIMIT l.share
    FOR UPDATE SKIP LOCKED
) q
LEFT JOIN event_payload p ON p.account_id = $1 AND p.received_on = q.received_on AND p.event_id = q.event_id
LIMIT $4
"""

LANE_SHARES = {1: 100, 2: 200, 3: 200, 4: 50}
MOST_TRIES = 8


async def claim(conn: Any, account_id: str, most: int | None = None) -> list[Any]:
    """Locks events of an account that wait to be folded, for the caller's transaction; what another worker holds is passed over.

    With ``most`` at most so many in all, instead of each lane's share.
    """
    shares = dict.fromkeys(LANE_SHARES, most) if most is not None else LANE_SHARES
    rows: list[Any] = await conn.fetch(CLAIM, account_id, list(shares), list(shares.values()), most)
    return rows


async def mark(conn: Any, account_id: str, done: Sequence[tuple[str, str, str | None]]) -> None:
    """Marks events (event, state, reason) as folded, ignored or set aside."""
    await conn.execute(
        """UPDATE event e SET state = w.state, reason = w.reason, folded_at = clock_timestamp()
           FROM unnest($2::text[], $3::text[], $4::text[]) AS w (event_id, state, reason)
           WHERE e.account_id = $1 AND e.event_id = w.event_id AND (e.state = 'received') IS TRUE""",
        account_id,
        *map(list, zip(*done, strict=True)),
    )


async def wait_for_key(conn: Any, account_id: str, events: Sequence[str]) -> None:
    """Lets events wait that were sealed with a key that is not configured, for as long as it takes: no try is counted."""
    await conn.execute(
        """UPDATE event SET due_at = clock_timestamp() + interval '1 minute',
                  reason = 'it was sealed with a key that is not in INGEST_DATA_KEYS: add that key again'
           WHERE account_id = $1 AND event_id = ANY($2) AND (state = 'received') IS TRUE""",
        account_id, list(events),
    )  # fmt: skip


async def put_off(conn: Any, account_id: str, event_id: str, reason: str) -> None:
    """After an event could not be folded: tries it again later, and sets it aside after the last try."""
    await conn.execute(
        """UPDATE event SET tries = tries + 1, reason = $3,
                  due_at = clock_timestamp() + LEAST(interval '1 second' * 2 ^ tries, interval '5 minutes'),
                  state = CASE WHEN tries + 1 >= $4 THEN 'set_aside' ELSE state END
           WHERE account_id = $1 AND event_id = $2 AND state = 'received'""",
        account_id, event_id, reason, MOST_TRIES,
    )  # fmt: skip

"""Facts on their way to being planned. SQL."""

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ingest_service.folding.money import exponent
from ingest_service.folding.resolving import Pending


@dataclass(frozen=True, slots=True)
class FactRow:
    """A fact to write.

    Attributes:
        state: ``held``, ``ready`` or ``dropped``.
        due_at: business time; None for a dropped one.
    """

    pending: Pending
    event_id: str
    state: str
    reason: str | None
    due_at: datetime.datetime | None
    customer_id: str
    exponent: int
    data_key_id: str
    details: bytes


async def lock(conn: Any, account_id: str, keys: Sequence[str]) -> dict[str, Any]:
    """Locks the facts of these keys that there are."""
    rows = await conn.fetch(
        """SELECT fact_key, kind, state, occurred_at, event_id, data_key_id, details FROM fact
           WHERE account_id = $1 AND fact_key = ANY($2) ORDER BY fact_key FOR UPDATE""",
        account_id,
        sorted(set(keys)),
    )
    return {row["fact_key"]: row for row in rows}


async def write(conn: Any, account_id: str, facts: Sequence[FactRow], lease: uuid.UUID | None = None) -> bool:
    """Writes facts that are new or still on their way; a planned or dropped one stays as it is.

    With a lease, only what is still held under it is written: another event may have told more meanwhile. True where anything was.
    """
    rows = []
    for fact in sorted(facts, key=lambda one: one.pending.draft.key):
        draft = fact.pending.draft
        amount, currency = draft.shown
        charged = (draft.amount, exponent(draft.currency), draft.currency) if draft.presentment else (None, None, None)
        rows.append((
            draft.key, draft.kind, draft.concern, draft.subject_id, fact.customer_id or None, draft.lane, fact.pending.occurred_at,
            amount, fact.exponent, currency, *charged, fact.event_id, fact.state, fact.reason, fact.due_at, fact.data_key_id, fact.details,
        ))  # fmt: skip
    done = await conn.execute(
        """INSERT INTO fact (account_id, fact_key, kind, concern, subject_id, customer_id, lane, occurred_at, amount, exponent, currency,
                             charged_amount, charged_exponent, charged_currency, event_id, state, reason, due_at, data_key_id, details)
           SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::timestamptz[],
                                    $9::bigint[], $10::smallint[], $11::text[], $12::bigint[], $13::smallint[], $14::text[],
                                    $15::text[], $16::text[], $17::text[], $18::timestamptz[], $19::text[], $20::bytea[])
           ON CONFLICT (account_id, fact_key) DO UPDATE
           SET customer_id = EXCLUDED.customer_id, amount = EXCLUDED.amount, exponent = EXCLUDED.exponent, currency = EXCLUDED.currency,
               charged_amount = EXCLUDED.charged_amount, charged_exponent = EXCLUDED.charged_exponent,
               charged_currency = EXCLUDED.charged_currency, state = EXCLUDED.state, reason = EXCLUDED.reason, due_at = EXCLUDED.due_at, data_key_id = EXCLUDED.data_key_id,
               details = EXCLUDED.details, leased_until = '-infinity', lease = NULL, tries = 0
           WHERE fact.state IN ('held', 'looking_up') AND ($21::uuid IS NULL OR fact.lease = $21)""",
        account_id,
        *map(list, zip(*rows, strict=True)),
        lease,
    )
    return not done.endswith(" 0")


async def failures_told(conn: Any, account_id: str, bills: Sequence[str]) -> frozenset[str]:
    """Those of these bills whose failure was told, or is about to be."""
    rows = await conn.fetch(
        """SELECT DISTINCT subject_id FROM fact
           WHERE account_id = $1 AND concern = ANY($2) AND kind = 'payment_failed' AND state IN ('ready', 'planned')""",
        account_id,
        [f"invoice:{bill}/unpaid" for bill in bills],
    )
    return frozenset(row["subject_id"] for row in rows)


async def tell_events(conn: Any, account_id: str, told: Sequence[tuple[str, str, str]]) -> None:
    """Writes which events told of which fact: (fact, event, effect)."""
    await conn.execute(
        """INSERT INTO fact_event (account_id, fact_key, event_id, effect)
           SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING""",
        account_id,
        *map(list, zip(*sorted(set(told)), strict=True)),
    )


async def open_concerns(conn: Any, account_id: str, concerns: Sequence[tuple[str, datetime.datetime]]) -> None:
    """Opens concerns that are new."""
    await conn.execute(
        """INSERT INTO concern (account_id, concern, state, opened_at)
           SELECT $1, w.concern, 'open', w.opened_at FROM unnest($2::text[], $3::timestamptz[]) AS w (concern, opened_at)
           ON CONFLICT DO NOTHING""",
        account_id,
        *map(list, zip(*sorted(dict(concerns).items()), strict=True)),
    )


async def settled(conn: Any, account_id: str, concerns: Sequence[str]) -> frozenset[str]:
    """Those of these concerns that are over."""
    rows = await conn.fetch(
        "SELECT concern FROM concern WHERE account_id = $1 AND concern = ANY($2) AND state = 'settled'",
        account_id,
        list(concerns),
    )
    return frozenset(row["concern"] for row in rows)


async def hasten(conn: Any, account_id: str, subjects: Sequence[str], now: datetime.datetime) -> None:
    """Lets held facts about these subjects be looked at now: something about them was learnt."""
    await conn.execute(
        """UPDATE fact SET due_at = $3 WHERE account_id = $1 AND state = 'held' AND due_at > $3 AND subject_id = ANY($2)
           AND kind <> 'payment_failed'""",
        account_id, list(subjects), now,
    )  # fmt: skip


async def accounts_with_held(conn: Any, account_ids: Sequence[str], now: datetime.datetime) -> list[str]:
    """Which of these accounts have held facts that are due."""
    rows = await conn.fetch(
        """SELECT a.account_id FROM unnest($1::text[]) AS a (account_id)
           WHERE EXISTS (SELECT FROM unnest('{1,2,3,4}'::smallint[]) AS l (lane) CROSS JOIN LATERAL (
               SELECT FROM fact f
               WHERE f.account_id = a.account_id AND f.lane = l.lane AND f.state IN ('held', 'looking_up') AND f.due_at <= $2
                 AND f.leased_until <= clock_timestamp()
               LIMIT 1) AS due)""",
        list(account_ids),
        now,
    )
    return [row["account_id"] for row in rows]


async def claim_held(
    conn: Any, accounts: Sequence[str], now: datetime.datetime, most: int, length: datetime.timedelta, lease: uuid.UUID
) -> list[Any]:
    """Leases held facts that are due, for a look at what is known and, where that is not enough, at Stripe.

    ``lease`` fences what the look will write: an event that tells more takes the fact back.
    """
    rows: list[Any] = await conn.fetch(
        """WITH due AS MATERIALIZED (
               SELECT q.* FROM unnest($1::text[]) AS a (account_id) CROSS JOIN unnest('{1,2,3,4}'::smallint[]) AS l (lane)
               CROSS JOIN LATERAL (
                   SELECT f.account_id, f.fact_key FROM fact f
                   WHERE f.account_id = a.account_id AND f.lane = l.lane AND f.state IN ('held', 'looking_up') AND f.due_at <= $2
                     AND f.leased_until <= clock_timestamp()
                   ORDER BY f.due_at, f.fact_key LIMIT $3
                   FOR UPDATE SKIP LOCKED
               ) q LIMIT $3
           )
           UPDATE fact f SET state = 'looking_up', leased_until = clock_timestamp() + $4::interval, lease = $5, tries = LEAST(f.tries + 1, 32000)
           FROM due WHERE f.account_id = due.account_id AND f.fact_key = due.fact_key
           RETURNING f.*""",
        list(accounts), now, most, length, lease,
    )  # fmt: skip
    return rows


async def put_off(
    conn: Any, account_id: str, key: str, lease: uuid.UUID, reason: str, until: datetime.datetime
) -> None:
    """Lets a leased fact wait: Stripe could not be asked, or its row not be read."""
    await conn.execute(
        """UPDATE fact SET state = 'held', reason = $4, due_at = $5, leased_until = '-infinity', lease = NULL
           WHERE account_id = $1 AND fact_key = $2 AND lease = $3 AND (state = 'looking_up') IS TRUE""",
        account_id, key, lease, reason, until,
    )  # fmt: skip


async def drop(conn: Any, account_id: str, key: str, lease: uuid.UUID, reason: str) -> None:
    """Gives a leased fact up, visibly."""
    await conn.execute(
        """UPDATE fact SET state = 'dropped', reason = $4, due_at = NULL, leased_until = '-infinity', lease = NULL
           WHERE account_id = $1 AND fact_key = $2 AND lease = $3 AND (state = 'looking_up') IS TRUE""",
        account_id, key, lease, reason,
    )  # fmt: skip


async def next_due(conn: Any, accounts: Sequence[str], after: datetime.datetime) -> datetime.datetime | None:
    """When a held fact is due next."""
    found: datetime.datetime | None = await conn.fetchval(
        "SELECT min(due_at) FROM fact WHERE account_id = ANY($1) AND state IN ('held', 'looking_up') AND due_at > $2",
        list(accounts),
        after,
    )
    return found

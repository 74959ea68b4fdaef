"""Days whose figures were told, and the counting of facts by their time. SQL; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import orjson

from ingest_service.scanning.figures import KINDS, Figures, Tally, figures


async def last_closed(conn: Any, account_id: str) -> datetime | None:
    """Up to when figures were told."""
    found: datetime | None = await conn.fetchval(
        "SELECT max(closed_at) FROM digest_day WHERE account_id = $1", account_id
    )
    return found


async def count(conn: Any, account_id: str, after: datetime, until: datetime) -> Figures:
    """The figures of what happened after one moment and until another, as far as it is known now."""
    rows = await conn.fetch(_COUNT, account_id, after, until, list(KINDS))
    return figures(Tally(*row) for row in rows)


async def closed_since(
    conn: Any, account_id: str, since: datetime
) -> Sequence[tuple[date, datetime, datetime, Figures]]:
    """Days that were closed since then, locked: day, began, closed, figures as told."""
    rows = await conn.fetch(
        """SELECT day, began_at, closed_at, figures FROM digest_day WHERE account_id = $1 AND closed_at > $2
           ORDER BY day FOR UPDATE""",
        account_id,
        since,
    )
    return [
        (row["day"], row["began_at"], row["closed_at"], Figures.from_json(orjson.loads(row["figures"]))) for row in rows
    ]


async def retell(conn: Any, account_id: str, day: date, told: Figures) -> None:
    """Notes that a closed day's late figures have been told too."""
    await conn.execute(
        "UPDATE digest_day SET figures = $3 WHERE account_id = $1 AND day = $2",
        account_id,
        day,
        orjson.dumps(told.to_json()).decode(),
    )


async def close(conn: Any, account_id: str, day: date, began_at: datetime, closed_at: datetime, told: Figures) -> None:
    """Closes a day, once."""
    await conn.execute(
        """INSERT INTO digest_day (account_id, day, began_at, closed_at, figures) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT DO NOTHING""",
        account_id, day, began_at, closed_at, orjson.dumps(told.to_json()).decode(),
    )  # fmt: skip


# a bill that failed three times a day failed once; what came too late to be written about happened all the same, but for a payment
# that was found to be a bill's, which is counted there. A refund that came back returned nothing. Money is what was charged: buyers may have seen
# other currencies
_COUNT: Final = """
WITH told AS MATERIALIZED (
    SELECT DISTINCT ON (f.kind, f.subject_id) f.kind, f.subject_id, COALESCE(f.charged_amount, f.amount) AS amount,
           COALESCE(f.charged_exponent, f.exponent) AS exponent, COALESCE(f.charged_currency, f.currency) AS currency
    FROM fact f
    WHERE f.account_id = $1 AND f.occurred_at > $2 AND f.occurred_at <= $3 AND f.kind = ANY($4)
      AND (f.state IN ('ready', 'planned') OR (f.state = 'dropped' AND f.reason LIKE 'it is old news%'))
      AND NOT EXISTS (
          SELECT FROM alias a WHERE a.account_id = $1 AND a.alias_id = f.subject_id AND a.target_kind = 'invoice' AND a.target_id <> '')
    ORDER BY f.kind, f.subject_id, f.occurred_at DESC
)
SELECT t.kind, COALESCE(s.facts->>'billing_reason', '') AS billing_reason, COALESCE(t.currency, '') AS currency,
       COALESCE(t.exponent, 2)::int AS exponent, count(*)::bigint AS number, COALESCE(sum(t.amount), 0)::bigint AS amount
FROM told t LEFT JOIN subject s ON s.account_id = $1 AND s.subject_id = t.subject_id
WHERE NOT (t.kind = 'refund_issued' AND COALESCE(s.status, '') IN ('failed', 'canceled'))
GROUP BY 1, 2, 3, 4
"""

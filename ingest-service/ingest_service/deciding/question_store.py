"""Questions in their table: what was asked stands as it was asked first. SQL only; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from ingest_service.deciding.asking import Question
from ingest_service.deciding.trust import Trust
from ingest_service.planning.answers import Asks


async def ask(conn: asyncpg.Connection, account_id: str, questions: Sequence[Question]) -> None:
    """Keeps questions that are new. A further message that carries one changes nothing of it."""
    for one in sorted(questions, key=lambda one: one.challenge_id):
        await conn.execute(
            _ASK, account_id, one.challenge_id, one.plan_id, one.concern, one.flow, one.rule, one.kind, one.recipient,
            one.customer_id, one.payment_intent, one.charge_id, one.review_id, one.amount, one.currency, one.standing, one.paid_at,
            orjson.dumps(one.asks.json()).decode(), one.trust, orjson.dumps(one.sources).decode(), one.asked_at, one.answer_by,
        )  # fmt: skip


async def unanswered(conn: asyncpg.Connection, account_ids: Sequence[str], overdue: datetime, most: int) -> list[Any]:
    """Open questions that nobody will answer: their time ended before `overdue`, their matter was settled, or no message of
    theirs went. Each with `because`: silence, over, unreachable.
    """
    return list(await conn.fetch(_UNANSWERED, account_ids, overdue, most))


async def close(conn: asyncpg.Connection, account_id: str, challenge_ids: Sequence[str], state: str) -> None:
    """Ends open questions: "answered" or "over"."""
    await conn.execute(_CLOSE, account_id, list(challenge_ids), state)


def of_row(row: Any) -> Question:
    """A question from a row that holds its columns."""
    return Question(
        challenge_id=row["challenge_id"],
        plan_id=row["plan_id"],
        concern=row["concern"],
        flow=row["flow"],
        rule=row["rule"],
        kind=row["kind"],
        recipient=row["recipient"],
        customer_id=row["customer_id"],
        payment_intent=row["payment_intent"],
        charge_id=row["charge_id"],
        review_id=row["review_id"],
        amount=row["amount"],
        currency=row["currency"],
        standing=row["standing"],
        paid_at=row["paid_at"],
        asks=Asks.of_json(orjson.loads(row["asks"])),
        trust=Trust(row["trust"]),
        sources=tuple(orjson.loads(row["sources"])),
        asked_at=row["asked_at"],
        answer_by=row["answer_by"],
    )


_ASK = """
INSERT INTO question (account_id, challenge_id, plan_id, concern, flow, rule, kind, recipient, customer_id, payment_intent, charge_id,
    review_id, amount, currency, standing, paid_at, asks, trust, sources, asked_at, answer_by, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17::jsonb, $18, $19::jsonb, $20, $21, 'open')
ON CONFLICT DO NOTHING
"""

_UNANSWERED = """
SELECT q.account_id, q.challenge_id,
    CASE WHEN c.state = 'settled' THEN 'over' WHEN NOT live.some THEN 'unreachable' ELSE 'silence' END AS because
FROM unnest($1::text[]) AS a (account_id)
CROSS JOIN LATERAL (
    SELECT account_id, challenge_id, plan_id, concern, answer_by FROM question
    WHERE account_id = a.account_id AND state = 'open' ORDER BY answer_by
) AS q
JOIN concern AS c ON c.account_id = q.account_id AND c.concern = q.concern
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT FROM step WHERE step.account_id = q.account_id AND step.plan_id = q.plan_id
        AND step.state IN ('waiting', 'frozen', 'submitted', 'sent')) AS some) AS live
WHERE c.state = 'settled' OR q.answer_by <= $2 OR NOT live.some
LIMIT $3
"""

_CLOSE = """
UPDATE question SET state = $3 WHERE account_id = $1 AND challenge_id = ANY ($2::text[]) AND (state = 'open') IS TRUE
"""

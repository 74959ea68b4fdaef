"""What a person does about answers: see what waits, decide, and check the trail."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import asyncpg

from ingest_service.deciding import audit, decision_store
from ingest_service.folding.money import exponent
from ingest_service.planning.answers import ACTIONS, Action

MOST: Final = 200


class CannotDecideError(Exception):
    """A decision that cannot be taken; the message says why and what to do."""


async def held(pool: asyncpg.Pool, account_ids: Sequence[str]) -> list[str]:
    """A line for each answer that waits for a person."""
    async with pool.acquire() as conn:
        rows = await decision_store.held(conn, account_ids, MOST)
    if not rows:
        return ["nothing waits for a person"]
    return [
        f"{row['account_id']} {row['challenge_id']} {row['payment_intent'] or row['charge_id']} {_money(row)} {row['standing']}: {row['reason']}"
        for row in rows
    ]


async def decide(
    pool: asyncpg.Pool, account_id: str, challenge_id: str, do: Sequence[str], operator: str, now: datetime
) -> str:
    """Takes a person's decision; the loop acts on it as on any other, after it has read Stripe again.

    Raises:
        CannotDecideError: an action is unknown, or nothing is held under this id.
    """
    known = [str(action) for action in Action if action not in (Action.ASK_TEAM, Action.CALL_WEBHOOK)]
    unknown = [word for word in do if word not in known]
    if unknown or not do:
        raise CannotDecideError(f"{', '.join(unknown) or 'nothing'} is no action; use one of: {', '.join(known)}")
    actions = [Action(word) for word in dict.fromkeys(do)]
    async with pool.acquire() as conn, conn.transaction():
        taken = await decision_store.decide_by_person(conn, account_id, challenge_id, actions, operator, now)
    if not taken:
        raise CannotDecideError(
            f"no answer to the question {challenge_id} waits for a person in account {account_id}; "
            "`ingest-service decisions held` lists those that do"
        )
    return f"it will be done: {' and '.join(ACTIONS[action].does for action in actions)}"


async def broken(pool: asyncpg.Pool, account_ids: Sequence[str]) -> list[str]:
    """A line for each trail that does not hold; none where all are whole."""
    async with pool.acquire() as conn:
        return [
            f"account {account_id}, question {challenge_id}: entry {seq} is not what was written"
            for account_id in account_ids
            for challenge_id, seq in await audit.broken(conn, account_id)
        ]


def _money(row: asyncpg.Record) -> str:
    if row["amount"] is None:
        return ""
    return f"{Decimal(row['amount']).scaleb(-exponent(row['currency']))} {row['currency'].upper()}"

"""What a person does about calls that were given up: see them, and let them be made again."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from ingest_service.webhooks import call_store

MOST: Final = 200


class NotSetAsideError(Exception):
    """A call that is not there to be made again; the message says what to do."""


async def set_aside(pool: asyncpg.Pool, account_ids: Sequence[str]) -> list[str]:
    """A line for each call that was given up, the oldest first."""
    async with pool.acquire() as conn:
        rows = await call_store.set_aside(conn, account_ids, MOST)
    return [
        f"{row['account_id']} {row['call_id']} {row['webhook']} ({row['cause']}), tried {row['tries']} times: {row['reason']}"
        for row in rows
    ] or ["no call was given up"]


async def again(pool: asyncpg.Pool, account_id: str, call_id: str) -> str:
    """Lets a call be made again, under its key.

    Raises:
        NotSetAsideError: none is set aside under this id.
    """
    async with pool.acquire() as conn:
        found = await call_store.again(conn, account_id, call_id)
    if not found:
        raise NotSetAsideError(
            f"no call {call_id} is set aside in account {account_id}; `ingest-service webhooks set-aside` lists those that are"
        )
    return "it will be called again"

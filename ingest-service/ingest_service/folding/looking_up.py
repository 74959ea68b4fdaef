"""Looks at held facts, each account by itself: one whose Stripe does not answer, or whose key was revoked, keeps no other waiting."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import asyncpg
import structlog

from ingest_service.database import GONE
from ingest_service.folding import fact_store
from ingest_service.folding.lookup import Lookup

log = structlog.get_logger()


@dataclass(slots=True)
class LookingUp:
    """The looks of every account.

    Attributes:
        lookup: looks for any of the accounts.
        ended: called when an account's look ended, with how many facts it looked at and how many of them became ready.
    """

    lookup: Lookup
    ended: Callable[[int, int], None] = lambda _looked, _ready: None
    _under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _defect: Exception | None = None

    async def start(self) -> int:
        """Starts a look for each account that has facts to look at and none under way; how many were started.

        A defect of a look before is raised here, so that it ends the loop as it would anywhere else.
        """
        if self._defect is not None:
            raise self._defect
        idle = [account_id for account_id in self.lookup.accounts if account_id not in self._under_way]
        async with self.lookup.pool.acquire() as conn:
            due = await fact_store.accounts_with_held(conn, idle, self.lookup.clock.now()) if idle else []
        for account_id in due:
            task = asyncio.create_task(self._look(account_id))
            self._under_way[account_id] = task
        return len(due)

    async def _look(self, account_id: str) -> None:
        only = replace(self.lookup, accounts={account_id: self.lookup.accounts[account_id]})
        looked = ready = 0
        try:
            looked, ready = await only.turn()
        except (
            asyncpg.PostgresError,
            *GONE,
        ) as error:  # its facts are leased, and looked at again when that has lapsed
            log.warning("lookup.database_trouble", account_id=account_id, error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - raised by `start`
            self._defect = error
        finally:
            del self._under_way[account_id]
        self.ended(looked, ready)

    async def close(self) -> None:
        """Waits for the looks under way: their reads have been ended. Who cancels this cancels them."""
        tasks = list(self._under_way.values())
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()

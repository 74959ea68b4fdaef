"""Each account's work beside the others': one whose Stripe does not answer, or whose key was revoked, keeps no other waiting."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import asyncpg
import structlog

from ingest_service.database import GONE
from ingest_service.loops import Loops
from ingest_service.wake import Bell

log = structlog.get_logger()


@dataclass(slots=True)
class AccountsApart:
    """Work that is done for each account by itself, at most once at a time.

    Attributes:
        name: of the loop it belongs to, for the log.
        due: which of these accounts have work; no network.
        work: does it for one account; may wait for Stripe.
    """

    name: str
    account_ids: Iterable[str]
    due: Callable[[Sequence[str]], Awaitable[Sequence[str]]]
    work: Callable[[str], Awaitable[None]]
    _under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _defect: Exception | None = None

    async def run(
        self, loops: Loops, bell: Bell, look_anyway_seconds: float, before: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """The loop: starts what is due, then waits for its bell or until it is time to look anyway; until the process stops.

        Whoever does the work rings the bell where there is more. `before` is done before each look.
        """

        async def turn() -> None:
            if before is not None:
                await before()
            await self.start()

        try:
            while not loops.stopping.is_set():
                await loops.turn(self.name, turn)
                await bell.wait(look_anyway_seconds)
        finally:
            await self.close()

    async def start(self) -> int:
        """Starts what is due of accounts that have nothing under way; how many were started.

        A defect of work before is raised here, so that it ends the loop as it would anywhere else.
        """
        if self._defect is not None:
            raise self._defect
        idle = [account_id for account_id in self.account_ids if account_id not in self._under_way]
        due = await self.due(idle) if idle else []
        for account_id in due:
            self._under_way[account_id] = asyncio.create_task(self._run(account_id))
        return len(due)

    async def _run(self, account_id: str) -> None:
        try:
            await self.work(account_id)
        except (asyncpg.PostgresError, *GONE) as error:  # what it leased is taken again when the lease has lapsed
            log.warning("loop.database_trouble", loop=self.name, account_id=account_id, error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - raised by `start`
            self._defect = error
        finally:
            del self._under_way[account_id]

    async def close(self) -> None:
        """Waits for what is under way: its reads have been ended. Who cancels this cancels it."""
        tasks = list(self._under_way.values())
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()

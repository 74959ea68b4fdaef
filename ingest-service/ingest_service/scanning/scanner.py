"""The scanning loop: keeps the agenda of every account, and works on one due scan of each after the other, accounts beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog

from ingest_service.accounts import Account
from ingest_service.apart import AccountsApart
from ingest_service.loops import Loops
from ingest_service.planning.rules import Rules
from ingest_service.planning.rules_store import FixTheRulesFile, RulesInForce
from ingest_service.scanning import scan_queue
from ingest_service.scanning.agenda import agenda
from ingest_service.scanning.work import Means, Work
from ingest_service.wake import Bells

log = structlog.get_logger()

BELLS: Final = ("scanning",)
LOOK_ANYWAY_SECONDS: Final = 2.0
LOOP: Final = "scanning"


@dataclass(frozen=True, slots=True)
class Scanner:
    """Scans for these accounts."""

    accounts: Mapping[str, Account]
    means: Means
    rules: RulesInForce

    async def turn(self) -> int:
        """Keeps the agenda, then works on one scan until it is done or put off; how many there were."""
        await self.keep_agendas()
        return await self.work(list(self.accounts))

    async def keep_agendas(self) -> None:
        """The days that are to come, of every account."""
        for account_id, account in self.accounts.items():
            await self._keep_agenda(account_id, account)

    async def due(self, account_ids: Sequence[str]) -> list[str]:
        """Which of these accounts have a scan that is due."""
        async with self.means.pool.acquire() as conn:
            return await scan_queue.accounts_with_due(conn, account_ids, self.means.clock.now())

    async def work(self, account_ids: Sequence[str]) -> int:
        """Works on one scan of these accounts until it is done or put off; how many there were."""
        holder = uuid4()
        async with self.means.pool.acquire() as conn, conn.transaction():
            row = await scan_queue.claim(conn, account_ids, self.means.clock.now(), holder)
        if row is None:
            return 0
        account = self.accounts[row["account_id"]]
        rules = await self._in_force(account.account_id)
        if rules is not None:  # else the lease lapses
            await Work(self.means, row, holder, account, rules).run()
        return 1

    async def _in_force(self, account_id: str) -> Rules | None:
        async with self.means.pool.acquire() as conn:
            try:
                in_force = await self.rules.of(conn, account_id)
            except FixTheRulesFile as error:
                log.warning("scanning.rules_unusable", account_id=account_id, problems=len(error.problems))
                return None
        return in_force.rules if in_force is not None else None

    async def _keep_agenda(self, account_id: str, account: Account) -> None:
        rules = await self._in_force(account_id)
        if rules is None:
            return
        async with self.means.pool.acquire() as conn, conn.transaction():
            opened = await scan_queue.open_rows(conn, account_id)
            made = agenda(rules.schedules, opened, ZoneInfo(account.zone), self.means.clock.now())
            if made.add:
                await scan_queue.add(conn, account_id, made.add)
            if made.move:
                await scan_queue.move(conn, account_id, made.move)
            if made.drop:
                await scan_queue.drop(conn, account_id, made.drop)


def add_loop(loops: Loops, bells: Bells, scanner: Scanner) -> None:
    """Starts it. A turn may be cut off anywhere: what it committed stands, and the rest is read again."""

    async def work(account_id: str) -> None:
        if await scanner.work([account_id]):
            bells.ring("planning")
            bells["scanning"].ring()

    apart = AccountsApart(LOOP, list(scanner.accounts), scanner.due, work)
    running = apart.run(loops, bells["scanning"], LOOK_ANYWAY_SECONDS, before=scanner.keep_agendas)
    loops.add(LOOP, running, heeds_stop=False)

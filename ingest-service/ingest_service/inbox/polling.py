"""Reads Stripe's event list into the inbox, where there is no public address for webhooks: a laptop behind a router.

Every poll reads from a little before the newest event it has seen, because Stripe lists by whole seconds and not strictly in
order; the inbox takes each event once.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.inbox import envelope, store
from ingest_service.sealing import Sealer
from ingest_service.stripe_reads import Found, StripeReads

log = structlog.get_logger()

POLL: Final = "events"
OVERLAP: Final = datetime.timedelta(seconds=120)
PAGE: Final = 100
MOST_PAGES: Final = 50


@dataclass(frozen=True)
class Polling:
    """Polls for these accounts."""

    pool: Any
    accounts: Mapping[str, Account]
    clock: Clock
    sealer: Sealer
    reads: StripeReads
    stored: Callable[[list[tuple[str, str]]], None]

    async def turn(self) -> None:
        """Reads what is new for every account."""
        for account in self.accounts.values():
            await self._poll(account)

    async def _poll(self, account: Account) -> None:
        # never from the future: a clock that is set back, as the sandbox does at its start, takes the cursor with it
        async with self.pool.acquire() as conn:
            since = await conn.fetchval(
                """INSERT INTO poll_cursor (account_id, poll, read_until) VALUES ($1, $2, $3)
                   ON CONFLICT (account_id, poll)
                   DO UPDATE SET updated_at = now(), read_until = least(poll_cursor.read_until, $3) RETURNING read_until""",
                account.account_id, POLL, self.clock.now(),
            )  # fmt: skip
        newest, after = since, ""
        for _ in range(MOST_PAGES):
            params: dict[str, Any] = {"limit": PAGE, "created[gte]": int((since - OVERLAP).timestamp())}
            if after:
                params["starting_after"] = after
            answer = await self.reads.get(account.account_id, "/v1/events", params)
            if not isinstance(answer, Found):
                return  # the cursor stays: the next poll begins there again
            events = [event for event in answer.body.get("data", []) if isinstance(event, Mapping)]
            newest = max([newest, *await self._store(account, events)])
            if not answer.body.get("has_more") or not events:
                break
            after = str(events[-1].get("id", ""))
        async with self.pool.acquire() as conn:
            await conn.execute(
                "UPDATE poll_cursor SET read_until = greatest(read_until, $3), updated_at = now() WHERE account_id = $1 AND poll = $2",
                account.account_id, POLL, newest,
            )  # fmt: skip

    async def _store(self, account: Account, events: list[Mapping[str, Any]]) -> list[datetime.datetime]:
        arrivals = []
        for event in events:
            try:
                arrivals.append(envelope.arrival(account, event, orjson.dumps(event), "poll", self.clock.now()))
            except envelope.UnreadableError as error:
                log.warning("poll.unreadable_event", account_id=account.account_id, reason=str(error))
        if not arrivals:
            return []
        async with self.pool.acquire() as conn:
            made = await store.store(conn, self.sealer, arrivals, self.clock.now())
        self.stored(made)
        return [one.created_at for one in arrivals]

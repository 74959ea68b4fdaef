"""Reads Stripe's event list into the inbox, where there is no public address for webhooks: a laptop behind a router.

Every walk down the list ends a little before the newest event that the last one has seen, because Stripe lists by whole seconds and
not strictly in order; the inbox takes each event once. A list that is longer than one turn reads goes on with the next.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
import structlog

from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.inbox import envelope, poll_cursor, store
from ingest_service.inbox.poll_cursor import Walk
from ingest_service.sealing import Sealer
from ingest_service.stripe_reads import AskLater, Found, Gone, StripeReads

log = structlog.get_logger()

POLL: Final = "events"
OVERLAP: Final = datetime.timedelta(seconds=120)
PAGE: Final = 100
MOST_PAGES: Final = 50
"""So many pages a turn; then the loop shows that it turns, and goes on."""

Stored = list[tuple[str, str]]


@dataclass(slots=True)
class Read:
    """What a turn has read.

    Attributes:
        end: ``done``, ``goes_on`` where the list is longer, ``put_off`` where Stripe could not be read, ``lost`` where the walk's
            place is gone at Stripe.
    """

    pages: int = 0
    events: int = 0
    new: int = 0
    end: str = "goes_on"


@dataclass(frozen=True)
class Polling:
    """Polls for one account.

    Attributes:
        stored: called with (account, state) of every event that was new.
        count: called with how each turn ended.
        beat: called after each page: a slow Stripe is no standstill.
    """

    pool: Any
    account: Account
    clock: Clock
    sealer: Sealer
    reads: StripeReads
    stored: Callable[[Stored], None]
    count: Callable[[str], None] = lambda _: None
    beat: Callable[[], None] = lambda: None

    async def turn(self) -> int:
        """Reads what is new; tells whether there is more to read at once."""
        read = Read()
        account_id = self.account.account_id
        async with self.pool.acquire() as conn:
            walk = await poll_cursor.begin(conn, account_id, POLL, self.clock.now())
        while read.end == "goes_on" and read.pages < MOST_PAGES:
            walk = await self._page(walk, read)
            self.beat()
        self.count(read.end)
        if read.new or read.end in ("goes_on", "lost"):
            log.info(
                "poll.batch", account_id=account_id, pages=read.pages, count=read.events, new=read.new, end=read.end
            )
        return int(read.end == "goes_on")

    async def _page(self, walk: Walk, read: Read) -> Walk:
        """Reads one page and keeps it, and where the walk stands then."""
        account_id = self.account.account_id
        params: dict[str, Any] = {"limit": PAGE, "created[gte]": int((walk.since - OVERLAP).timestamp())}
        if walk.after:
            params["starting_after"] = walk.after
        match await self.reads.get(account_id, "/v1/events", params):
            case Found(body=body):
                return await self._keep(walk, body, read)
            case Gone() if walk.after:
                async with self.pool.acquire() as conn:
                    await poll_cursor.forget(conn, account_id, POLL)
                read.end = "lost"
            case AskLater() | Gone():
                read.end = "put_off"  # the next turn asks the same again
        return walk

    async def _keep(self, walk: Walk, body: Mapping[str, Any], read: Read) -> Walk:
        events = [event for event in body.get("data", []) if isinstance(event, Mapping)]
        read.pages += 1
        read.events += len(events)
        arrivals = self._arrivals(events)
        newest = max([walk.newest, *(one.created_at for one in arrivals)])
        after = str(events[-1].get("id", "")) if events else ""
        walk = replace(walk, newest=newest, after=after)
        more = bool(body.get("has_more") and after)
        async with self.pool.acquire() as conn:
            if arrivals:
                made = await store.store(conn, self.sealer, arrivals, self.clock.now())
                read.new += len(made)
                self.stored(made)
            # only after its events are on disk: a crash between the two reads the page once more
            if more:
                await poll_cursor.keep(conn, self.account.account_id, POLL, walk)
            else:
                await poll_cursor.finish(conn, self.account.account_id, POLL, walk)
                read.end = "done"
        return walk

    def _arrivals(self, events: list[Mapping[str, Any]]) -> list[envelope.Arrival]:
        arrivals = []
        for event in events:
            try:
                arrivals.append(envelope.arrival(self.account, event, orjson.dumps(event), "poll", self.clock.now()))
            except envelope.UnreadableError as error:
                log.warning("poll.unreadable_event", account_id=self.account.account_id, reason=str(error))
        return arrivals

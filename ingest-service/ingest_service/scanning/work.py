"""One claimed scan: read at Stripe page by page, each page's findings committed with its cursor; or a day that is closed.

No connection is held while Stripe is asked. Where a process dies between a page and its commit, the page is read again by
whoever takes the lease, and what was written stands: facts have names.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from ingest_service import crashpoints
from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.folding import fact_store
from ingest_service.folding.effects import Draft
from ingest_service.folding.fact_row import fact_row
from ingest_service.folding.fact_store import FactRow
from ingest_service.folding.parse import MalformedError
from ingest_service.folding.resolving import Holds, Known, Pending, resolve
from ingest_service.planning.rules import Rules
from ingest_service.planning.schedules import DigestTime, Who
from ingest_service.scanning import candidates, digest, scan_queue, stripe_lists, windows
from ingest_service.scanning.candidates import Candidate, Question
from ingest_service.scanning.findings import Finding, Source, Writer
from ingest_service.scanning.scan_queue import Progress, Row
from ingest_service.sealing import Sealer
from ingest_service.stripe_reads import AskLater, Found, StripeReads

log = structlog.get_logger()

BILLS_AT_ONCE: Final = 8

Count = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class Means:
    """What a scan works with.

    Attributes:
        told: hears of every fact: account, kind, state.
        read: hears of every page: account, what is scanned, what it came to.
        beat: is called while Stripe is waited for: slow is not dead.
    """

    pool: Any
    clock: Clock
    sealer: Sealer
    holds: Holds
    reads: StripeReads
    told: Count = lambda *_: None
    read: Count = lambda *_: None
    beat: Callable[[], None] = lambda: None


class Work:
    """One claimed scan of one account."""

    def __init__(self, means: Means, row: Any, holder: UUID, account: Account, rules: Rules) -> None:
        """``row`` as it was claimed under the lease ``holder``; ``rules`` are those in force."""
        self._means, self._row, self._holder, self._account, self._rules = means, row, holder, account, rules
        self._zone = rules.schedules.zone_of(row["scan"], ZoneInfo(account.zone))
        self._account_id = account.account_id
        self._kind = str(row["scan"]).partition(":")[0]

    async def run(self) -> None:
        """Does what the row asks."""
        if self._row["event_id"] is not None:
            await self._one_trial()
        elif self._kind == "digest":
            await self._digest()
        else:
            await self._pages()

    async def _pages(self) -> None:
        """Reads from the cursor to the last page."""
        scan, day, after = self._row["scan"], date.fromisoformat(self._row["scan_window"]), self._row["after_id"]
        aim = windows.target(scan, day)
        if windows.passed(aim, self._now(), self._zone):
            await self._commit([], self._source(), "")  # what renewed or ended then is no longer listed
            return
        question = Question(scan, aim, self._who(), self._zone)
        asked = stripe_lists.query(scan, aim, self._zone)
        while True:
            self._means.beat()
            read_at = self._now()
            page = await stripe_lists.page(self._means.reads, self._account_id, asked, after)
            self._means.read(self._account_id, self._kind, type(page).__name__)
            if isinstance(page, AskLater):
                # a cursor that Stripe does not know any more: what was told stands, so the scan may begin anew
                await self._put_off(page.reason, afresh=page.refused and bool(after))
                return
            found = self._candidates(page.subscriptions, question)
            trouble = None
            if windows.passed(day, self._now(), self._zone):
                findings = [Finding(candidates.missed(one, day), one.subject, one.customer) for one in found]
            else:
                findings, trouble = await self._with_bills(found)
            crashpoints.reach("in.scan_page_read")
            if not await self._commit(findings, self._source(read_at), page.after, trouble):
                return
            crashpoints.reach("in.scan_page_committed")
            if not page.after:
                return
            after = page.after

    async def _one_trial(self) -> None:
        """Looks at one trial that Stripe announced: is it still one, when does it end, what is due then?"""
        if not any(rule.on == "trial_ending" for rule in self._rules.rules):
            await self._commit([], self._source(), "", reason="no rule in force speaks of trials")
            return
        subscription, ends = self._row["scan"].partition(":")[2], int(self._row["scan_window"])
        read_at = self._now()
        answer = await stripe_lists.one(self._means.reads, self._account_id, subscription)
        self._means.read(self._account_id, self._kind, type(answer).__name__)
        if isinstance(answer, AskLater):
            await self._put_off(answer.reason)
            return
        offset = candidates.offset_between(ends, self._row["due_at"])
        one = candidates.trial(answer.body, offset) if isinstance(answer, Found) else None
        over = ends <= read_at.timestamp() or one is None or one.draft.attributes["trial_end"] != ends
        if one is None or over or one.subject.facts["renews"] == "no":
            await self._commit([], self._source(), "", reason="at Stripe there is no such trial any more")
            return
        findings, trouble = await self._with_bills([one])
        await self._commit(findings, self._source(read_at, read_at), "", trouble)

    async def _digest(self) -> None:
        """Closes the day, with its fact, in one transaction."""
        day, now, schedule = date.fromisoformat(self._row["scan_window"]), self._now(), self._rules.schedules.digest
        if schedule is None:
            return  # its row is taken off the agenda when the lease has lapsed
        async with self._means.pool.acquire() as conn, conn.transaction():
            if not await scan_queue.still_ours(conn, self._row, self._holder):
                return
            draft = await self._close(conn, schedule, day, now)
            there = await fact_store.lock(conn, self._account_id, [draft.key])
            facts = [] if there else [self._fact(draft, now)]
            if facts:
                await fact_store.write(conn, self._account_id, facts)
                if facts[0].state != "dropped":
                    await fact_store.open_concerns(conn, self._account_id, [(draft.concern, self._row["due_at"])])
            crashpoints.reach("in.scan_page_read")
            await self._finish(conn, facts, now, None)
        self._count(facts)

    async def _close(self, conn: Any, schedule: DigestTime, day: date, now: datetime) -> Draft:
        began = windows.moment(day - timedelta(days=1), schedule.at, self._zone)
        if windows.passed(day, now, self._zone):
            return await digest.passed_over(conn, self._account_id, day, began)
        return await digest.closed(conn, self._account_id, day, began, self._row["due_at"], schedule.empty)

    def _fact(self, draft: Draft, now: datetime) -> FactRow:
        pending = Pending(draft, self._row["due_at"], now)
        resolution = resolve(pending, Known({}, {}, {}), now, self._means.holds, self._account.region)
        return fact_row(self._means.sealer, self._account_id, pending, self._source().event_id, resolution, now)

    def _candidates(self, listed: Sequence[Mapping[str, Any]], question: Question) -> list[Candidate]:
        found: dict[str, Candidate] = {}
        for obj in listed:
            try:
                one = candidates.candidate(obj, question)
            except MalformedError as error:
                log.warning("scanning.unreadable", account_id=self._account_id, reason=str(error))
                continue
            if one is not None:
                found.setdefault(one.draft.key, one)
        return list(found.values())

    async def _with_bills(self, found: Sequence[Candidate]) -> tuple[list[Finding], str | None]:
        """Asks for each one's next bill, unless its fact is there; what could be asked, and why the rest could not."""
        if not found:
            return [], None
        async with self._means.pool.acquire() as conn, conn.transaction():
            there = await fact_store.lock(conn, self._account_id, [one.draft.key for one in found])
        gate = asyncio.Semaphore(BILLS_AT_ONCE)
        trouble: list[str] = []

        async def ask(one: Candidate) -> Finding | None:
            if not one.bill_of:
                return Finding(one.draft, one.subject, one.customer)
            async with gate:
                if trouble:
                    return None  # what cannot be asked now is asked with the whole page again
                answer = await stripe_lists.next_bill(self._means.reads, self._account_id, one.bill_of)
                self._means.beat()
            if isinstance(answer, AskLater):
                trouble.append(answer.reason)
                return None
            bill = answer.body if isinstance(answer, Found) else None
            return Finding(candidates.billed(one, bill), one.subject, one.customer)

        asked = await asyncio.gather(*(ask(one) for one in found if one.draft.key not in there))
        return [one for one in asked if one is not None], trouble[0] if trouble else None

    async def _commit(
        self, findings: Sequence[Finding], source: Source, after: str, trouble: str | None = None, *, reason: str | None = None
    ) -> bool:  # fmt: skip
        """Writes findings and moves the cursor, or ends the scan; whether to go on."""
        means, now = self._means, self._now()
        writer = Writer(self._account_id, self._account.region, means.sealer, means.holds)
        async with means.pool.acquire() as conn, conn.transaction():
            if not await scan_queue.still_ours(conn, self._row, self._holder):
                return False
            facts = await writer.write(conn, findings, source, now)
            if trouble is not None:
                await scan_queue.release(conn, self._row, self._holder, trouble)
            elif after:
                await scan_queue.advance(conn, self._row, _progress(facts, after))
            else:
                await self._finish(conn, facts, now, reason)
        self._count(facts)
        return trouble is None

    async def _finish(self, conn: Any, facts: Sequence[FactRow], now: datetime, reason: str | None) -> None:
        await scan_queue.advance(conn, self._row, _progress(facts, self._row["after_id"]))
        await scan_queue.finish(conn, self._row, now, reason)
        at = dict(self._rules.schedules.scans()).get(self._row["scan"])
        if self._row["event_id"] is not None or at is None:
            return
        day = windows.following(self._row["scan"], date.fromisoformat(self._row["scan_window"]))
        due_at = windows.moment(day, at, self._zone)
        if due_at > now:  # the days between are on the agenda
            await scan_queue.add(conn, self._account_id, [Row(self._row["scan"], day.isoformat(), due_at)])

    async def _put_off(self, reason: str, *, afresh: bool = False) -> None:
        async with self._means.pool.acquire() as conn:
            await scan_queue.release(conn, self._row, self._holder, reason, afresh=afresh)

    def _count(self, facts: Sequence[FactRow]) -> None:
        for fact in facts:
            self._means.told(self._account_id, fact.pending.draft.kind, fact.state)
        log.info(
            "scan.page", account_id=self._account_id, scan=self._kind, window=self._row["scan_window"], count=len(facts)
        )

    def _source(self, read_at: datetime | None = None, occurred_at: datetime | None = None) -> Source:
        event_id = self._row["event_id"] or f"scan:{self._row['scan']}:{self._row['scan_window']}"
        asked_by_event = self._row["event_id"] is not None
        return Source(event_id, asked_by_event, occurred_at or self._row["due_at"], read_at or self._now())

    def _who(self) -> Who:
        reminders = self._rules.schedules.renewal_reminders
        return reminders.who if reminders is not None else Who()

    def _now(self) -> datetime:
        return self._means.clock.now()


def _progress(facts: Sequence[FactRow], after: str) -> Progress:
    missed = sum((fact.reason or "").startswith("missed") for fact in facts)
    return Progress(after, sum(fact.state == "ready" for fact in facts), missed)

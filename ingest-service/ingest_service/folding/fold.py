"""Folds a batch of events into what is known, into facts and into concerns: one transaction, no call to anybody.

The order of events does not matter: first everything they say about objects is merged, then the facts they tell of are settled with
all that is then known. Subjects are locked in ascending order, so two workers never fold one bill at the same time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog

from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.folding import fact_store, knowledge, mirror, pending
from ingest_service.folding.effects import Draft, Effects, Event
from ingest_service.folding.fact_row import fact_row
from ingest_service.folding.fact_store import FactRow
from ingest_service.folding.parse import MalformedError
from ingest_service.folding.presentment import is_of_bill
from ingest_service.folding.recovery import as_recovery, at_the_form, is_recovery, twin
from ingest_service.folding.resolving import (
    Holds,
    Known,
    Pending,
    enriched,
    hold_until,
    resolve,
)
from ingest_service.folding.settling import settlements
from ingest_service.folding.subject import Subject
from ingest_service.folding.tellers import effects, suspicions
from ingest_service.inbox import envelope, store
from ingest_service.planning.plans import settle_many
from ingest_service.planning.sealed_columns import open_details
from ingest_service.scanning import scan_queue
from ingest_service.sealing import MissingKeyError, Sealer, UnsealableError

log = structlog.get_logger()


class FoldFailedError(RuntimeError):
    """A batch could not be folded; the events in it are tried one by one."""

    def __init__(self, events: Sequence[tuple[str, str]]) -> None:
        """``events`` are (account, event) of the batch."""
        super().__init__(f"{len(events)} event(s) could not be folded")
        self.events = events


@dataclass(slots=True)
class Folded:
    """What a batch came to."""

    events: int = 0
    ready: int = 0
    held: int = 0
    settled: int = 0
    announced: int = 0
    states: list[tuple[str, str, str]] = field(default_factory=list)
    """(account, kind, state) of every fact."""


@dataclass(frozen=True)
class Folding:
    """Folds for these accounts."""

    accounts: Mapping[str, Account]
    clock: Clock
    sealer: Sealer
    holds: Holds

    async def fold(self, conn: Any, most: int | None = None) -> Folded:
        """Claims and folds a batch, of at most so many events, in the caller's transaction.

        A batch is of one account, so that no transaction ever holds locks of two.

        Raises:
            FoldFailedError: where something unforeseen happened; the transaction must be rolled back.
        """
        rows: list[Any] = []
        for account_id in await store.with_open(conn, list(self.accounts)):
            rows = await store.claim(conn, account_id, most)
            if rows:
                break
        folded = Folded(events=len(rows))
        if not rows:
            return folded
        try:
            await self._fold(conn, rows[0]["account_id"], rows, folded)
        except Exception as error:
            log.warning("fold.failed", count=len(rows), error=type(error).__name__, exc_info=True)
            raise FoldFailedError([(row["account_id"], row["event_id"]) for row in rows]) from error
        return folded

    async def _fold(self, conn: Any, account_id: str, rows: Sequence[Any], folded: Folded) -> None:
        marks: list[tuple[str, str, str | None]] = []
        sealed: list[str] = []
        events: list[tuple[Event, Effects]] = []
        for row in rows:
            try:
                event = self._open(row)
                events.append((event, effects(event)))
            except MissingKeyError:
                sealed.append(row["event_id"])
            except (MalformedError, envelope.UnreadableError, UnsealableError) as error:
                marks.append((row["event_id"], "set_aside", str(error)))
            else:
                marks.append((row["event_id"], "folded", None))
        if events:
            await AccountFold(self, account_id, events).run(conn, folded)
        if marks:
            await store.mark(conn, account_id, marks)
        if sealed:
            log.error("fold.no_key", account_id=account_id, count=len(sealed))
            await store.wait_for_key(conn, account_id, sealed)

    def _open(self, row: Any) -> Event:
        if row["ciphertext"] is None:
            raise envelope.UnreadableError("its payload is no longer stored")
        raw = self.sealer.open(row["data_key_id"], row["ciphertext"], store.place(row["account_id"], row["event_id"]))
        event = envelope.read(raw)
        data = event.get("data")
        obj = data.get("object") if isinstance(data, Mapping) else None
        if not isinstance(obj, Mapping):
            raise MalformedError("the event has no data.object")
        previous = data.get("previous_attributes") if isinstance(data, Mapping) else None
        before = previous if isinstance(previous, Mapping) else {}
        request = event.get("request")
        request_id = str(request.get("id") or "") if isinstance(request, Mapping) else ""
        return Event(row["event_id"], row["type"], row["created_at"], obj, before, request_id)


class AccountFold:
    """One account's events of one batch."""

    def __init__(self, folding: Folding, account_id: str, events: Sequence[tuple[Event, Effects]]) -> None:
        """Nothing is read yet."""
        self._folding, self._account_id, self._events = folding, account_id, events
        self._now = folding.clock.now()

    async def run(self, conn: Any, folded: Folded) -> None:
        """Reads, merges, decides, writes."""
        account_id = self._account_id
        known = await self._know(conn)
        await self._write_knowledge(conn, known)
        drafts = await self._after_the_end(conn, await self._drafts(conn, known))
        keys = {key for draft, _ in drafts for key in (draft.key, twin(draft.key))}
        existing = await fact_store.lock(conn, account_id, list(keys)) if keys else {}
        facts, told = self._settle_facts(drafts, existing, known)
        if facts:
            await fact_store.write(conn, account_id, facts)
        if told:
            await fact_store.tell_events(conn, account_id, told)
        if learnt := self._payments_learnt():
            await fact_store.hasten(conn, account_id, learnt, self._now)
        if concerns := [
            (fact.pending.draft.concern, fact.pending.occurred_at) for fact in facts if fact.state != "dropped"
        ]:
            await fact_store.open_concerns(conn, account_id, concerns)
        if announced := self._announced():
            await scan_queue.want(conn, account_id, announced)
        if over := await settlements(conn, account_id, self._events, known, self._now):
            await settle_many(conn, account_id, over)
        folded.settled += len(over)
        folded.announced += len(announced)
        folded.ready += sum(fact.state == "ready" for fact in facts)
        folded.held += sum(fact.state == "held" for fact in facts)
        folded.states += [(account_id, fact.pending.draft.kind, fact.state) for fact in facts]

    async def _know(self, conn: Any) -> Known:
        account_id = self._account_id
        touched = {one.subject_id: one.kind for _, told in self._events for one in told.subjects}
        drafts = [draft for _, told in self._events for draft in told.drafts]
        wanted = {draft.subject_id for draft in drafts} | {draft.need_id for draft in drafts if draft.need_id}
        wanted |= {draft.names_whom for draft in drafts if draft.names_whom}
        wanted |= {
            str(one.facts["subscription"])
            for _, told in self._events
            for one in told.subjects
            if one.facts.get("subscription")
        }
        bills = sorted({draft.subject_id for draft in drafts if is_of_bill(draft)})
        paid_with = await knowledge.aliases(conn, account_id, bills) if bills else {}
        wanted |= {payment for (_, kind), payment in paid_with.items() if kind == "payment_intent"}
        sealer = self._folding.sealer
        subjects = await knowledge.lock_subjects(conn, sealer, account_id, touched, wanted)
        for event, told in self._events:
            for one in told.subjects:
                before = subjects.get(one.subject_id, Subject(one.subject_id, one.kind))
                subjects[one.subject_id] = before.told(
                    status=one.status,
                    customer_id=one.customer_id,
                    at=event.created_at,
                    facts=one.facts,
                    contact=one.contact,
                )
        alias_ids = {draft.need_id for draft in drafts if draft.need in ("invoice_of_payment", "first_payment")}
        alias_ids |= {draft.of_price for draft in drafts if draft.of_price}
        aliases = paid_with | (await knowledge.aliases(conn, account_id, sorted(alias_ids)) if alias_ids else {})
        for _, told in self._events:
            for alias in told.aliases:
                key = (alias.alias_id, alias.target_kind)
                aliases[key] = alias.target_id or aliases.get(key, "")
        customer_ids = {draft.customer_id for draft in drafts}
        customer_ids |= {subjects[draft.names_whom].customer_id for draft in drafts if draft.names_whom in subjects}
        wanted_customers = sorted(filter(None, customer_ids))
        told_of = sorted({told.customer.id for _, told in self._events if told.customer})
        customers = (
            await knowledge.customers(conn, sealer, account_id, wanted_customers, told_of)
            if wanted_customers or told_of
            else {}
        )
        for event, told in sorted(self._events, key=lambda one: one[0].created_at):
            if told.customer is not None:
                customers[told.customer.id] = mirror.told(
                    customers.get(told.customer.id), told.customer, event.created_at
                )
        return Known(subjects, aliases, customers)

    async def _write_knowledge(self, conn: Any, known: Known) -> None:
        account_id = self._account_id
        touched = sorted({one.subject_id for _, told in self._events for one in told.subjects})
        if touched:
            await knowledge.write_subjects(
                conn, self._folding.sealer, account_id, [known.subjects[one] for one in touched]
            )
        aliases = [(alias, event.event_id) for event, told in self._events for alias in told.aliases]
        if aliases:
            await knowledge.learn_aliases(conn, account_id, aliases)
        customers = sorted({told.customer.id for _, told in self._events if told.customer is not None})
        if customers:
            await knowledge.write_customers(
                conn, self._folding.sealer, account_id, [known.customers[one] for one in customers]
            )

    async def _drafts(self, conn: Any, known: Known) -> list[tuple[Draft, Event]]:
        drafts = [(draft, event) for event, told in self._events for draft in told.drafts]
        first_bills = sorted(
            {one.subject_id for one, _ in drafts if one.kind == "payment_succeeded" and at_the_form(one)}
        )
        told = await fact_store.failures_told(conn, self._account_id, first_bills) if first_bills else frozenset()
        return [
            (as_recovery(draft) if self._recovered(draft, known, told) else draft, event) for draft, event in drafts
        ]

    def _recovered(self, draft: Draft, known: Known, told: Collection[str]) -> bool:
        return is_recovery(draft, known.subjects.get(draft.subject_id), failure_told=draft.subject_id in told)

    async def _after_the_end(self, conn: Any, drafts: list[tuple[Draft, Event]]) -> list[tuple[Draft, Event]]:
        """The same, but for warnings about what is over: they would only join a fact that nobody is asked about any more."""
        warned = sorted({draft.concern for draft, _ in drafts if suspicions.is_warning(draft)})
        over = await fact_store.settled(conn, self._account_id, warned) if warned else frozenset()
        late = [suspicions.is_warning(draft) and draft.concern in over for draft, _ in drafts]
        return [
            (suspicions.after_the_end(draft) if is_late else draft, event)
            for (draft, event), is_late in zip(drafts, late, strict=True)
        ]

    def _settle_facts(
        self, drafts: Sequence[tuple[Draft, Event]], existing: Mapping[str, Any], known: Known
    ) -> tuple[list[FactRow], list[tuple[str, str, str]]]:
        told: list[tuple[str, str, str]] = []
        waiting: dict[str, tuple[Pending, str]] = {}
        for draft, event in drafts:
            key = draft.key
            if key not in existing and key not in waiting and (twin(key) in existing or twin(key) in waiting):
                key = twin(key)  # a bill's success is told once, as whichever it was called first
            row = existing.get(key)
            if row is not None and row["state"] not in ("held", "looking_up"):
                told.append((key, event.event_id, "joined"))
            elif key in waiting:
                first, event_id = waiting[key]
                waiting[key] = (replace(first, draft=enriched(first.draft, draft)), event_id)
                told.append((key, event.event_id, "enriched"))
            elif row is not None:
                first = pending.from_json(open_details(self._folding.sealer, self._account_id, key, row["data_key_id"], row["details"]),
                                          row["occurred_at"])  # fmt: skip
                waiting[key] = (replace(first, draft=enriched(first.draft, draft)), row["event_id"])
                told.append((key, event.event_id, "enriched"))
            else:
                until = hold_until(draft, self._now, self._folding.holds)
                waiting[key] = (Pending(draft, event.created_at, until), event.event_id)
                told.append((key, event.event_id, "created"))
        region = self._folding.accounts[self._account_id].region
        facts = [
            fact_row(
                self._folding.sealer,
                self._account_id,
                one,
                event_id,
                resolve(one, known, self._now, self._folding.holds, region),
                self._now,
            )
            for one, event_id in waiting.values()
        ]
        return facts, told

    def _payments_learnt(self) -> list[str]:
        """Payments of which it was learnt to which bill they belong, and these bills."""
        learnt = [alias for _, told in self._events for alias in told.aliases if alias.target_kind == "invoice"]
        return sorted({one for alias in learnt for one in (alias.alias_id, alias.target_id) if one})

    def _announced(self) -> list[tuple[str, str, str, datetime]]:
        """Trials that Stripe says will end: each is looked at before anybody is told.

        How many days before it was said counts from the event, however late it comes: the day's scan says the same then.
        """
        return [
            (
                f"trial:{told.announced_trial[0]}",
                str(told.announced_trial[1]),
                event.event_id,
                min(event.created_at, self._now),
            )
            for event, told in self._events
            if told.announced_trial is not None
        ]

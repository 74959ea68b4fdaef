"""Folds a batch of events into what is known, into facts and into concerns: one transaction, no call to anybody.

The order of events does not matter: first everything they say about objects is merged, then the facts they tell of are settled with
all that is then known. Subjects are locked in ascending order, so two workers never fold one bill at the same time.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

import structlog

from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.folding import fact_store, knowledge, mirror, pending
from ingest_service.folding.effects import Draft, Effects, Event
from ingest_service.folding.fact_store import FactRow
from ingest_service.folding.money import exponent
from ingest_service.folding.parse import MalformedError
from ingest_service.folding.resolving import (
    Dropped,
    Held,
    Holds,
    Known,
    LookUp,
    Pending,
    Ready,
    Resolution,
    enriched,
    hold_until,
    resolve,
)
from ingest_service.folding.subject import Subject
from ingest_service.folding.tellers import effects
from ingest_service.inbox import envelope, store
from ingest_service.planning.plans import Settlement, settle_many
from ingest_service.planning.sealed_columns import open_details, seal_details
from ingest_service.sealing import Sealer, UnsealableError

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
    states: list[tuple[str, str, str]] = field(default_factory=list)
    """(account, kind, state) of every fact."""


@dataclass(slots=True)
class _Told:
    """One account's part of a batch."""

    events: list[tuple[Event, Effects]] = field(default_factory=list)


@dataclass(frozen=True)
class Folding:
    """Folds for these accounts."""

    accounts: Mapping[str, Account]
    clock: Clock
    sealer: Sealer
    holds: Holds

    async def fold(self, conn: Any, most: int | None = None) -> Folded:
        """Claims and folds a batch, of at most so many events, in the caller's transaction.

        Raises:
            FoldFailedError: where something unforeseen happened; the transaction must be rolled back.
        """
        rows = await store.claim(conn, list(self.accounts), most)
        folded = Folded(events=len(rows))
        if not rows:
            return folded
        try:
            await self._fold(conn, rows, folded)
        except Exception as error:
            log.warning("fold.failed", count=len(rows), error=type(error).__name__, exc_info=True)
            raise FoldFailedError([(row["account_id"], row["event_id"]) for row in rows]) from error
        return folded

    async def _fold(self, conn: Any, rows: Sequence[Any], folded: Folded) -> None:
        marks: list[tuple[str, str, str, str | None]] = []
        by_account: dict[str, _Told] = {}
        for row in rows:
            try:
                event = self._open(row)
                told = effects(event)
            except (MalformedError, envelope.UnreadableError, UnsealableError) as error:
                marks.append((row["account_id"], row["event_id"], "set_aside", str(error)))
                continue
            by_account.setdefault(row["account_id"], _Told()).events.append((event, told))
            marks.append((row["account_id"], row["event_id"], "folded", None))
        for account_id in sorted(by_account):
            await AccountFold(self, account_id, by_account[account_id].events).run(conn, folded)
        await store.mark(conn, marks)

    def _open(self, row: Any) -> Event:
        if row["ciphertext"] is None:
            raise envelope.UnreadableError("its payload is no longer stored")
        raw = self.sealer.open(row["data_key_id"], row["ciphertext"], store.place(row["account_id"], row["event_id"]))
        event = envelope.read(raw)
        data = event.get("data")
        obj = data.get("object") if isinstance(data, Mapping) else None
        if not isinstance(obj, Mapping):
            raise MalformedError("the event has no data.object")
        return Event(row["event_id"], row["type"], row["created_at"], obj)


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
        drafts = self._drafts(known)
        keys = {key for draft, _ in drafts for key in (draft.key, _twin(draft.key))}
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
        if settlements := await self._settlements(conn, known):
            await settle_many(conn, account_id, settlements)
        folded.settled += len(settlements)
        folded.ready += sum(fact.state == "ready" for fact in facts)
        folded.held += sum(fact.state == "held" for fact in facts)
        folded.states += [(account_id, fact.pending.draft.kind, fact.state) for fact in facts]

    async def _know(self, conn: Any) -> Known:
        account_id = self._account_id
        touched = {one.subject_id: one.kind for _, told in self._events for one in told.subjects}
        drafts = [draft for _, told in self._events for draft in told.drafts]
        wanted = {draft.subject_id for draft in drafts} | {draft.need_id for draft in drafts if draft.need_id}
        wanted |= {
            str(one.facts["subscription"])
            for _, told in self._events
            for one in told.subjects
            if one.facts.get("subscription")
        }
        subjects = await knowledge.lock_subjects(conn, account_id, touched, wanted)
        for event, told in self._events:
            for one in told.subjects:
                before = subjects.get(one.subject_id, Subject(one.subject_id, one.kind))
                subjects[one.subject_id] = before.told(
                    status=one.status, customer_id=one.customer_id, at=event.created_at, facts=one.facts
                )
        alias_ids = {draft.need_id for draft in drafts if draft.need == "invoice_of_payment"}
        aliases = await knowledge.aliases(conn, account_id, sorted(alias_ids)) if alias_ids else {}
        for _, told in self._events:
            for alias in told.aliases:
                key = (alias.alias_id, alias.target_kind)
                aliases[key] = alias.target_id or aliases.get(key, "")
        customer_ids = {draft.customer_id for draft in drafts} | {
            told.customer.id for _, told in self._events if told.customer
        }
        customer_ids |= {subjects[draft.need_id].customer_id for draft in drafts if draft.need_id in subjects}
        wanted_customers = sorted(filter(None, customer_ids))
        customers = (
            await knowledge.customers(conn, self._folding.sealer, account_id, wanted_customers)
            if wanted_customers
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
            await knowledge.write_subjects(conn, account_id, [known.subjects[one] for one in touched])
        aliases = [(alias, event.event_id) for event, told in self._events for alias in told.aliases]
        if aliases:
            await knowledge.learn_aliases(conn, account_id, aliases)
        customers = sorted({told.customer.id for _, told in self._events if told.customer is not None})
        if customers:
            await knowledge.write_customers(
                conn, self._folding.sealer, account_id, [known.customers[one] for one in customers]
            )

    def _drafts(self, known: Known) -> list[tuple[Draft, Event]]:
        drafts = []
        for event, told in self._events:
            for draft in told.drafts:
                subject = known.subjects.get(draft.subject_id)
                failed_before = draft.recovery or bool(subject and subject.facts.get("failed"))
                recovered = draft.kind == "payment_succeeded" and not draft.need and failed_before
                drafts.append((as_recovery(draft) if recovered else draft, event))
        return drafts

    def _settle_facts(
        self, drafts: Sequence[tuple[Draft, Event]], existing: Mapping[str, Any], known: Known
    ) -> tuple[list[FactRow], list[tuple[str, str, str]]]:
        told: list[tuple[str, str, str]] = []
        waiting: dict[str, tuple[Pending, str]] = {}
        for draft, event in drafts:
            key = draft.key
            if key not in existing and key not in waiting and (_twin(key) in existing or _twin(key) in waiting):
                key = _twin(key)  # a bill's success is told once, as whichever it was called first
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
        return sorted(
            {alias.alias_id for _, told in self._events for alias in told.aliases if alias.target_kind == "invoice"}
        )

    async def _settlements(self, conn: Any, known: Known) -> list[Settlement]:
        settled = {concern: event.event_id for event, told in self._events for concern in told.settled}
        ended = {told.ended_subscription: event.event_id for event, told in self._events if told.ended_subscription}
        if ended:
            for invoice in await knowledge.unpaid_invoices(conn, self._account_id, list(ended)):
                settled.setdefault(f"invoice:{invoice}/unpaid", next(iter(ended.values())))
        for event, told in self._events:  # a bill of a subscription that had ended before the bill was heard of
            for one in told.subjects:
                subscription = known.subjects.get(str(one.facts.get("subscription") or ""))
                if (
                    one.kind == "invoice"
                    and subscription is not None
                    and subscription.status in ("canceled", "incomplete_expired")
                ):
                    settled.setdefault(f"invoice:{one.subject_id}/unpaid", event.event_id)
                merged = known.subjects[one.subject_id]
                if one.kind == "invoice" and merged.status in ("paid", "void", "uncollectible"):
                    settled.setdefault(f"invoice:{one.subject_id}/unpaid", event.event_id)
        return [Settlement(concern, self._now, by) for concern, by in sorted(settled.items())]


def as_recovery(draft: Draft) -> Draft:
    """A bill's success that follows a failure."""
    invoice = draft.subject_id
    return replace(
        draft, kind="payment_recovered", key=f"payment_recovered:{invoice}", concern=f"invoice:{invoice}/recovered"
    )


def _twin(key: str) -> str:
    """The other name that a bill's success may have been told under; the key itself for other facts."""
    kind, _, rest = key.partition(":")
    if not rest.startswith("in_"):
        return key
    other = {"payment_succeeded": "payment_recovered", "payment_recovered": "payment_succeeded"}.get(kind)
    return f"{other}:{rest}" if other else key


def fact_row(
    sealer: Sealer, account_id: str, one: Pending, event_id: str, resolution: Resolution, now: datetime.datetime
) -> FactRow:
    """A fact's row as its resolution says. What needs a look at Stripe is held and due now."""
    draft = one.draft

    def row(
        state: str, reason: str | None, due_at: datetime.datetime | None, customer_id: str, details: Mapping[str, Any]
    ) -> FactRow:
        key_id, sealed = seal_details(sealer, account_id, draft.key, dict(details))
        return FactRow(one, event_id, state, reason, due_at, customer_id, exponent(draft.currency), key_id, sealed)

    match resolution:
        case Ready(details, customer_id):
            return row("ready", None, now, customer_id, details)
        case Held(until, reason):
            return row("held", reason, until, draft.customer_id, pending.to_json(one))
        case LookUp(what, _):
            return row(
                "held", f"Stripe is asked ({what.replace('_', ' ')})", now, draft.customer_id, pending.to_json(one)
            )
        case Dropped(reason):
            return row("dropped", reason, None, draft.customer_id, pending.to_json(one))
        case _:
            assert_never(resolution)

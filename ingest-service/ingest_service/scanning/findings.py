"""What a scan found becomes facts, in the caller's transaction and by the way that events go: subjects, customers, facts, concerns.

Locks are taken in the fold's order. A fact that exists stays as it is, so that a page may be written twice. What an event told
between the read and this moment counts: a subscription that has ended since is not reminded of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest_service.folding import fact_store, knowledge, mirror, parse
from ingest_service.folding.effects import Draft, SubjectTold
from ingest_service.folding.fact_row import fact_row
from ingest_service.folding.fact_store import FactRow
from ingest_service.folding.reminders import over
from ingest_service.folding.resolving import Dropped, Holds, Known, Pending, Resolution, resolve
from ingest_service.folding.subject import Subject
from ingest_service.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Finding:
    """A draft, and what was read of the object and the customer it is about."""

    draft: Draft
    subject: SubjectTold
    customer: parse.Customer | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where findings come from.

    Attributes:
        event_id: what their facts carry as their event.
        is_event: whether that is an event of Stripe's.
        occurred_at: business time at which they happened: when the scan's day said so.
        read_at: business time at which Stripe was read.
    """

    event_id: str
    is_event: bool
    occurred_at: datetime
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes findings of one account."""

    account_id: str
    region: str
    sealer: Sealer
    holds: Holds

    async def write(self, conn: Any, findings: Sequence[Finding], source: Source, now: datetime) -> list[FactRow]:
        """Writes what is new; gives the facts that were."""
        first = {one.draft.key: one for one in reversed(findings)}
        if not first:
            return []
        known = await self._know(conn, list(first.values()), source.read_at)
        there = await fact_store.lock(conn, self.account_id, list(first))
        made: list[FactRow] = []
        for key, one in sorted(first.items()):
            if key not in there:
                pending = Pending(one.draft, source.occurred_at, now)
                resolution = self._resolution(pending, known, now)
                made.append(fact_row(self.sealer, self.account_id, pending, source.event_id, resolution, now))
        if not made:
            return made
        await fact_store.write(conn, self.account_id, made)
        if source.is_event:
            told = [(fact.pending.draft.key, source.event_id, "created") for fact in made]
            await fact_store.tell_events(conn, self.account_id, told)
        opened = [(fact.pending.draft.concern, source.occurred_at) for fact in made if fact.state != "dropped"]
        if opened:
            await fact_store.open_concerns(conn, self.account_id, opened)
        return made

    async def _know(self, conn: Any, findings: Sequence[Finding], read_at: datetime) -> Known:
        account_id, sealer = self.account_id, self.sealer
        told = {one.subject.subject_id: one.subject for one in findings}
        kinds = {name: said.kind for name, said in told.items()}
        subjects = await knowledge.lock_subjects(conn, sealer, account_id, kinds, ())
        for name, said in told.items():
            before = subjects.get(name, Subject(name, said.kind))
            subjects[name] = before.told(status=said.status, customer_id=said.customer_id, at=read_at, facts=said.facts)
        await knowledge.write_subjects(conn, sealer, account_id, [subjects[name] for name in sorted(told)])
        read = {one.customer.id: one.customer for one in findings if one.customer is not None}
        named = sorted({one.draft.customer_id for one in findings if one.draft.customer_id})
        customers = await knowledge.customers(conn, sealer, account_id, named, sorted(read)) if named or read else {}
        for name, customer in read.items():
            customers[name] = mirror.told(customers.get(name), customer, read_at)
        if read:
            await knowledge.write_customers(conn, sealer, account_id, [customers[name] for name in sorted(read)])
        return Known(subjects, {}, customers)

    def _resolution(self, pending: Pending, known: Known, now: datetime) -> Resolution:
        draft = pending.draft
        why = over(draft.concern, known.subjects[draft.subject_id]) if not draft.give_up else None
        return Dropped(why) if why else resolve(pending, known, now, self.holds, self.region)

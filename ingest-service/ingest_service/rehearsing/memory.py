"""What Stripe's events tell of an account, folded in memory: the tellers, the mirror and the resolving are the real ones, the tables
are dictionaries. Time passes from event to event, so that a fact waits and is settled as it would have been.
"""

import datetime
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Final, assert_never

from ingest_service.folding import mirror, parse
from ingest_service.folding.effects import Alias, Draft, Effects, Event
from ingest_service.folding.keeping import Telling
from ingest_service.folding.mirror import Mirror
from ingest_service.folding.money import exponent
from ingest_service.folding.parse import MalformedError
from ingest_service.folding.recovery import as_recovery, at_the_form, is_recovery, twin
from ingest_service.folding.resolving import (
    WITHOUT_CUSTOMER_AFTER,
    Dropped,
    Held,
    Holds,
    Known,
    LookUp,
    Pending,
    Ready,
    Trouble,
    enriched,
    hold_until,
    resolve,
)
from ingest_service.folding.subject import NEVER, Subject
from ingest_service.folding.tellers import effects
from ingest_service.folding.tellers.first_payment import welcome_over
from ingest_service.planning.planner import Fact
from ingest_service.rehearsing.simulation import Heard, Matter

ENDED: Final = ("canceled", "incomplete_expired")
OVER: Final = ("paid", "void", "uncollectible")
MOST_QUESTIONS: Final = 8

Ask = Callable[[LookUp, Pending], Awaitable[Pending | Dropped | str]]
"""Asks Stripe, and keeps the answer here; why not, where it could not be asked."""


@dataclass(slots=True)
class Memory:
    """One account's events, in the order in which they happened. Tell it all of them once, oldest first, then `end`.

    Attributes:
        ask: for what no event tells; it keeps the answers here (see `Keeping`).
        unsettled: reasons for which facts could not be settled, with how many.
        malformed: how many events could not be read.
    """

    account_id: str
    region: str
    holds: Holds
    ask: Ask | None = None
    now: datetime.datetime = NEVER
    unsettled: dict[str, int] = field(default_factory=dict)
    malformed: int = 0
    _subjects: dict[str, Subject] = field(default_factory=dict)
    _aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    _customers: dict[str, Mirror] = field(default_factory=dict)
    _waiting: dict[str, tuple[Pending, str, datetime.datetime]] = field(default_factory=dict)
    _ready: dict[str, Heard] = field(default_factory=dict)
    _over: set[str] = field(default_factory=set)
    _settled: dict[str, datetime.datetime] = field(default_factory=dict)
    _bills: dict[str, set[str]] = field(default_factory=dict)

    async def tell(self, events: Iterable[Event]) -> None:
        """Events of this account, oldest first; those of one second are one batch, as they have no order."""
        for at, batch in groupby(events, key=lambda event: event.created_at):
            await self._wait_until(at)
            self.now = at
            await self._fold(list(batch))

    async def end(self, now: datetime.datetime) -> list[Matter]:
        """Lets time pass up to now; the concerns with their facts."""
        await self._wait_until(now)
        concerns: dict[str, list[Heard]] = {}
        for heard in self._ready.values():
            concerns.setdefault(heard.fact.concern, []).append(heard)
        return [
            Matter(self.account_id, concern, heard, self._settled.get(concern))
            for concern, heard in sorted(concerns.items())
        ]

    async def aliases(self, learnt: Sequence[Alias]) -> None:
        """Keeps what belongs to what."""
        for alias in learnt:
            self._learn(alias)

    async def subject(self, subject_id: str, kind: str, told: Telling) -> None:
        """Keeps what an object is."""
        self._subjects[subject_id] = told(self._subjects.get(subject_id, Subject(subject_id, kind)))

    async def customer(self, customer: parse.Customer, at: datetime.datetime) -> None:
        """Keeps who a customer is."""
        self._customers[customer.id] = mirror.told(self._customers.get(customer.id), customer, at)

    def _learn(self, alias: Alias) -> None:
        key = (alias.alias_id, alias.target_kind)
        self._aliases[key] = alias.target_id or self._aliases.get(key, "")

    async def _wait_until(self, moment: datetime.datetime) -> None:
        """Looks at facts whose time comes before the moment, in the order in which it does."""
        while due := [(until, key) for key, (_, _, until) in self._waiting.items() if until <= moment]:
            until, key = min(due)
            self.now = max(self.now, until)
            await self._look(key)

    async def _fold(self, batch: Sequence[Event]) -> None:
        told: list[tuple[Event, Effects]] = []
        for event in batch:
            try:
                told.append((event, effects(event)))
            except MalformedError:
                self.malformed += 1
        self._merge(told)
        touched = [self._draft(draft, event) for event, said in told for draft in self._named(said)]
        learnt = {alias.alias_id for _, said in told for alias in said.aliases if alias.target_kind == "invoice"}
        hastened = [
            key
            for key, (one, _, _) in self._waiting.items()
            if one.draft.kind != "payment_failed" and one.draft.subject_id in learnt
        ]
        for key in dict.fromkeys([*filter(None, touched), *hastened]):
            if key in self._waiting:
                await self._look(key)
        self._settle(told)

    def _merge(self, told: Sequence[tuple[Event, Effects]]) -> None:
        for event, said in told:
            for one in said.subjects:
                before = self._subjects.get(one.subject_id, Subject(one.subject_id, one.kind))
                self._subjects[one.subject_id] = before.told(
                    status=one.status,
                    customer_id=one.customer_id,
                    at=event.created_at,
                    facts=one.facts,
                    contact=one.contact,
                )
                if one.kind == "invoice" and one.facts.get("subscription"):
                    self._bills.setdefault(str(one.facts["subscription"]), set()).add(one.subject_id)
            for alias in said.aliases:
                self._learn(alias)
            if said.customer is not None:
                known = self._customers.get(said.customer.id)
                self._customers[said.customer.id] = mirror.told(known, said.customer, event.created_at)

    def _named(self, said: Effects) -> list[Draft]:
        """The drafts, a bill's success under the name that what is known gives it."""
        drafts = []
        for draft in said.drafts:
            unpaid = f"invoice:{draft.subject_id}/unpaid"
            told = at_the_form(draft) and any(heard.fact.concern == unpaid for heard in self._ready.values())
            recovered = is_recovery(draft, self._subjects.get(draft.subject_id), failure_told=told)
            drafts.append(as_recovery(draft) if recovered else draft)
        return drafts

    def _draft(self, draft: Draft, event: Event) -> str | None:
        """Lets a drafted fact wait; its key, None where nothing is to be done any more."""
        key = draft.key
        if (
            key not in self._over
            and key not in self._waiting
            and (twin(key) in self._over or twin(key) in self._waiting)
        ):
            key = twin(key)
        if key in self._over:
            return None
        if key in self._waiting:
            first, event_id, until = self._waiting[key]
            self._waiting[key] = (replace(first, draft=enriched(first.draft, draft)), event_id, until)
        else:
            until = hold_until(draft, self.now, self.holds)
            self._waiting[key] = (Pending(draft, event.created_at, until), event.event_id, until)
        return key

    async def _look(self, key: str) -> None:
        pending, event_id, _ = self._waiting[key]
        trouble: Trouble | None = None
        vain: set[str] = set()
        for tries in range(1, MOST_QUESTIONS + 1):
            known = Known(self._subjects, self._aliases, self._customers)
            resolution = resolve(pending, known, self.now, self.holds, self.region, trouble)
            match resolution:
                case Ready(details, customer_id, told):
                    fact = _fact(self.account_id, replace(pending, draft=told), event_id, details, customer_id)
                    self._ready[key] = Heard(fact, self.now)
                    break
                case Held(until, _):
                    self._waiting[key] = (pending, event_id, until)
                    return
                case Dropped():
                    break
                case LookUp():
                    answer = await self.ask(resolution, pending) if self.ask else "no event tells it"
                    if isinstance(answer, Dropped):
                        break
                    if isinstance(answer, Pending):
                        pending = answer
                    else:
                        vain.add(resolution.what)
                        trouble = Trouble(answer, max(tries, WITHOUT_CUSTOMER_AFTER), frozenset(vain))
                case _:
                    assert_never(resolution)
        else:
            reason = trouble.reason if trouble else "Stripe's answers do not settle it"
            self.unsettled[reason] = self.unsettled.get(reason, 0) + 1
        self._over.add(key)
        del self._waiting[key]

    def _settle(self, told: Sequence[tuple[Event, Effects]]) -> None:
        over: set[str] = set()
        for _, said in told:
            over.update(said.settled)
            if said.ended_subscription:
                over.update(f"invoice:{bill}/unpaid" for bill in self._bills.get(said.ended_subscription, ()))
            for one in said.subjects:
                if welcome := welcome_over(self._subjects[one.subject_id]):
                    over.add(welcome)
                if one.kind != "invoice":
                    continue
                subscription = self._subjects.get(str(one.facts.get("subscription") or ""))
                ended = subscription is not None and subscription.status in ENDED
                if ended or self._subjects[one.subject_id].status in OVER:
                    over.add(f"invoice:{one.subject_id}/unpaid")
        for concern in over:
            self._settled.setdefault(concern, self.now)


def _fact(account_id: str, pending: Pending, event_id: str, details: Mapping[str, Any], customer_id: str) -> Fact:
    draft = pending.draft
    amount, currency = draft.shown
    return Fact(
        account_id=account_id,
        key=draft.key,
        kind=draft.kind,
        concern=draft.concern,
        subject_id=draft.subject_id,
        customer_id=customer_id or None,
        lane=draft.lane,
        occurred_at=pending.occurred_at,
        amount=amount,
        exponent=exponent(currency),
        currency=currency,
        event_id=event_id,
        attributes=details["attributes"],
        person=details["person"],
    )

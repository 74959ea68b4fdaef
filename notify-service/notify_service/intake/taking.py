"""Takes a batch of prepared requests of one account in one transaction, by a fixed number of statements.

The order of locks is everybody's: concerns, addresses, questions' codes, notifications, gates, challenges, each in ascending order.
"""

import datetime
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from notify_service import gate_checks
from notify_service.accounts import Sender
from notify_service.challenges.codes import Codes
from notify_service.consent import ledger
from notify_service.consent.addresses import AddressBook, Known
from notify_service.consent.entry import NewEntry
from notify_service.consent.verdicts import Verdicts
from notify_service.delivery import states
from notify_service.gate_checks import Checked, failed, passed
from notify_service.intake import backlog, concern_lock, questions, store
from notify_service.intake.backlog import Backlog
from notify_service.intake.choosing import choose, numbers_of
from notify_service.intake.decision import Go, decide
from notify_service.intake.grants import distinct, entries_of, foresee
from notify_service.intake.preparing import AccountInForce, Prepared, words_for
from notify_service.intake.questions import Chosen
from notify_service.intake.results import Key, Rejected, Result, Stored, key_of, repeated, twice_in_a_batch
from notify_service.sealing import Sealer
from notify_service.words import body
from notify_service.words.channels import said_on


@dataclass
class _Sorted:
    """The items of a batch by what is to be done with them."""

    fresh: dict[uuid.UUID, Prepared]
    rounds: dict[uuid.UUID, Prepared]
    results: dict[Key, Result]

    @property
    def items(self) -> list[Prepared]:
        """Those to store, in the order of locking."""
        return [each[identity] for each in (self.fresh, self.rounds) for identity in sorted(each)]


@dataclass(frozen=True)
class Taking:
    """One batch on its way into the tables; made anew for each."""

    conn: Any
    account_id: str
    in_force: AccountInForce
    sealer: Sealer
    book: AddressBook
    now: datetime.datetime
    codes: Codes

    @cached_property
    def senders(self) -> Mapping[str, Sender]:
        """The account's, by name."""
        return {sender.name: sender for sender in self.in_force.account.senders}

    async def take(self, items: Sequence[Prepared]) -> dict[Key, Result]:
        """The result of every item, in the caller's transaction."""
        concerns = [(item.request.caller, item.request.concern) for item in items]
        today = await concern_lock.share(self.conn, self.account_id, concerns)
        known = await store.existing(self.conn, self.account_id, [item.request.notification_id for item in items])
        work = _sort(items, known)
        if not (work.fresh or work.rounds):
            return work.results
        await self._choose(work)
        numbers = [item.choice.number for item in work.items if item.choice.number is not None]
        addresses = await self.book.find_or_make(self.conn, self.account_id, numbers)
        asked = await self._ask(work, addresses)
        locked = await self._lock_rounds(work)
        cancelled = await store.cancelled(self.conn, self.account_id, concerns)
        written = await self._write(work, locked, addresses, cancelled, asked, today)
        lost = [item.request for identity, item in work.fresh.items() if identity not in written]
        if lost:  # another transaction stored the same request between our look and our insert
            others = await store.existing(self.conn, self.account_id, [request.notification_id for request in lost])
            work.results |= {key_of(request): repeated(request, others[request.notification_id]) for request in lost}
        return work.results | {key_of(row.request): _result(row) for row in written.values()}

    async def _choose(self, work: _Sorted) -> None:
        """Takes each item's number, where it has several, by what their gates say now. The one taken is decided about again as ever."""
        several = [item for item in work.items if item.others]
        if not several:
            return
        found = await self.book.find(self.conn, self.account_id, numbers_of(several))
        known = {number: one.verdicts for number, one in found.items()}
        for item in several:
            identity = item.request.notification_id
            there = work.fresh if identity in work.fresh else work.rounds
            there[identity] = choose(item, known, self.in_force, self.now)

    async def _ask(self, work: _Sorted, addresses: Mapping[str, Known]) -> dict[str, Chosen]:
        """The questions with their codes, which stand in the words then; items whose question is wrong are taken out."""
        asking = [
            (item.request, item.request.question, addresses[number.e164].address_id if number is not None else None)
            for item in work.items
            if item.request.question is not None
            for number in (item.choice.number,)
        ]
        if not asking:
            return {}
        found = await questions.choose(self.conn, self.account_id, self.codes, asking)
        chosen = {one: each for one, each in found.items() if isinstance(each, Chosen)}
        for request, question, _ in asking:
            identity, answer = request.notification_id, found[question.challenge_id]
            there = work.fresh if identity in work.fresh else work.rounds
            if isinstance(answer, Chosen):
                words = words_for(request, self.in_force, answer.code)
                there[identity] = replace(there[identity], rendered=words)
            else:  # one wrong item of a question lets the others wait for nothing: they are wrong with it, or asked again
                again = Rejected(
                    "challenge", "stands beside another of the same question that is wrong", "submit it again"
                )
                work.results[key_of(request)] = answer.get(identity, again)
                del there[identity]
        return chosen

    async def _lock_rounds(self, work: _Sorted) -> Mapping[uuid.UUID, Any]:
        if not work.rounds:
            return {}
        locked = await store.lock_handed_back(self.conn, self.account_id, list(work.rounds))
        late = [
            item
            for identity, item in work.rounds.items()
            if identity not in locked or locked[identity]["round"] + 1 != item.request.round
        ]
        if late:  # another transaction took the round between our look and our lock
            identities = [item.request.notification_id for item in late]
            others = await store.existing(self.conn, self.account_id, identities)
            for item in late:
                work.results[key_of(item.request)] = repeated(item.request, others[item.request.notification_id])
                del work.rounds[item.request.notification_id]
        return locked

    async def _write(
        self,
        work: _Sorted,
        locked: Mapping[uuid.UUID, Any],
        addresses: Mapping[str, Known],
        cancelled: Mapping[tuple[str, str], datetime.datetime],
        asked: Mapping[str, Chosen],
        today: datetime.date,
    ) -> dict[uuid.UUID, store.Row]:
        items = {
            item.request.notification_id: _with_channels_left(item, locked.get(item.request.notification_id))
            for item in work.items
        }
        said = distinct([entry for item in items.values() for entry in _entries(item, addresses)])
        # rows first, gates after: what the ledger will say is foreseen here. The claim asks the gate itself.
        gates = foresee({known.address_id: known.verdicts for known in addresses.values()}, said)
        queues = await backlog.measure(self.conn, self.account_id, self.in_force.account.senders, self.now)
        rows = {
            identity: self._queued(self._row(item, addresses, gates, cancelled, asked), queues)
            for identity, item in items.items()
        }
        for identity, row in rows.items():
            states.check_notification("handed_back" if identity in locked else states.START, row.state)
        inserted = await store.insert(
            self.conn, self.account_id, [rows[one] for one in sorted(work.fresh)], self.now, today
        )
        await store.begin_rounds(self.conn, self.account_id, [rows[one] for one in sorted(work.rounds)], self.now)
        written = {identity: row for identity, row in rows.items() if identity in inserted or identity in work.rounds}
        if not written:
            return {}
        days = {one: locked[one]["created_on"] if one in locked else today for one in written}
        await store.add_bodies(self.conn, self.account_id, [(row, days[one]) for one, row in written.items()])
        mine = [items[identity] for identity in written]
        await store.remember_sources(self.conn, self.account_id, _sources(mine, addresses, self.now))
        if said:
            gates |= await ledger.append(self.conn, self.sealer, self.account_id, said, unless_it_stands=True)
            # another transaction may have written to the same ledger: the story names the entries that really stand
            written |= {
                one: self._row(items[one], addresses, gates, cancelled, asked, old=row) for one, row in written.items()
            }
        await questions.add(self.conn, self.account_id, [row.request for row in written.values()], asked)
        checked = [Checked(days[one], one, row.request.round, row.checks) for one, row in written.items()]
        await gate_checks.add(self.conn, self.account_id, checked, self.now)
        return written

    def _row(
        self,
        item: Prepared,
        addresses: Mapping[str, Known],
        gates: Mapping[uuid.UUID, Verdicts],
        cancelled: Mapping[tuple[str, str], datetime.datetime],
        asked: Mapping[str, Chosen],
        *,
        old: store.Row | None = None,
    ) -> store.Row:
        request, number, rendered = item.request, item.choice.number, item.rendered
        address = addresses[number.e164] if number is not None else None
        verdicts = gates[address.address_id] if address is not None else Verdicts()
        as_of = cancelled.get((request.caller, request.concern))
        policy = self.in_force.policy
        outcome, checks = decide(request, item.choice, verdicts, as_of, self.in_force.account, policy, self.now)
        if request.question is not None:
            chosen = asked[request.question.challenge_id]
            outcome, check = questions.weigh(
                request.question, chosen, address.address_id if address is not None else None, outcome
            )
            checks.append(check)
        checks.append(
            passed(
                "template",
                f"Template {request.template}, variant {rendered.variant}, version {rendered.version}, language {rendered.language}: "
                f"{rendered.segments} segment{'s' if rendered.segments != 1 else ''}.",
                {"wanted_variant": request.variant, "wanted_languages": ",".join(request.languages)},
            )
        )
        if old is not None:
            return replace(old, checks=[*checks, *(check for check in old.checks if check.name == "backlog")])
        going = outcome if isinstance(outcome, Go) else None
        stopped = None if isinstance(outcome, Go) else outcome
        return store.Row(
            request=request,
            state="queued" if stopped is None else stopped.state,
            reason=None if stopped is None else stopped.reason,
            detail=None if stopped is None else stopped.detail,
            sender=going.sender if going is not None else "",
            channels=going.channels if going is not None else request.channels,
            address_id=address.address_id if address is not None else None,
            template_version=rendered.version,
            variant=rendered.variant,
            language=rendered.language,
            segments=rendered.segments,
            policy_version=policy.version,
            consent_seqs=going.seqs if going is not None else (),
            due_at=max(request.not_before or self.now, self.now) if going is not None else None,
            if_unresolved=request.if_unresolved or policy.unresolved[request.message_class],
            body=self._body(item, going.channels) if going is not None else None,
            checks=checks,
        )

    def _queued(self, row: store.Row, queues: Backlog) -> store.Row:
        """The row as it joins its sender's queue or, where more than a minute waits there, as its request wishes."""
        if row.due_at is None or row.due_at > self.now:
            return row
        away = queues.join(self.senders[row.sender], row.request.lane, row.segments)
        if away is None or row.request.if_not_now == "hold":
            return row
        back = row.request.if_not_now == "hand_back"
        until = self.now + away
        then = f"its next round makes sense from {until:%Y-%m-%d %H:%M:%S} UTC on" if back else "it may not wait"
        sentence = f"More than a minute of its sender's pace waits before it: {then}."
        return replace(
            row,
            state="handed_back" if back else "suppressed",
            reason="backlog",
            detail=sentence,
            due_at=until if back else None,
            consent_seqs=(),
            body=None,
            checks=[*row.checks, failed("backlog", sentence, {"sender": row.sender})],
        )

    def _body(self, item: Prepared, channels: Sequence[str]) -> Any:
        request = item.request
        spoken = said_on(
            channels, request.template, item.rendered, request.notification_id, self.in_force.account.contents
        )
        return body.seal(self.sealer, self.account_id, request.notification_id, request.round, spoken)


def _sort(items: Sequence[Prepared], known: Mapping[uuid.UUID, Any]) -> _Sorted:
    work = _Sorted({}, {}, {})
    for item in items:
        request = item.request
        identity, key, row = request.notification_id, key_of(request), known.get(request.notification_id)
        next_round = row is not None and row["state"] == "handed_back" and request.round == row["round"] + 1
        if row is not None and not next_round:
            work.results[key] = repeated(request, row)
            continue
        if row is None and request.round != 1:
            work.results[key] = Rejected("round", "is not 1 for a request that was never taken", "begin with round 1")
            continue
        first = (work.rounds if next_round else work.fresh).setdefault(identity, item)
        if key_of(first.request) != key:
            work.results[key] = twice_in_a_batch()
    return work


def _result(row: store.Row) -> Stored:
    request = row.request
    return Stored(
        request.notification_id, request.round, row.state, row.reason, row.detail, row.due_at, duplicate=False
    )


def _with_channels_left(item: Prepared, handed_back: Any) -> Prepared:
    """A next round does not bring back the channels that failed for certain, in whichever round that was."""
    if handed_back is None:
        return item
    left = tuple(channel for channel in item.request.channels if channel not in handed_back["failed_channels"])
    return replace(item, request=replace(item.request, channels=left))


def _entries(item: Prepared, addresses: Mapping[str, Known]) -> list[NewEntry]:
    if item.choice.number is None:
        return []
    known = addresses[item.choice.number.e164]
    return entries_of(item, known.address_id, known.verdicts)


def _sources(items: Sequence[Prepared], addresses: Mapping[str, Known], now: datetime.datetime) -> list[store.Source]:
    return [
        store.Source(
            item.request.person_id,
            addresses[item.choice.number.e164].address_id,
            item.address.candidate.source,
            item.address.first_seen_at or now,
            item.address.replaced_another,
        )
        for item in items
        if item.choice.number is not None and item.address is not None
    ]

"""The decisions loop: an answer is judged by what Stripe says now, and acted on once.

First a lease. Then Stripe is read. What it shall be asked to do is stored before the first byte leaves; then it is asked, each call with
a key that never changes; then the end is written. Whoever takes over after a crash repeats the same calls with the same keys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import orjson
import structlog

from ingest_service import crashpoints
from ingest_service.accounts import Account
from ingest_service.beat import Beat, side_by_side, silent
from ingest_service.clock import Clock
from ingest_service.deciding import audit, decision_store, question_store, result_facts
from ingest_service.deciding.answer_calls import answer_call
from ingest_service.deciding.asking import Question
from ingest_service.deciding.audit import Entry
from ingest_service.deciding.decision_store import Received
from ingest_service.deciding.judging import Call, Given, Verdict, judge, took_effect
from ingest_service.deciding.looking import Looking
from ingest_service.folding.parse import MalformedError, Suspect
from ingest_service.planning import plans
from ingest_service.planning.answers import Action, Answer, Strength
from ingest_service.planning.plans import Settlement
from ingest_service.planning.sealed_columns import open_variables
from ingest_service.sealing import Sealer, UnsealableError
from ingest_service.stripe_reads import AskLater
from ingest_service.stripe_writes import Done, Later, NotThere, Refused, StripeWrites, Written
from ingest_service.submitting import counters
from ingest_service.webhooks import call_store

log = structlog.get_logger()

AT_ONCE: Final = 20
MOST_TRIES: Final = 40
"""With pauses of at most five minutes: about three hours. Then a person decides."""

OVERDUE: Final = timedelta(minutes=15)
"""So long after a question's last moment we say ourselves that nobody answered, should notify not have said so."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A leased decision."""

    account_id: str
    asked: Question
    given: Given
    tries: int
    fact: Mapping[str, Any]  # the fact that the question is about, as its plan keeps it


@dataclass(frozen=True, slots=True)
class Deciding:
    """Acts on the answers to the questions of these accounts."""

    pool: asyncpg.Pool
    accounts: Mapping[str, Account]
    clock: Clock
    sealer: Sealer
    looking: Looking
    writes: StripeWrites

    async def turn(self, beat: Beat = silent) -> int:
        """Takes one batch; tells how many decisions were taken. It says `beat` while it waits for Stripe."""
        holder = uuid4()
        async with self.pool.acquire() as conn, conn.transaction():
            rows = await decision_store.claim(conn, sorted(self.accounts), AT_ONCE, holder)
        taken = [each for row in rows if (each := self._open(row)) is not None]
        await self._settle(taken)
        await side_by_side((self._decide(each, holder) for each in taken), beat)
        return len(rows)

    async def sweep(self) -> int:
        """Ends a batch of questions that nobody will answer, so that silence has its outcome too, whatever notify says; tells how many."""
        now = self.clock.now()
        async with self.pool.acquire() as conn:
            rows = await question_store.unanswered(conn, sorted(self.accounts), now - OVERDUE, AT_ONCE)
        for row in rows:
            account_id, challenge_id = row["account_id"], row["challenge_id"]
            async with self.pool.acquire() as conn, conn.transaction():
                if row["because"] == "over":
                    await question_store.close(conn, account_id, [challenge_id], "over")
                    continue
                found = Received(challenge_id, Answer(row["because"]), Strength.NONE, "", "", now, said_by="paybell")
                await decision_store.receive(conn, account_id, [found], now)
        return len(rows)

    def _open(self, row: asyncpg.Record) -> Taken | None:
        account_id, plan_id = row["account_id"], row["plan_id"]
        try:
            variables = open_variables(self.sealer, account_id, plan_id, row["variables_key_id"], row["variables"])
        except UnsealableError:  # out of the way of the others until somebody configures the key
            log.warning("deciding.plan_unreadable", account_id=account_id, challenge_id=row["challenge_id"])
            return None
        given = Given(
            answer=Answer(row["answer"]),
            strength=Strength(row["strength"]),
            answered_at=row["answered_at"],
            further=row["further"],
            chosen=tuple(map(Action, row["chosen"] or ())),
            generation=row["generation"],
            calls=tuple(map(Call.of_json, orjson.loads(row["calls"] or "[]"))),
            others=row["others"],
        )
        return Taken(account_id, question_store.of_row(row), given, row["tries"], variables["fact"])

    async def _settle(self, taken: Sequence[Taken]) -> None:
        """The question is answered: what waits of it is not sent, and notify stops what it holds.

        Of several who are asked one after the other only a yes ends it.
        """
        now = self.clock.now()
        by_account: dict[str, list[Settlement]] = {}
        for each in taken:
            if each.asked.asks.each and not each.given.acknowledges:
                continue
            settlement = Settlement(each.asked.concern, now, f"the answer to it ({each.given.answer})")
            by_account.setdefault(each.account_id, []).append(settlement)
        for account_id, settlements in by_account.items():
            async with self.pool.acquire() as conn, conn.transaction():
                await plans.settle_many(conn, account_id, settlements)

    async def _decide(self, taken: Taken, holder: UUID) -> None:
        seen = await self._seen(taken)
        if isinstance(seen, AskLater):
            await self._put_off(taken, holder, seen.reason)
            return
        given = await self.looking.with_number(taken.account_id, taken.asked, taken.given)
        verdict = judge(taken.asked, given, seen)
        if not verdict.calls or seen is None:
            await self._end(taken, holder, verdict, "held" if verdict.outcome == "held" else "done")
        elif await self._begin(taken, holder, verdict.calls):
            await self._act(taken, holder, verdict, seen)

    async def _seen(self, taken: Taken) -> Suspect | AskLater | None:
        try:
            return await self.looking.payment(taken.account_id, taken.asked)
        except MalformedError:
            return AskLater("Stripe's answer could not be read")

    async def _begin(self, taken: Taken, holder: UUID, calls: Sequence[Call]) -> bool:
        account_id, challenge_id = taken.account_id, taken.asked.challenge_id
        async with self.pool.acquire() as conn, conn.transaction():
            await audit.lock(conn, account_id, [challenge_id])
            if not await decision_store.begin(conn, account_id, challenge_id, holder, [call.json() for call in calls]):
                return False
            entries = [Entry("call", "paybell", {**call.json(), "try": taken.tries}) for call in calls]
            await audit.append(conn, account_id, challenge_id, entries, self.clock.now())
        crashpoints.reach("in.before_stripe_write")
        return True

    async def _act(self, taken: Taken, holder: UUID, verdict: Verdict, seen: Suspect) -> None:
        said: list[Entry] = []
        for call in verdict.calls:
            written = await self._call(taken, call, seen)
            crashpoints.reach("in.after_stripe_write")
            if isinstance(written, Later | Refused) and await self._has_effect(taken, call):
                written = Done(call.object_id, "found done")
            said.append(Entry("stripe", "paybell", {"action": call.action, "key": call.key, **_told(written)}))
            counters.DECISION_CALLS.labels(taken.account_id, str(call.action), type(written).__name__).inc()
            match written:
                case Done() | NotThere():
                    continue
                case Later(reason=reason):
                    await self._put_off(taken, holder, reason, said)
                    return
                case Refused(reason=reason):
                    refused = Verdict("held", f"{verdict.why}, but {reason}")
                    await self._end(taken, holder, refused, "failed", said)
                    return
        await self._end(taken, holder, verdict, "done", said)

    async def _call(self, taken: Taken, call: Call, seen: Suspect) -> Written:
        account_id, writes = taken.account_id, self.writes
        match call.action:
            case Action.APPROVE_REVIEW:
                return await writes.approve_review(account_id, call.object_id, call.key)
            case Action.CAPTURE:
                return await writes.capture(account_id, call.object_id, call.key)
            case Action.CANCEL_PAYMENT:
                return await writes.cancel(account_id, call.object_id, call.key)
            case Action.REFUND_AS_FRAUD:
                challenge_id = taken.asked.challenge_id
                return await writes.refund(account_id, call.object_id, call.amount, call.key, challenge_id)
            case Action.BLOCK_CARD:
                return await writes.block_card(account_id, seen.fingerprint, call.key)
            case Action.TELL_CUSTOMER | Action.ASK_TEAM | Action.NOTHING | Action.ACKNOWLEDGE | Action.CALL_WEBHOOK:
                raise AssertionError(f"{call.action} is no call")

    async def _has_effect(self, taken: Taken, call: Call) -> bool:
        """Whether what Stripe would not do again, or did not say, is done all the same."""
        seen = await self._seen(taken)
        return isinstance(seen, Suspect) and took_effect(call, seen)

    async def _put_off(self, taken: Taken, holder: UUID, reason: str, said: Sequence[Entry] = ()) -> None:
        if taken.tries >= MOST_TRIES:
            gave_up = Verdict("held", f"it was tried {taken.tries} times: {reason}")
            await self._end(taken, holder, gave_up, "failed", said)
            return
        account_id, challenge_id = taken.account_id, taken.asked.challenge_id
        async with self.pool.acquire() as conn, conn.transaction():
            await audit.lock(conn, account_id, [challenge_id])
            if await decision_store.put_off(conn, account_id, challenge_id, holder, reason):
                await audit.append(conn, account_id, challenge_id, said, self.clock.now())
        log.warning("deciding.put_off", account_id=account_id, challenge_id=challenge_id, reason=reason)

    async def _end(self, taken: Taken, holder: UUID, verdict: Verdict, state: str, said: Sequence[Entry] = ()) -> None:
        account_id, asked, now = taken.account_id, taken.asked, self.clock.now()
        again = verdict.outcome == "safe" and asked.standing == "blocked"
        pays = await self.looking.again(account_id, asked) if again else {}
        bill = await self.looking.invoice(account_id, asked) if verdict.outcome == "stopped" else ""
        told = {"outcome": verdict.outcome, "done": verdict.done, "why": verdict.why, "state": state}
        async with self.pool.acquire() as conn, conn.transaction():
            await audit.lock(conn, account_id, [asked.challenge_id])
            mine = await decision_store.end(
                conn, account_id, asked.challenge_id, holder, state=state, outcome=verdict.outcome, reason=verdict.why,
                further=taken.given.further, now=now,
            )  # fmt: skip
            if not mine:
                return
            entries = [*said, Entry("decided", "paybell", told)]
            await audit.append(conn, account_id, asked.challenge_id, entries, now)
            called = verdict.webhooks if state == "done" else ()
            await call_store.queue(
                conn,
                account_id,
                [answer_call(account_id, asked, taken.given, name, taken.fact, now) for name in called],
            )
            await result_facts.tell(conn, account_id, self.sealer, asked, taken.given, verdict, taken.fact, pays, now)
            over = []
            if verdict.outcome != "held":  # nobody need decide any more
                over.append(result_facts.concern_of(asked, "held"))
            if bill:  # whoever says that it is not theirs is not reminded to pay it
                over.append(f"invoice:{bill}/unpaid")
            by = f"the decision ({verdict.outcome})"
            await plans.settle_many(conn, account_id, [Settlement(concern, now, by) for concern in over])
        counters.DECISIONS.labels(account_id, str(taken.given.answer), str(taken.given.strength), verdict.outcome).inc()
        log.info("deciding.decided", account_id=account_id, challenge_id=asked.challenge_id, state=state)


def _told(written: Written) -> dict[str, str]:
    match written:
        case Done(object_id=object_id, status=status):
            return {"answer": "done", "object": object_id, "status": status}
        case Later(reason=reason):
            return {"answer": "later", "reason": reason}
        case Refused(reason=reason, code=code):
            return {"answer": "refused", "reason": reason, "code": code}
        case NotThere(reason=reason):
            return {"answer": "left out", "reason": reason}

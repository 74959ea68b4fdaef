"""The submission loop: due steps are checked, frozen and handed to notify in batches; a lone one goes at once.

First transaction: claim, decide, freeze, lease. Then the call, outside any transaction. Second transaction: what notify answered.
Whatever happens between the two, the same bytes go out again, and notify knows them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from ingest_service import crashpoints
from ingest_service.clock import Clock
from ingest_service.planning import plans
from ingest_service.planning.sealed_columns import open_frozen, open_variables, seal_frozen
from ingest_service.sealing import Sealer, UnsealableError
from ingest_service.submitting import counters, step_queue
from ingest_service.submitting.notify_client import (
    MOST_BYTES,
    ConfigureAccount,
    DoNotRepeat,
    NotifyClient,
    TryLater,
    batches,
)
from ingest_service.submitting.preparing import DueStep, End, Freeze, LookUp, Resend, frozen_bytes, next_for
from ingest_service.submitting.results import locally_rejected, step_result
from ingest_service.submitting.step_changes import EndedStep, FrozenStep, StepResult
from ingest_service.submitting.truth import Look, NotNow, Over, StillSo

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ready:
    """A step whose bytes are stored and leased."""

    step: DueStep
    frozen: bytes


@dataclass(slots=True)
class Taken:
    """What a claim gave, by account: what is ready to leave, and what must be looked up first."""

    count: int = 0
    ready: dict[str, list[Ready]] = field(default_factory=dict)
    look_up: dict[str, list[DueStep]] = field(default_factory=dict)


@dataclass(slots=True)
class Submission:
    """Submits due steps of these accounts (each with the zone that days are counted in)."""

    pool: asyncpg.Pool
    zones: Mapping[str, ZoneInfo]
    clock: Clock
    sealer: Sealer
    notify: NotifyClient
    look: Look
    lookups: set[asyncio.Task[None]] = field(default_factory=set)

    async def turn(self) -> int:
        """Takes one batch; tells how many steps were claimed. Looks at Stripe go on beside it and delay nobody else."""
        holder = uuid4()
        taken = await self._take(holder)
        for account_id, steps in taken.look_up.items():
            task = asyncio.create_task(self._look_up(account_id, steps, holder))
            self.lookups.add(task)
            task.add_done_callback(self._looked_up)
        if taken.count:
            crashpoints.reach("in.after_freeze")
        for account_id, ready in taken.ready.items():
            await self._submit(account_id, ready, holder)
        return taken.count

    async def settle_down(self) -> None:
        """Waits for the looks that are under way."""
        await asyncio.gather(*self.lookups, return_exceptions=True)

    def _looked_up(self, task: asyncio.Task[None]) -> None:
        self.lookups.discard(task)
        if (
            not task.cancelled() and (error := task.exception()) is not None
        ):  # the lease lapses and another turn takes the steps
            log.warning("submitting.look_up_failed", error=type(error).__name__)

    async def _take(self, holder: UUID) -> Taken:
        taken = Taken()
        async with self.pool.acquire() as conn, conn.transaction():
            now = self.clock.now()
            rows = await step_queue.claim(conn, list(self.zones), now)
            by_account: dict[str, list[DueStep]] = {}
            for row in rows:
                opened = self._open(row)
                if opened is not None:
                    by_account.setdefault(row["account_id"], []).append(opened)
                else:  # out of the way of the others until somebody configures the key
                    await step_queue.lease(conn, row["account_id"], [(row["plan_id"], row["number"])], holder)
            for account_id in sorted(by_account):
                await self._sort_out(conn, account_id, by_account[account_id], taken, now, holder)
            taken.count = len(rows)
        return taken

    def _open(self, row: asyncpg.Record) -> DueStep | None:
        account_id = row["account_id"]
        try:
            variables = open_variables(
                self.sealer, account_id, row["plan_id"], row["variables_key_id"], row["variables"]
            )
            frozen = row["frozen"] and open_frozen(
                self.sealer, account_id, row["request_id"], row["data_key_id"], row["frozen"]
            )
        except UnsealableError:
            log.warning("submitting.step_unreadable", account_id=account_id, request_id=row["request_id"])
            return None
        return DueStep(
            account_id=account_id,
            plan_id=row["plan_id"],
            number=row["number"],
            lane=row["lane"],
            concern=row["concern"],
            state=row["state"],
            due_at=row["due_at"],
            not_after=row["not_after"],
            request_id=row["request_id"],
            round=row["round"],
            flow=row["flow"],
            settled=row["concern_state"] == "settled",
            fact_at=row["fact_at"],
            fact_kind=row["fact_kind"],
            subject_id=row["subject_id"],
            variables=variables,
            frozen=frozen,
        )

    async def _sort_out(
        self,
        conn: asyncpg.Connection,
        account_id: str,
        steps: Sequence[DueStep],
        taken: Taken,
        now: datetime,
        holder: UUID,
    ) -> None:
        """Decides for each step and stores the decisions: at most four statements."""
        ended: list[EndedStep] = []
        fresh: list[FrozenStep] = []
        leased: list[DueStep] = []
        ready = taken.ready.setdefault(account_id, [])
        for step in steps:
            decision = next_for(step, now)
            match decision:
                case End(state=state, reason=reason):
                    ended.append(EndedStep(step.plan_id, step.number, state, reason))
                    counters.step_ended(state, reason)
                case Resend(frozen=frozen):
                    leased.append(step)
                    ready.append(Ready(step, frozen))
                case Freeze(grade=grade):
                    built = self._built(step, now)
                    if isinstance(built, EndedStep):
                        ended.append(built)
                    else:
                        fresh.append(self._sealed(step, built, grade, now))
                        ready.append(Ready(step, built))
                case LookUp():
                    leased.append(step)
                    taken.look_up.setdefault(account_id, []).append(step)
                case _:
                    assert_never(decision)
        await step_queue.end(conn, account_id, ended)
        await step_queue.freeze(conn, account_id, fresh, holder, leased=False)
        await step_queue.lease(conn, account_id, [step.key for step in leased], holder)
        if ended:
            await plans.close_finished(conn, account_id, [step.plan_id for step in ended], now)

    def _built(self, step: DueStep, read_at: datetime) -> bytes | EndedStep:
        try:
            return frozen_bytes(step, read_at, self.zones[step.account_id])
        except (KeyError, ValueError, TypeError, AttributeError) as error:  # one odd record stops nobody else
            log.warning(
                "submitting.unbuildable",
                account_id=step.account_id,
                request_id=step.request_id,
                error=type(error).__name__,
            )
            counters.step_ended("rejected", "")
            reason = f"no request can be made of it ({type(error).__name__}: {error}); its fact or rule lacks something"
            return EndedStep(step.plan_id, step.number, "rejected", reason)

    def _sealed(self, step: DueStep, frozen: bytes, grade: str, read_at: datetime) -> FrozenStep:
        key_id, sealed = seal_frozen(self.sealer, step.account_id, step.request_id, frozen)
        return FrozenStep(step.plan_id, step.number, key_id, sealed, grade, read_at)

    async def _look_up(self, account_id: str, steps: Sequence[DueStep], holder: UUID) -> None:
        """Reads each subject once, however many steps speak of one fact of it; freezes what is still so and submits it."""
        matters = {(step.subject_id, step.fact_key): step.variables["fact"] for step in steps}
        looks = (self.look(account_id, subject_id, fact) for (subject_id, _), fact in matters.items())
        seen = dict(zip(matters, await asyncio.gather(*looks), strict=True))
        read_at = self.clock.now()
        fresh: dict[tuple[UUID, int], tuple[FrozenStep, Ready]] = {}
        over: dict[str, plans.Settlement] = {}
        later: dict[str, list[tuple[UUID, int]]] = {}
        ended: list[EndedStep] = []
        for step in steps:
            said = seen[step.subject_id, step.fact_key]
            match said:
                case StillSo():
                    built = self._built(step, read_at)
                    if isinstance(built, EndedStep):
                        ended.append(built)
                    else:
                        fresh[step.key] = (self._sealed(step, built, "stripe", read_at), Ready(step, built))
                case Over(reason=reason):
                    over[step.concern] = plans.Settlement(step.concern, read_at, f"a look at Stripe: {reason}")
                case NotNow(reason=reason):
                    later.setdefault(reason, []).append(step.key)
                case _:
                    assert_never(said)
        async with self.pool.acquire() as conn, conn.transaction():
            kept = await step_queue.freeze(conn, account_id, [pair[0] for pair in fresh.values()], holder, leased=True)
            for reason, keys in later.items():
                await step_queue.release(conn, account_id, keys, holder, reason)
            await step_queue.end(conn, account_id, ended)
        if over:  # a transaction of its own: concerns are locked before steps, everywhere
            async with self.pool.acquire() as conn, conn.transaction():
                await plans.settle_many(conn, account_id, list(over.values()))
        await self._submit(account_id, [pair[1] for key, pair in fresh.items() if key in kept], holder)

    async def _submit(self, account_id: str, ready: Sequence[Ready], holder: UUID) -> None:
        for batch in batches([len(each.frozen) for each in ready]):
            await self._send(account_id, [ready[index] for index in batch], holder)

    async def _send(self, account_id: str, batch: Sequence[Ready], holder: UUID) -> None:
        """One call; where notify refuses a batch as a whole, its halves go alone until the wrong item stands alone."""
        if len(batch) == 1 and len(batch[0].frozen) > MOST_BYTES:
            await self._record(
                account_id, [locally_rejected(batch[0].step.sent, "the request is larger than notify takes")], holder
            )
            return
        try:
            answers = await self.notify.submit([each.frozen for each in batch])
        except (TryLater, ConfigureAccount) as error:
            counters.CALLS.labels("submit", type(error).__name__).inc()
            log.warning("submitting.put_off", account_id=account_id, count=len(batch), error=type(error).__name__)
            async with self.pool.acquire() as conn:
                why = (
                    "notify could not take it yet"
                    if isinstance(error, TryLater)
                    else "notify does not know this account yet"
                )
                await step_queue.release(conn, account_id, [each.step.key for each in batch], holder, why)
            return
        except DoNotRepeat as error:
            counters.CALLS.labels("submit", type(error).__name__).inc()
            if len(batch) == 1:
                await self._record(
                    account_id, [locally_rejected(batch[0].step.sent, f"notify refused it: {error}")], holder
                )
                return
            middle = len(batch) // 2
            await self._send(account_id, batch[:middle], holder)
            await self._send(account_id, batch[middle:], holder)
            return
        crashpoints.reach("in.after_rpc")
        counters.CALLS.labels("submit", "ok").inc()
        results = [step_result(each.step.sent, answer) for each, answer in zip(batch, answers, strict=True)]
        await self._record(account_id, results, holder)

    async def _record(self, account_id: str, results: Sequence[StepResult], holder: UUID) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            await step_queue.record(conn, account_id, results, holder)
            ended = [result.plan_id for result in results if result.state not in ("waiting", "submitted")]
            if ended:
                await plans.close_finished(conn, account_id, ended, self.clock.now())
        for result in results:
            counters.step_ended(result.state, result.reason or "")
        states = {
            state: sum(result.state == state for result in results) for state in sorted({r.state for r in results})
        }
        log.info(
            "submitting.batch",
            account_id=account_id,
            count=len(results),
            **{f"to_{state}": n for state, n in states.items()},
        )

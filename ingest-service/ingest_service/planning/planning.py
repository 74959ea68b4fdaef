"""The planning loop: facts that are ready become plans, each exactly once, in the transaction that marks it planned."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, assert_never

import asyncpg
import structlog

from ingest_service import crashpoints
from ingest_service.clock import Clock
from ingest_service.planning import fact_queue, plan_store, planner, ready_facts
from ingest_service.planning.fact_queue import Failed, Planned
from ingest_service.planning.plan_store import PlanFact, PlanKey, PlanWrites
from ingest_service.planning.planner import Change, Fact, Nothing, Plan
from ingest_service.planning.rules import Rules
from ingest_service.planning.rules_store import FixTheRulesFile, InForce, RulesInForce
from ingest_service.planning.sealed_columns import open_details
from ingest_service.sealing import MissingKeyError, Sealer, UnsealableError

log = structlog.get_logger()

WHY_NOTHING: Final = {
    "settled": "the matter was already settled, so nothing is said",
    "no_rule": "no rule in force speaks of it",
}
WHY_LATER: Final = {
    "fact": "it was sealed with a key that is not in INGEST_DATA_KEYS: add that key again",
    "plan": "the plan that it belongs to cannot be opened; check INGEST_DATA_KEYS",
}


@dataclass(frozen=True, slots=True)
class Planning:
    """Plans what the fold made ready."""

    pool: asyncpg.Pool
    account_ids: Sequence[str]
    clock: Clock
    sealer: Sealer
    rules: RulesInForce

    async def turn(self, beat: Callable[[], None] = lambda: None) -> int:
        """Plans one batch of facts of each account in a transaction of its own; tells how many. No network.

        No transaction holds rows of two accounts, so that whoever takes accounts in another order never waits in a circle.
        """
        async with self.pool.acquire() as conn:
            accounts = await ready_facts.accounts_with_ready(conn, self.account_ids, self.clock.now())
        planned = 0
        for account_id in accounts:
            planned += await self._account(account_id)
            beat()
        return planned

    async def _account(self, account_id: str) -> int:
        """One batch: about a dozen statements, whatever the number."""
        async with self.pool.acquire() as conn, conn.transaction():
            now = self.clock.now()
            rows = await fact_queue.claim(conn, [account_id], now)
            if not rows:
                return 0
            in_force = await self._rules(conn, account_id)
            if isinstance(in_force, str):
                await ready_facts.let_wait(conn, account_id, [row["fact_key"] for row in rows], in_force)
                return len(rows)
            planned = await self._plan(conn, account_id, rows, in_force, now)
            if planned:
                crashpoints.reach("in.before_plan_commit")
        if planned:
            crashpoints.reach("in.after_plan_commit")
        return planned

    async def _rules(self, conn: asyncpg.Connection, account_id: str) -> InForce | str:
        """The rules in force, or why there are none that can be used."""
        try:
            in_force = await self.rules.of(conn, account_id)
        except FixTheRulesFile as error:
            log.warning("planning.rules_unusable", account_id=account_id, problems=len(error.problems))
            return "this version cannot use the rules in force: run `ingest-service rules apply`"
        except UnsealableError as error:
            log.warning("planning.rules_unusable", account_id=account_id, error=type(error).__name__)
            return f"the rules in force cannot be read ({type(error).__name__}); check INGEST_DATA_KEYS"
        if in_force is None:
            log.warning("planning.rules_unusable", account_id=account_id, problems=0)
            return "no rules are in force: run `ingest-service rules apply`"
        return in_force

    async def _plan(
        self,
        conn: asyncpg.Connection,
        account_id: str,
        rows: Sequence[asyncpg.Record],
        in_force: InForce,
        now: datetime,
    ) -> int:
        facts, failed, waiting = self._opened(rows)
        opened: dict[str, datetime] = {}
        parts: dict[str, str] = {}
        for fact in facts:
            own = planner.matters(fact, in_force.rules)
            parts |= dict.fromkeys(own, fact.concern)
            for concern in (fact.concern, *own):
                opened[concern] = min(fact.occurred_at, opened.get(concern, fact.occurred_at))
        states = await plan_store.lock_concerns(conn, account_id, opened, parts)
        standing = await plan_store.load(conn, account_id, sorted(opened), self.sealer)
        unreadable = {parts.get(concern, concern) for concern in standing.unreadable}
        behind = [fact.key for fact in facts if fact.concern in unreadable]
        facts = [fact for fact in facts if fact.concern not in unreadable]
        writes, planned = decide(facts, in_force.rules, states, standing.plans, parts)
        await plan_store.write(conn, account_id, writes, epoch=in_force.epoch, now=now, sealer=self.sealer)
        if planned:
            hashed = in_force.rules.sha256
            await fact_queue.mark_planned(conn, account_id, planned, epoch=in_force.epoch, rules_hash=hashed, now=now)
        if failed:
            await fact_queue.put_off(conn, account_id, failed)
        await ready_facts.let_wait(conn, account_id, waiting, WHY_LATER["fact"])
        await ready_facts.let_wait(conn, account_id, behind, WHY_LATER["plan"])
        log.info(
            "planning.batch",
            account_id=account_id,
            count=len(planned),
            plans=len(writes.plans),
            failed=len(failed),
            waiting=len(waiting) + len(behind),
        )
        return len(rows)

    def _opened(self, rows: Iterable[asyncpg.Record]) -> tuple[list[Fact], list[Failed], list[str]]:
        """The facts, the oldest first; those that cannot be read; and those that can be as soon as their key is configured."""
        facts: list[Fact] = []
        failed: list[Failed] = []
        waiting: list[str] = []
        for row in rows:
            try:
                facts.append(opened_fact(row, self.sealer))
            except MissingKeyError:
                log.warning("planning.key_missing", account_id=row["account_id"], fact_key=row["fact_key"])
                waiting.append(row["fact_key"])
            except (UnsealableError, ValueError, TypeError, KeyError) as error:
                log.warning(
                    "planning.fact_unreadable",
                    account_id=row["account_id"],
                    fact_key=row["fact_key"],
                    error=type(error).__name__,
                )
                failed.append(
                    Failed(
                        row["fact_key"], f"its details cannot be read ({type(error).__name__}); check INGEST_DATA_KEYS"
                    )
                )
        return sorted(facts, key=lambda fact: fact.age_order), failed, waiting


def decide(
    facts: Sequence[Fact],
    rules: Rules,
    states: dict[str, str],
    standing: dict[PlanKey, Plan],
    parts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[PlanWrites, list[Planned]]:
    """Applies the planner to facts one after the other; pure. Facts of one concern in a batch see each other's plans.

    `parts`: matters that are part of another, and of which.
    """
    writes = PlanWrites(stored={plan.plan_id: plan for plan in standing.values()})
    latest: dict[str, dict[tuple[str, str], Plan]] = {}
    for plan in standing.values():
        latest.setdefault(parts.get(plan.concern, plan.concern), {})[plan.recipient, plan.flow] = plan
    settled = {concern for concern, state in states.items() if state == "settled"}
    planned: list[Planned] = []
    for fact in facts:
        plans = latest.setdefault(fact.concern, {})
        state: Literal["settled", "open"] = "settled" if fact.concern in settled else "open"
        decision = planner.plan(fact, rules, state, plans, settled)
        match decision:
            case Nothing(reason=reason):
                planned.append(Planned(fact.key, WHY_NOTHING[reason]))
            case tuple():
                for change in decision:
                    _take(change, fact, writes, plans)
                planned.append(Planned(fact.key, None))
            case _:
                assert_never(decision)
    return writes, planned


def _take(change: Change, fact: Fact, writes: PlanWrites, plans: dict[tuple[str, str], Plan]) -> None:
    if change.ended is not None:
        writes.plans[change.ended.plan_id] = change.ended
    plan = change.plan
    writes.plans[plan.plan_id] = plan
    plans[plan.recipient, plan.flow] = plan
    writes.facts.append(PlanFact(fact.key, plan.plan_id, change.effect))


def opened_fact(row: asyncpg.Record, sealer: Sealer) -> Fact:
    """A fact as its row tells it, with its details opened."""
    details = open_details(sealer, row["account_id"], row["fact_key"], row["data_key_id"], row["details"])
    if not isinstance(details["attributes"], dict) or not isinstance(details["person"], dict):
        raise TypeError("details are not of the form {attributes, person}")
    return Fact(
        account_id=row["account_id"],
        key=row["fact_key"],
        kind=row["kind"],
        concern=row["concern"],
        subject_id=row["subject_id"],
        customer_id=row["customer_id"],
        lane=row["lane"],
        occurred_at=row["occurred_at"],
        amount=row["amount"],
        exponent=row["exponent"],
        currency=row["currency"],
        event_id=row["event_id"],
        attributes=details["attributes"],
        person=details["person"],
    )

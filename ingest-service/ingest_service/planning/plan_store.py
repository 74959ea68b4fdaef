"""Plans, their steps and facts in the tables. SQL only; the caller owns the transaction and has locked the concerns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from ingest_service.planning.planner import Effect, Plan, PlannedStep
from ingest_service.planning.sealed_columns import open_variables, seal_variables
from ingest_service.sealing import Sealer, UnsealableError

log = structlog.get_logger()

PlanKey = tuple[str, str, str]  # concern, recipient, flow


@dataclass(frozen=True, slots=True)
class PlanFact:
    """A fact's part in a plan."""

    fact_key: str
    plan_id: UUID
    effect: Effect


@dataclass(slots=True)
class PlanWrites:
    """What a batch of facts makes of the plans of an account: each touched plan once, as it shall stand."""

    stored: Mapping[UUID, Plan]  # as they stood before
    plans: dict[UUID, Plan] = field(default_factory=dict)
    facts: list[PlanFact] = field(default_factory=list)


async def lock_concerns(
    conn: asyncpg.Connection, account_id: str, opened: Mapping[str, datetime], parts: Mapping[str, str]
) -> dict[str, str]:
    """Locks these concerns, in ascending order, and tells their states. One that does not exist is opened first.

    `parts`: concerns that are part of another, and of which: whoever settles that settles them.
    Whoever plans or settles a concern holds this lock, so that a plan is never opened beside one that is being settled.
    """
    names = sorted(opened)
    part_of = [parts.get(name) for name in names]
    await conn.execute(_OPEN_CONCERNS, account_id, names, [opened[name] for name in names], part_of)
    return {row["concern"]: row["state"] for row in await conn.fetch(_LOCK_CONCERNS, account_id, names)}


@dataclass(frozen=True, slots=True)
class Standing:
    """Plans as they stand, and the concerns of which one cannot be opened: nothing may be planned beside it."""

    plans: dict[PlanKey, Plan] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()


async def load(conn: asyncpg.Connection, account_id: str, concerns: Sequence[str], sealer: Sealer) -> Standing:
    """The latest generation of every plan of these concerns, with its steps."""
    rows = await conn.fetch(_LOAD_PLANS, account_id, concerns)
    if not rows:
        return Standing()
    steps: dict[UUID, list[asyncpg.Record]] = {}
    for step in await conn.fetch(_LOAD_STEPS, account_id, [row["plan_id"] for row in rows]):
        steps.setdefault(step["plan_id"], []).append(step)
    plans: dict[PlanKey, Plan] = {}
    unreadable: set[str] = set()
    for row in rows:
        try:
            plan = _plan(account_id, row, steps.get(row["plan_id"], []), sealer)
        except (UnsealableError, ValueError, TypeError, KeyError) as error:
            log.warning(
                "planning.plan_unreadable",
                account_id=account_id,
                plan_id=str(row["plan_id"]),
                error=type(error).__name__,
            )
            unreadable.add(row["concern"])
        else:
            plans[plan.concern, plan.recipient, plan.flow] = plan
    return Standing(plans, frozenset(unreadable))


def _plan(account_id: str, row: asyncpg.Record, steps: Sequence[asyncpg.Record], sealer: Sealer) -> Plan:
    variables = open_variables(sealer, account_id, row["plan_id"], row["data_key_id"], row["variables"])
    return Plan(
        plan_id=row["plan_id"],
        concern=row["concern"],
        recipient=row["recipient"],
        flow=row["flow"],
        generation=row["generation"],
        rule=row["rule"],
        lane=row["lane"],
        customer_id=row["customer_id"],
        state=row["state"],
        opened_at=row["opened_at"],
        fact_key=row["fact_key"],
        fact_at=row["fact_at"],
        fact=variables["fact"],
        variant=variables["variant"],
        steps=tuple(
            PlannedStep(
                number=step["number"],
                name=step["name"],
                due_at=step["due_at"] or row["opened_at"],
                not_after=step["not_after"],
                request_id=step["request_id"],
                blueprint=variables["steps"][str(step["number"])],
                waiting=step["waiting"],
            )
            for step in steps
        ),
    )


async def write(
    conn: asyncpg.Connection, account_id: str, writes: PlanWrites, *, epoch: int, now: datetime, sealer: Sealer
) -> None:
    """Stores what the batch made of the plans. At most seven statements, whatever the number."""
    # ended generations first: only one plan of a (concern, recipient, flow) may be open at any moment
    plans = sorted(writes.plans.values(), key=lambda plan: (plan.state == "open", str(plan.plan_id)))
    ended = [plan.plan_id for plan in plans if plan.state == "superseded" and plan.plan_id in writes.stored]
    if ended:
        await conn.execute(_CANCEL_STEPS, account_id, ended, "a newer fact began the messages anew")
    moved, added = _step_changes(plans, writes.stored)
    if moved:
        await conn.execute(_MOVE_STEPS, account_id, *_columns(moved, 4))
    changed = [plan for plan in plans if plan.plan_id in writes.stored]
    if changed:
        await conn.execute(
            _UPDATE_PLANS, account_id, *_columns([_changed(account_id, p, now, sealer) for p in changed], 7)
        )
    new = [plan for plan in plans if plan.plan_id not in writes.stored]
    if new:
        await conn.execute(
            _INSERT_PLANS, account_id, epoch, *_columns([_new(account_id, p, now, sealer) for p in new], 15)
        )
    if added:
        await conn.execute(_INSERT_STEPS, account_id, *_columns(added, 9))
    if writes.facts:
        parts = [(part.fact_key, part.plan_id, part.effect) for part in writes.facts]
        await conn.execute(_INSERT_PLAN_FACTS, account_id, *_columns(parts, 3))


def _step_changes(
    plans: Sequence[Plan], stored: Mapping[UUID, Plan]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    moved: list[tuple[Any, ...]] = []
    added: list[tuple[Any, ...]] = []
    for plan in plans:
        before = {step.number: step for step in stored[plan.plan_id].steps} if plan.plan_id in stored else {}
        state = "waiting" if plan.state == "open" else "cancelled"
        for step in plan.steps:
            known = before.get(step.number)
            if known is None:
                due_at = step.due_at if state == "waiting" else None
                added.append(
                    (
                        plan.plan_id,
                        step.number,
                        step.name,
                        plan.lane,
                        plan.concern,
                        state,
                        due_at,
                        step.not_after,
                        step.request_id,
                    )
                )
            elif step.waiting and known.due_at != step.due_at and plan.state == "open":
                moved.append((plan.plan_id, step.number, step.due_at, step.not_after))
    return moved, added


def _variables(plan: Plan) -> dict[str, Any]:
    return {
        "fact": plan.fact,
        "variant": plan.variant,
        "steps": {str(step.number): step.blueprint for step in plan.steps},
    }


def _new(account_id: str, plan: Plan, now: datetime, sealer: Sealer) -> tuple[Any, ...]:
    key_id, variables = seal_variables(sealer, account_id, plan.plan_id, _variables(plan))
    closed_at = None if plan.state == "open" else max(now, plan.opened_at)
    head = (
        plan.plan_id,
        plan.concern,
        plan.recipient,
        plan.flow,
        plan.generation,
        plan.rule,
        plan.customer_id,
        plan.lane,
    )
    return (*head, plan.fact_key, plan.state, plan.opened_at, closed_at, key_id, variables, plan.note or None)


def _changed(account_id: str, plan: Plan, now: datetime, sealer: Sealer) -> tuple[Any, ...]:
    key_id, variables = seal_variables(sealer, account_id, plan.plan_id, _variables(plan))
    return (plan.plan_id, plan.fact_key, plan.state, plan.opened_at, max(now, plan.opened_at), key_id, variables)


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[index] for row in rows] for index in range(width)]


_OPEN_CONCERNS = """
INSERT INTO concern (account_id, concern, state, opened_at, part_of)
SELECT $1, c.concern, 'open', c.opened_at, c.part_of
FROM unnest($2::text[], $3::timestamptz[], $4::text[]) AS c (concern, opened_at, part_of)
ORDER BY c.concern
ON CONFLICT DO NOTHING
"""

_LOCK_CONCERNS = """
SELECT concern, state FROM concern WHERE account_id = $1 AND concern = ANY ($2::text[]) ORDER BY concern FOR UPDATE
"""

_LOAD_PLANS = """
SELECT DISTINCT ON (p.concern, p.recipient, p.flow)
    p.plan_id, p.concern, p.recipient, p.flow, p.generation, p.rule, p.lane, p.customer_id, p.state, p.opened_at, p.fact_key,
    p.data_key_id, p.variables, f.occurred_at AS fact_at
FROM plan AS p JOIN fact AS f ON f.account_id = $1 AND f.fact_key = p.fact_key
WHERE p.account_id = $1 AND p.concern = ANY ($2::text[])
ORDER BY p.concern, p.recipient, p.flow, p.generation DESC
"""

_LOAD_STEPS = """
SELECT plan_id, number, name, due_at, not_after, request_id, state = 'waiting' AND round = 1 AS waiting
FROM step WHERE account_id = $1 AND plan_id = ANY ($2::uuid[]) ORDER BY plan_id, number
"""

_INSERT_PLANS = """
INSERT INTO plan (account_id, rules_epoch, plan_id, concern, recipient, flow, generation, rule, customer_id, lane, fact_key, state,
                  opened_at, closed_at, data_key_id, variables, note)
SELECT $1, $2, p.* FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::text[], $10::smallint[],
    $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::bytea[], $17::text[]) AS p
"""

_UPDATE_PLANS = """
UPDATE plan SET fact_key = p.fact_key, state = p.state, opened_at = p.opened_at, data_key_id = p.key_id, variables = p.variables,
    closed_at = CASE WHEN p.state = 'open' THEN NULL ELSE COALESCE(plan.closed_at, p.closed_at) END
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::bytea[])
    AS p (plan_id, fact_key, state, opened_at, closed_at, key_id, variables)
WHERE plan.account_id = $1 AND plan.plan_id = p.plan_id
"""

_INSERT_STEPS = """
INSERT INTO step (account_id, plan_id, number, name, lane, concern, state, due_at, not_after, request_id)
SELECT $1, s.* FROM unnest($2::uuid[], $3::smallint[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::timestamptz[],
    $9::timestamptz[], $10::text[]) AS s
"""

_MOVE_STEPS = """
UPDATE step SET due_at = s.due_at, not_after = s.not_after, updated_at = now()
FROM unnest($2::uuid[], $3::smallint[], $4::timestamptz[], $5::timestamptz[]) AS s (plan_id, number, due_at, not_after)
WHERE step.account_id = $1 AND step.plan_id = s.plan_id AND step.number = s.number AND step.round = 1
    AND (step.state = 'waiting') IS TRUE
"""

_CANCEL_STEPS = """
WITH ended AS MATERIALIZED (
    SELECT plan_id, number FROM step
    WHERE account_id = $1 AND plan_id = ANY ($2::uuid[]) AND (state IN ('waiting', 'frozen')) IS TRUE
    ORDER BY plan_id, number
    FOR UPDATE
)
UPDATE step SET state = 'cancelled', reason = $3, due_at = NULL, updated_at = now()
FROM ended WHERE step.account_id = $1 AND step.plan_id = ended.plan_id AND step.number = ended.number
"""

_INSERT_PLAN_FACTS = """
INSERT INTO plan_fact (account_id, fact_key, plan_id, effect)
SELECT $1, f.* FROM unnest($2::text[], $3::uuid[], $4::text[]) AS f
ON CONFLICT DO NOTHING
"""

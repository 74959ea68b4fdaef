"""What the tables know of events, facts, plans and steps. SQL only; every statement reads by account and key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import asyncpg

SUFFIXES: Final = {
    "in": ("invoice", ("unpaid", "receipt", "recovered")),
    "pi": ("payment", ("unpaid", "receipt", "fraud", "fraud_result", "fraud_held", "fraud_warned")),
    "ch": ("payment", ("unpaid", "receipt", "fraud", "fraud_result", "fraud_held", "fraud_warned")),
    "re": ("refund", ("issued", "failed")),
    "du": ("dispute", ("open", "chargeback", "result")),
    "dp": ("dispute", ("open", "chargeback", "result")),
    "cus": ("customer", ("welcome",)),
}
"""Concerns by the prefix of the object's id: a person may ask by the id that Stripe's dashboard shows."""

MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of one story."""

    events: list[asyncpg.Record] = field(default_factory=list)
    facts: list[asyncpg.Record] = field(default_factory=list)
    fact_events: list[asyncpg.Record] = field(default_factory=list)
    concerns: list[asyncpg.Record] = field(default_factory=list)
    plan_facts: list[asyncpg.Record] = field(default_factory=list)
    plans: list[asyncpg.Record] = field(default_factory=list)
    steps: list[asyncpg.Record] = field(default_factory=list)
    cancels: list[asyncpg.Record] = field(default_factory=list)
    outcomes: list[asyncpg.Record] = field(default_factory=list)
    questions: list[asyncpg.Record] = field(default_factory=list)
    answers: list[asyncpg.Record] = field(default_factory=list)
    calls: list[asyncpg.Record] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """True where nothing at all is known."""
        return not (self.events or self.facts or self.concerns)


async def fact_keys_of_event(conn: asyncpg.Connection, account_id: str, event_id: str) -> list[str]:
    """The facts that an event told of."""
    rows = await conn.fetch(
        "SELECT fact_key FROM fact_event WHERE account_id = $1 AND event_id = $2", account_id, event_id
    )
    return [row["fact_key"] for row in rows]


async def fact_keys_of_concerns(conn: asyncpg.Connection, account_id: str, concerns: Sequence[str]) -> list[str]:
    """The facts of these concerns, or of those that they are part of."""
    rows = await conn.fetch(_BY_CONCERN, account_id, concerns, MOST)
    return [row["fact_key"] for row in rows]


async def fact_keys_of_subject(conn: asyncpg.Connection, account_id: str, subject_id: str) -> list[str]:
    """The facts about a subscription or a card, and of suspicion: their concerns' names cannot be told from the id alone."""
    rows = await conn.fetch(_BY_SUBJECT, account_id, subject_id, MOST)
    return [row["fact_key"] for row in rows]


async def fact_keys_of_requests(conn: asyncpg.Connection, account_id: str, request_ids: Sequence[str]) -> list[str]:
    """The facts of the plans of these requests."""
    rows = await conn.fetch(_BY_REQUEST, account_id, request_ids)
    return [row["fact_key"] for row in rows]


async def load(
    conn: asyncpg.Connection, account_id: str, fact_keys: Sequence[str], events: Sequence[str], concerns: Sequence[str]
) -> Rows:
    """Everything around these facts, events and concerns. Eleven statements."""
    facts = await conn.fetch(_FACTS, account_id, fact_keys)
    fact_events = await conn.fetch(_FACT_EVENTS, account_id, fact_keys)
    event_ids = sorted({*events, *(row["event_id"] for row in fact_events), *(row["event_id"] for row in facts)})
    plan_facts = await conn.fetch(_PLAN_FACTS, account_id, fact_keys)
    plans = await conn.fetch(_PLANS, account_id, [row["plan_id"] for row in plan_facts])
    steps = await conn.fetch(_STEPS, account_id, [row["plan_id"] for row in plans])
    about = {*concerns, *(row["concern"] for row in facts), *(row["concern"] for row in plans)}
    # a payment ends the concern of the failure before it: told where this story's events or facts ended it
    beside = {concern for row in facts for concern in concerns_of_object(row["subject_id"])}
    ended_by = {*event_ids, *(row["fact_key"] for row in facts)}
    found = await conn.fetch(_CONCERNS, account_id, sorted(about | beside))
    told_of = [row for row in found if row["concern"] in about or row["settled_by"] in ended_by]
    # what came of an answer is told with its question
    asked = {concern.removesuffix("_result").removesuffix("_held").removesuffix("_warned") for concern in about}
    questions = await conn.fetch(_QUESTIONS, account_id, sorted(asked))
    return Rows(
        questions=questions,
        answers=await conn.fetch(_ANSWERS, account_id, [row["challenge_id"] for row in questions]),
        events=await conn.fetch(_EVENTS, account_id, event_ids),
        facts=facts,
        fact_events=fact_events,
        concerns=told_of,
        plan_facts=plan_facts,
        plans=plans,
        steps=steps,
        cancels=await conn.fetch(
            "SELECT * FROM cancel WHERE account_id = $1 AND concern = ANY ($2::text[])", account_id, sorted(about)
        ),
        calls=await conn.fetch(_CALLS, account_id, [row["plan_id"] for row in plans]),
        outcomes=await conn.fetch(_OUTCOMES, account_id, [row["request_id"] for row in steps]),
    )


async def recent_events(
    conn: asyncpg.Connection, account_ids: Sequence[str], since: datetime | None, most: int
) -> list[asyncpg.Record]:
    """The newest events with what became of each, newest first. For the sandbox's page: it reads by time, not by key."""
    return list(await conn.fetch(_RECENT, account_ids, since, most))


def concerns_of_object(object_id: str) -> list[str]:
    """The concerns that an object of Stripe may have: in_1 gives invoice:in_1/unpaid and invoice:in_1/receipt."""
    kind, suffixes = SUFFIXES.get(object_id.partition("_")[0], ("", ()))
    return [f"{kind}:{object_id}/{suffix}" for suffix in suffixes]


_BY_SUBJECT = """
SELECT fact_key FROM fact
WHERE account_id = $1 AND subject_id = $2 AND kind IN ('renewal_due', 'trial_ending', 'card_expiring', 'subscription_changed',
    'subscription_started', 'subscription_ended', 'fraud_suspected', 'fraud_confirmed_safe', 'fraud_stopped', 'fraud_held')
ORDER BY occurred_at DESC LIMIT $3
"""
_CONCERNS = "SELECT * FROM concern WHERE account_id = $1 AND concern = ANY ($2::text[]) ORDER BY concern"
_EVENTS = """
SELECT event_id, type, api_version, source, created_at, received_at, business_at, state, reason, folded_at
FROM event WHERE account_id = $1 AND event_id = ANY ($2::text[]) ORDER BY business_at, event_id
"""
_FACTS = """
SELECT fact_key, kind, concern, subject_id, customer_id, occurred_at, COALESCE(charged_amount, amount) AS amount,
       COALESCE(charged_exponent, exponent) AS exponent, COALESCE(charged_currency, currency) AS currency, event_id, state, reason, due_at,
    rules_epoch, planned_at
FROM fact WHERE account_id = $1 AND fact_key = ANY ($2::text[]) ORDER BY occurred_at, fact_key
"""
_FACT_EVENTS = "SELECT * FROM fact_event WHERE account_id = $1 AND fact_key = ANY ($2::text[])"
_PLAN_FACTS = "SELECT * FROM plan_fact WHERE account_id = $1 AND fact_key = ANY ($2::text[])"
_PLANS = """
SELECT plan_id, concern, recipient, flow, generation, rule, rules_epoch, customer_id, fact_key, state, opened_at, closed_at, note
FROM plan WHERE account_id = $1 AND plan_id = ANY ($2::uuid[]) ORDER BY opened_at, plan_id
"""
_STEPS = """
SELECT plan_id, number, name, concern, state, reason, due_at, not_after, request_id, round, notification_id, truth, truth_read_at,
    tries, result, updated_at
FROM step WHERE account_id = $1 AND plan_id = ANY ($2::uuid[]) ORDER BY plan_id, number
"""
_CALLS = """
SELECT plan_id, cause, call_id, webhook, state, reason, tries, asked_at, ended_at FROM webhook_call
WHERE account_id = $1 AND plan_id = ANY ($2::uuid[]) ORDER BY asked_at, cause
"""
_OUTCOMES = """
SELECT request_id, round, kind, effect, payload, occurred_at FROM outcome_applied
WHERE account_id = $1 AND request_id = ANY ($2::text[]) ORDER BY occurred_at
"""
_QUESTIONS = (
    "SELECT * FROM question WHERE account_id = $1 AND concern = ANY ($2::text[]) ORDER BY asked_at, challenge_id"
)
_ANSWERS = """
SELECT challenge_id, seq, at, entry, who, details FROM decision_audit
WHERE account_id = $1 AND challenge_id = ANY ($2::text[]) ORDER BY challenge_id, seq
"""
_BY_CONCERN = """
SELECT fact_key FROM fact WHERE account_id = $1 AND concern = ANY ($2::text[] || ARRAY(
    SELECT part_of FROM concern WHERE account_id = $1 AND concern = ANY ($2::text[]) AND part_of IS NOT NULL)) LIMIT $3
"""
_BY_REQUEST = """
SELECT DISTINCT pf.fact_key FROM step AS s JOIN plan_fact AS pf ON pf.account_id = $1 AND pf.plan_id = s.plan_id
WHERE s.account_id = $1 AND s.request_id = ANY ($2::text[])
"""
_RECENT = """
SELECT e.account_id, e.event_id, e.type, e.state, e.reason, e.business_at, e.received_at, f.facts, p.steps, c.settles
FROM (
    SELECT * FROM event WHERE account_id = ANY ($1::text[]) AND ($2::timestamptz IS NULL OR received_at > $2)
    ORDER BY received_at DESC, event_id LIMIT $3
) AS e
CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_agg(jsonb_build_object('fact_key', f.fact_key, 'kind', f.kind, 'concern', f.concern, 'state', f.state,
        'reason', f.reason, 'effect', fe.effect) ORDER BY f.fact_key), '[]') AS facts
    FROM fact_event AS fe JOIN fact AS f ON f.account_id = fe.account_id AND f.fact_key = fe.fact_key
    WHERE fe.account_id = e.account_id AND fe.event_id = e.event_id
) AS f
CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_agg(DISTINCT jsonb_build_object('request_id', s.request_id, 'flow', p.flow, 'recipient', p.recipient,
        'number', s.number, 'state', s.state, 'reason', s.reason, 'due_at', s.due_at)), '[]') AS steps
    FROM fact_event AS fe JOIN plan_fact AS pf ON pf.account_id = fe.account_id AND pf.fact_key = fe.fact_key
        JOIN plan AS p ON p.account_id = pf.account_id AND p.plan_id = pf.plan_id
        JOIN step AS s ON s.account_id = p.account_id AND s.plan_id = p.plan_id
    WHERE fe.account_id = e.account_id AND fe.event_id = e.event_id
) AS p
LEFT JOIN (
    SELECT account_id, settled_by, array_agg(concern ORDER BY concern) AS settles FROM concern
    WHERE account_id = ANY ($1::text[]) AND state = 'settled' GROUP BY account_id, settled_by
) AS c ON c.account_id = e.account_id AND c.settled_by = e.event_id
ORDER BY e.received_at DESC, e.event_id
"""

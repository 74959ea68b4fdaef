"""What a due step needs next: to be ended, looked up at Stripe, frozen, or sent again as it was frozen. Pure."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from ingest_service.deciding.asking import Question, question, step_numbers
from ingest_service.planning import planner
from ingest_service.planning.conditions import Condition, FixTheExpression, condition
from ingest_service.submitting import truth
from ingest_service.submitting.announced import REMINDERS
from ingest_service.submitting.freezing import Freezable, freeze
from ingest_service.submitting.results import Sent
from ingest_service.submitting.truth import Grade
from ingest_service.webhooks.call import Call, step_call

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DueStep:
    """A claimed step with its plan's newest fact, as the queue gives it. `variables` and `frozen` are opened."""

    account_id: str
    plan_id: UUID
    number: int
    lane: int
    concern: str
    state: str
    due_at: datetime
    not_after: datetime
    request_id: str
    round: int
    flow: str
    settled: bool
    fact_at: datetime
    fact_kind: str
    subject_id: str
    variables: Json
    frozen: bytes | None

    @property
    def matter(self) -> tuple[str, str]:
        """What a look at Stripe answers for: its subject and, where what was announced of it must be compared, its fact; of a
        payment under suspicion something else is asked than of one that failed, and of the charge that was suspected.
        """
        if self.fact_kind in REMINDERS:
            return self.subject_id, str(self.variables["fact"]["key"])
        if self.fact_kind == "fraud_suspected":
            return str(self.variables["fact"]["attributes"].get("charge") or self.subject_id), self.fact_kind
        return self.subject_id, ""

    @property
    def key(self) -> tuple[UUID, int]:
        """As the queue names it."""
        return self.plan_id, self.number

    @property
    def sent(self) -> Sent:
        """As results name it."""
        return Sent(self.plan_id, self.number, self.round, self.not_after)


@dataclass(frozen=True, slots=True)
class End:
    """It comes to its end without being sent."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resend:
    """It was frozen before: the same bytes go out again."""

    frozen: bytes


@dataclass(frozen=True, slots=True)
class Freeze:
    """Its truth is known without a call."""

    grade: Grade


@dataclass(frozen=True, slots=True)
class LookUp:
    """Stripe must be asked first."""


def next_for(step: DueStep, now: datetime) -> End | Resend | Freeze | LookUp:
    """Decides. A step that was frozen is only ever resent or ended: its words were checked when they were frozen."""
    if step.settled:
        return End("cancelled", "the matter was settled")
    if now >= step.not_after:
        return End("expired", f"it was of use only until {step.not_after:%Y-%m-%d %H:%M} UTC")
    if step.frozen is not None:
        return Resend(step.frozen)
    blueprint = step.variables["steps"].get(str(step.number), {})
    unless = blueprint.get("unless")
    if unless is not None and _holds(unless, step, now):
        return End("skipped", f"its rule says nothing while {unless}")
    if blueprint.get("number") == "next" and not step_numbers(step.variables["fact"], blueprint, now):
        return End("skipped", "no further number is known of them")
    needed = truth.grade(kind=step.fact_kind, fact_at=step.fact_at, due_at=step.due_at, now=now)
    return LookUp() if needed == "stripe" else Freeze(needed)


def _holds(source: str, step: DueStep, now: datetime) -> bool:
    try:
        compiled = _compiled(source)
    except FixTheExpression:  # an older version took it; what cannot be asked is no reason to say nothing
        return False
    return compiled.holds(planner.view_of(step.variables["fact"], step.concern, now))


@functools.lru_cache(maxsize=256)
def _compiled(source: str) -> Condition:
    return condition(source)


def webhook_call(step: DueStep, now: datetime) -> Call | None:
    """The call that the step makes instead of a message, None of all others."""
    name = step.variables["steps"][str(step.number)].get("webhook")
    return step_call(step.account_id, step.plan_id, step.number, name, step.variables["fact"], now) if name else None


def frozen_bytes(step: DueStep, truth_read_at: datetime, default_zone: ZoneInfo, link: str = "") -> bytes:
    """The request of a step whose truth was read at this moment of business time, with the payment link it was given, if any.

    Raises:
        KeyError: the plan's variables lack something; a version of ours wrote them wrongly.
    """
    return freeze(
        Freezable(
            account_id=step.account_id,
            plan_id=str(step.plan_id),
            request_id=step.request_id,
            round=step.round,
            concern=step.concern,
            flow=step.flow,
            lane=step.lane,
            number=step.number,
            not_after=step.not_after,
            truth_read_at=truth_read_at,
            fact=step.variables["fact"],
            variant=step.variables["variant"],
            blueprint=step.variables["steps"][str(step.number)],
            default_zone=default_zone,
            link=link,
        )
    )


def asked(step: DueStep, now: datetime) -> Question | None:
    """What the step asks, None where it only tells.

    Raises:
        KeyError: as frozen_bytes.
    """
    fact, blueprint = step.variables["fact"], step.variables["steps"][str(step.number)]
    return question(step.account_id, step.plan_id, step.concern, step.flow, fact, blueprint, now, step.number)

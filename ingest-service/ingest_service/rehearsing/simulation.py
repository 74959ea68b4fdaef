"""What rules would have said of the facts of one concern, message by message, at the times at which they happened. Pure.

Time passes as it did: what is due before the next fact is said before it, and nothing is said any more once the matter was settled.
The planner is the real one, so that joining, repeating and restarting are what they would have been.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final

from ingest_service.planning import planner
from ingest_service.planning.planner import Fact, Nothing, Plan, PlannedStep
from ingest_service.planning.rules import Rules
from ingest_service.submitting import preparing
from ingest_service.submitting.preparing import DueStep

BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Heard:
    """A fact, and the business time at which it could be planned: not before the events that tell of it had come."""

    fact: Fact
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Matter:
    """Everything that is known of one concern.

    Attributes:
        settled_at: business time at which it was known to be over; None while it is open.
    """

    account_id: str
    concern: str
    heard: Sequence[Heard]
    settled_at: datetime | None


class End(StrEnum):
    """What becomes of a message, as far as we can tell without notify."""

    DUE = "due"  # it would be handed to notify
    EXPIRED = "expired"  # it would come too late to be of use
    SKIPPED = "skipped"  # its rule says nothing in this case
    STOPPED = "stopped"  # the matter was settled, or a newer fact began the messages anew
    TO_COME = "to_come"  # its time has not come


@dataclass(frozen=True, slots=True)
class Message:
    """A step of a plan at its end. `at`: when it would be frozen, or would have been; `plan` speaks of the newest fact of that time."""

    plan: Plan
    step: PlannedStep
    at: datetime
    end: End


@dataclass(slots=True)
class Rehearsed:
    """What rules made of one concern. `taken`: flow to the keys of the facts that it took up."""

    messages: list[Message] = field(default_factory=list)
    taken: dict[str, set[str]] = field(default_factory=dict)


def rehearse(matter: Matter, rules: Rules, now: datetime) -> Rehearsed:
    """Plays a concern's past under these rules, up to now."""
    stage = _Stage(matter.account_id, rules, Rehearsed())
    settled_at = matter.settled_at
    ordered = sorted(matter.heard, key=lambda each: each.known_at)
    for known_at, group in groupby(ordered, key=lambda each: each.known_at):
        over = settled_at is not None and settled_at <= known_at
        if over and settled_at is not None:
            stage.settle(settled_at)
        else:
            stage.speak_before(known_at)
        for fact in sorted((each.fact for each in group), key=lambda fact: fact.age_order):
            stage.hear(fact, known_at, settled=over)
    if settled_at is not None and settled_at <= now:
        stage.settle(settled_at)
    stage.speak_before(now + timedelta(microseconds=1))
    stage.leave(End.TO_COME)
    stage.rehearsed.messages.sort(key=lambda message: (message.at, message.step.request_id))
    return stage.rehearsed


@dataclass(slots=True)
class _Stage:
    """The plans of a concern while time passes."""

    account_id: str
    rules: Rules
    rehearsed: Rehearsed
    now: datetime = BEGINNING
    plans: dict[tuple[str, str], Plan] = field(default_factory=dict)

    def hear(self, fact: Fact, known_at: datetime, *, settled: bool) -> None:
        """Plans a fact as it would have been planned."""
        self.now = max(self.now, known_at)
        decision = planner.plan(fact, self.rules, "settled" if settled else "open", self.plans)
        if isinstance(decision, Nothing):
            return
        for change in decision:
            if change.ended is not None:
                self._end(change.ended, End.STOPPED, known_at)
            self.plans[change.plan.recipient, change.plan.flow] = change.plan
            self.rehearsed.taken.setdefault(change.plan.flow, set()).add(fact.key)

    def speak_before(self, moment: datetime) -> None:
        """Says what is due before a moment."""
        for key, plan in self.plans.items():
            said: set[int] = set()
            for step in _waiting(plan):
                at = max(step.due_at, self.now)
                if at < moment:
                    self.rehearsed.messages.append(Message(plan, step, at, _end_of(self.account_id, plan, step, at)))
                    said.add(step.number)
            if said:
                steps = tuple(replace(step, waiting=step.waiting and step.number not in said) for step in plan.steps)
                self.plans[key] = replace(plan, steps=steps)

    def settle(self, settled_at: datetime) -> None:
        """The matter is over: what was due before is said, the rest is not."""
        self.speak_before(settled_at)
        self.leave(End.STOPPED)
        self.plans = {key: replace(plan, state="settled", steps=_none_waits(plan)) for key, plan in self.plans.items()}

    def leave(self, end: End) -> None:
        """What has not been said comes to this end."""
        for plan in self.plans.values():
            self._end(plan, end, None)

    def _end(self, plan: Plan, end: End, at: datetime | None) -> None:
        for step in _waiting(plan):
            self.rehearsed.messages.append(Message(plan, step, max(step.due_at, at or step.due_at), end))


def due_step(account_id: str, plan: Plan, step: PlannedStep) -> DueStep:
    """A step as the queue gives it when it is due."""
    return DueStep(
        account_id=account_id,
        plan_id=plan.plan_id,
        number=step.number,
        lane=plan.lane,
        concern=plan.concern,
        state="waiting",
        due_at=step.due_at,
        not_after=step.not_after,
        request_id=step.request_id,
        round=1,
        flow=plan.flow,
        settled=False,
        fact_at=plan.fact_at,
        fact_kind=str(plan.fact["kind"]),
        subject_id=str(plan.fact["subject_id"]),
        variables={"fact": plan.fact, "variant": plan.variant, "steps": {str(step.number): step.blueprint}},
        frozen=None,
    )


def _end_of(account_id: str, plan: Plan, step: PlannedStep, at: datetime) -> End:
    match preparing.next_for(due_step(account_id, plan, step), at):
        case preparing.End(state="skipped"):
            return End.SKIPPED
        case preparing.End():
            return End.EXPIRED
        case _:
            return End.DUE


def _waiting(plan: Plan) -> Iterator[PlannedStep]:
    if plan.state in ("open", "superseded"):
        yield from (step for step in plan.steps if step.waiting)


def _none_waits(plan: Plan) -> tuple[PlannedStep, ...]:
    return tuple(replace(step, waiting=False) for step in plan.steps)


__all__ = ["End", "Heard", "Matter", "Message", "Rehearsed", "due_step", "rehearse"]

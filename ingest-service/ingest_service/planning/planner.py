"""What a fact does to the plans of its concern. Pure: the same facts give the same plans in whatever order they come.

A plan stands for one (concern, recipient, flow). The first fact opens it; a further one joins it and refreshes its words where it
is the newer one. Times hang on the oldest fact of the plan and words on the newest, so that the order in which facts arrive
does not matter. What was true only before never makes a message: an older fact neither repeats nor restarts anything.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, assert_never
from uuid import UUID

from ingest_service.planning.conditions import View
from ingest_service.planning.rules import Member, OnRepeat, Rule, Rules, Step, Team

Json = dict[str, Any]

APART: Final = timedelta(days=1)
"""So long after a message that is said again the next one of its plan waits, unless its rule has them follow sooner."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that is ready to be planned. `attributes` and `person` are what the fold sealed into its details."""

    account_id: str
    key: str
    kind: str
    concern: str
    subject_id: str
    customer_id: str | None
    lane: int
    occurred_at: datetime  # business time
    amount: int | None  # minor units
    exponent: int | None
    currency: str | None
    event_id: str
    attributes: Mapping[str, Any]
    person: Mapping[str, Any]

    @property
    def age_order(self) -> tuple[datetime, str]:
        """Orders facts from the oldest to the newest; Stripe's times are whole seconds, so the key decides between equals."""
        return self.occurred_at, self.key

    def view(self) -> View:
        """The fact as conditions see it."""
        return view_of(_kept(self), self.concern)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One message of a plan, with everything freezing will need of the rule: later changes of the rules do not reach it."""

    number: int
    name: str
    due_at: datetime
    not_after: datetime
    request_id: str
    blueprint: Json
    waiting: bool = True  # False once it has been frozen, or come to its end


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it stands or shall stand."""

    plan_id: UUID
    concern: str
    recipient: str
    flow: str
    generation: int
    rule: str
    lane: int
    customer_id: str | None
    state: Literal["open", "done", "settled", "superseded"]
    opened_at: datetime  # when the oldest of its facts happened
    fact_key: str  # the newest of its facts
    fact_at: datetime
    fact: Json  # what values and labels are made of, from the newest fact
    variant: str
    steps: tuple[PlannedStep, ...]
    note: str = ""  # what the story says of who is asked first; no personal data


Effect = Literal["opened", "joined", "said_again", "restarted"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a fact does to one plan: the plan as it is afterwards, and the one that it ended."""

    effect: Effect
    plan: Plan
    ended: Plan | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """The fact makes no message."""

    reason: Literal["settled", "no_rule"]


def matters(fact: Fact, rules: Rules) -> tuple[str, ...]:
    """The matters of their own that the rules make of a fact, beside its concern."""
    if not any(rule.on == fact.kind and rule.has_own_matter for rule in rules.rules):
        return ()
    matching = rules.matching(fact.kind, fact.view().measured(rules.limits))
    return tuple(rule.matter(fact.concern) for rule in matching if rule.has_own_matter)


def plan(
    fact: Fact,
    rules: Rules,
    concern: Literal["open", "settled"],
    plans: Mapping[tuple[str, str], Plan],
    settled: Collection[str] = (),
) -> tuple[Change, ...] | Nothing:
    """Decides for one fact.

    Args:
        plans: the latest generation by (recipient, flow) of the fact's concern and of the matters that are part of it.
        settled: those of these matters that are settled.
    """
    if concern == "settled":
        return Nothing("settled")
    view = fact.view().measured(rules.limits)
    matching = rules.matching(fact.kind, view)
    if not matching:
        return Nothing("no_rule")
    matching = tuple(rule for rule in matching if rule.matter(fact.concern) not in settled)
    if not matching:
        return Nothing("settled")
    return tuple(_apply(fact, rule, rule.variant.of(view), plans.get((rule.recipient, rule.flow))) for rule in matching)


def _apply(fact: Fact, rule: Rule, variant: str, standing: Plan | None) -> Change:
    if standing is None:
        return Change("opened", _opened(fact, rule, variant, generation=1))
    if fact.age_order <= (standing.fact_at, standing.fact_key):
        return _join_older(fact, rule, standing)
    if standing.state == "settled":  # the concern was settled and stands open again: what follows is a new story
        return Change("opened", _opened(fact, rule, variant, generation=standing.generation + 1))
    newer = replace(standing, fact_key=fact.key, fact_at=fact.occurred_at, fact=_kept(fact), variant=variant)
    match rule.on_repeat:
        case OnRepeat.CONTINUE:
            return Change("joined", newer)
        case OnRepeat.SAY_AGAIN:
            again = _steps(fact, rule, newer.plan_id, rule.steps[:1], first_number=len(newer.steps) + 1, name="again")
            return Change("said_again", replace(newer, state="open", steps=_put_off(newer.steps, again, rule) + again))
        case OnRepeat.RESTART:
            ended = replace(standing, state="superseded") if standing.state == "open" else None
            return Change("restarted", _opened(fact, rule, variant, generation=standing.generation + 1), ended=ended)
        case _:
            assert_never(rule.on_repeat)


def _put_off(steps: tuple[PlannedStep, ...], again: tuple[PlannedStep, ...], rule: Rule) -> tuple[PlannedStep, ...]:
    """The steps with those that would follow closely upon what is said again put off: both would say the same."""
    if not again:
        return steps
    said_at = min(step.due_at for step in again)
    until = said_at + min([APART, *(later.after - rule.steps[0].after for later in rule.steps[1:2])])

    def moved(step: PlannedStep) -> PlannedStep:
        close = step.waiting and not step.blueprint.get("anchored") and said_at <= step.due_at < until
        return replace(step, due_at=until, not_after=step.not_after + (until - step.due_at)) if close else step

    return tuple(moved(step) for step in steps)


def _join_older(fact: Fact, rule: Rule, standing: Plan) -> Change:
    earlier = standing.opened_at - fact.occurred_at
    # what a newer fact would begin anew begins with the newest
    if earlier <= timedelta(0) or standing.generation > 1 or rule.on_repeat == OnRepeat.RESTART:
        return Change("joined", standing)
    steps = tuple(
        replace(step, due_at=step.due_at - earlier, not_after=step.not_after - earlier)
        if step.waiting and not step.blueprint.get("anchored")
        else step
        for step in standing.steps
    )
    return Change("joined", replace(standing, opened_at=fact.occurred_at, steps=steps))


def _opened(fact: Fact, rule: Rule, variant: str, *, generation: int) -> Plan:
    recipient = rule.recipient
    concern = rule.matter(fact.concern)
    plan_id = plan_id_of(fact.account_id, concern, recipient, rule.flow, generation)
    note = (
        rule.in_turn.of(rule.to, fact.attributes)[1] if rule.in_turn is not None and isinstance(rule.to, Team) else ""
    )
    return Plan(
        plan_id=plan_id,
        concern=concern,
        recipient=recipient,
        flow=rule.flow,
        generation=generation,
        rule=rule.name,
        lane=fact.lane,
        customer_id=fact.customer_id,
        state="open",
        opened_at=fact.occurred_at,
        fact_key=fact.key,
        fact_at=fact.occurred_at,
        fact=_kept(fact),
        variant=variant,
        steps=_steps(fact, rule, plan_id, rule.steps, first_number=1),
        note=note,
    )


def _steps(
    fact: Fact, rule: Rule, plan_id: UUID, steps: tuple[Step, ...], *, first_number: int, name: str = ""
) -> tuple[PlannedStep, ...]:
    planned: list[PlannedStep] = []
    for index, step in enumerate(steps, start=1):
        due_at = _due(fact, step)
        if due_at is None:
            continue
        for place, told in enumerate(_told(fact, rule, step), start=1):
            number = first_number + len(planned)
            who = f", webhook {step.webhook}" if step.webhook else f", member {place}" if told.member else ""
            planned.append(
                PlannedStep(
                    number=number,
                    name=(name or f"step {index}") + who,  # no person's name: it stands unencrypted
                    due_at=due_at + told.later,
                    not_after=due_at + told.later + step.not_after,
                    request_id=request_id_of(fact.account_id, plan_id, rule.recipient, number),
                    blueprint=_blueprint(rule, step, told),
                )
            )
    return tuple(planned)


class _Told(NamedTuple):
    """Who is told, and how much later than the step is due. Neither member nor team: the customer, or a webhook."""

    member: Member | None = None
    team: str = ""
    later: timedelta = timedelta(0)
    variant: str = ""  # of the words, where it is not the fact's


def _told(fact: Fact, rule: Rule, step: Step) -> Iterator[_Told]:
    if step.webhook or not isinstance(rule.to, Team):
        yield _Told()
        return
    turn = rule.in_turn
    members, _ = turn.of(rule.to, fact.attributes) if turn is not None else (rule.to.members, "")
    every = turn.every if turn is not None else timedelta(0)
    for place, member in enumerate(members):
        yield _Told(member, rule.to.name, place * every)
    if turn is not None and turn.nobody is not None:
        for member in turn.nobody.members:
            yield _Told(member, turn.nobody.name, len(members) * every, "nobody")


def _due(fact: Fact, step: Step) -> datetime | None:
    """When a step is due; None where the moment it stands before is not known, or too near."""
    if step.before is None:
        return fact.occurred_at + step.after
    anchor = fact.attributes.get(step.of)
    if not isinstance(anchor, int):
        return None
    due_at = datetime.fromtimestamp(anchor, UTC) - step.before
    return due_at if due_at > fact.occurred_at else None


def _blueprint(rule: Rule, step: Step, told: _Told) -> Json:
    blueprint: Json = {
        "rule": rule.name,
        **({"webhook": step.webhook} if step.webhook else {}),
        **({"variant": told.variant} if told.variant else {}),
        "channels": list(step.channels),
        "template": step.template,
        "class": str(step.message_class),
        "if_not_now": str(step.if_not_now),
        "if_unresolved": str(step.if_unresolved),
    }
    if step.unless is not None:
        blueprint["unless"] = step.unless.source
    if step.before is not None:
        blueprint["anchored"] = True
    if step.next_number:
        blueprint["number"] = "next"
    if step.values is not None:
        blueprint["values"] = list(step.values)
    if rule.asks is not None and not step.webhook:
        blueprint["asks"] = rule.asks.json()
    member = told.member
    if member is not None:
        languages, zones = list(member.languages), [member.zone] if member.zone else []
        person_id = f"team:{told.team}:{member.slug}"
        blueprint["member"] = {
            "person_id": person_id,
            "number": member.number,
            "languages": languages,
            "time_zones": zones,
        }
    return blueprint


def view_of(kept: Mapping[str, Any], concern: str, now: datetime | None = None) -> View:
    """A fact as a plan keeps it, as conditions see it. With `now`, a try that was to come and has had its time comes no more."""
    attributes, currency = kept["attributes"], kept["currency"]
    retry = attributes.get("next_payment_attempt")
    own = {
        "kind": kept["kind"],
        "about": concern.partition(":")[0],
        "amount": kept["amount"],
        "exponent": kept["exponent"],
        "currency": currency and currency.lower(),
        "by_answer": bool(
            attributes.get("by_answer")
        ),  # facts from before it was told have none: no answer caused them
        "will_retry": retry is not None and (now is None or retry > now.timestamp()),
        "languages": kept["person"].get("languages"),
        "customer_id": kept["customer_id"],
    }
    return View.of({**attributes, **own})


def _kept(fact: Fact) -> Json:
    return {
        "key": fact.key,
        "kind": fact.kind,
        "subject_id": fact.subject_id,
        "customer_id": fact.customer_id,
        "occurred_at": fact.occurred_at.timestamp(),
        "amount": fact.amount,
        "exponent": fact.exponent,
        "currency": fact.currency,
        "event_id": fact.event_id,
        "attributes": dict(fact.attributes),
        "person": dict(fact.person),
    }


def plan_id_of(account_id: str, concern: str, recipient: str, flow: str, generation: int) -> UUID:
    """The same plan has the same id wherever and whenever it is made."""
    digest = hashlib.sha256(
        "\0".join(("plan", account_id, concern, recipient, flow, str(generation))).encode()
    ).digest()
    return UUID(bytes=digest[:16])


def request_id_of(account_id: str, plan_id: UUID, recipient: str, number: int) -> str:
    """Hex of a hash, never made from a phone number."""
    return hashlib.sha256("\0".join((account_id, str(plan_id), recipient, str(number))).encode()).hexdigest()


def challenge_id_of(account_id: str, plan_id: UUID | str, number: int | None = None) -> str:
    """The id of the question that a plan asks: one, however many messages carry it.

    Of people who are asked one after the other each has a question of their own, by the number of its step.
    """
    parts = ("question", account_id, str(plan_id), *(() if number is None else (str(number),)))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


__all__ = [
    "Change", "Fact", "Nothing", "Plan", "PlannedStep", "challenge_id_of", "matters", "plan", "plan_id_of", "request_id_of", "view_of",
]  # fmt: skip

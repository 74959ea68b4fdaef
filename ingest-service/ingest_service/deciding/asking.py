"""A step that asks, as the question that is kept: what was asked, of whom, until when, and what its answers do. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ingest_service.deciding.trust import Trust, most_trusted
from ingest_service.planning.answers import Asks
from ingest_service.planning.planner import challenge_id_of

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked. No personal data: numbers by where they came from and since when, nothing more.

    Attributes:
        amount: minor units as Stripe charged them, which acting compares; None where the question is about no payment.
        standing: how the payment stood: uncaptured, captured, blocked; "" where it is about none.
        paid_at: Unix seconds of the payment.
        sources: of the numbers asked: {"source": …, "first_seen_at": …, "replaced": …}.
    """

    challenge_id: str
    plan_id: UUID
    concern: str
    flow: str
    rule: str
    kind: str
    recipient: str
    customer_id: str | None
    payment_intent: str
    charge_id: str
    review_id: str
    amount: int | None
    currency: str
    standing: str
    paid_at: float | None
    asks: Asks
    trust: Trust
    sources: tuple[Json, ...]
    asked_at: datetime
    answer_by: datetime


def answer_by(fact: Json, asks: Asks) -> datetime:
    """The last moment for an answer: the same for every message of a plan. Money that is held is let go by the bank at its own time."""
    last = datetime.fromtimestamp(fact["occurred_at"], UTC) + asks.answer_by
    held_until = fact["attributes"].get("capture_before")
    if isinstance(held_until, int) and not isinstance(held_until, bool):
        return min(last, datetime.fromtimestamp(held_until, UTC))
    return last


def asks_of(blueprint: Json) -> Asks | None:
    """How the step asks, None where it only tells."""
    return Asks.of_json(blueprint["asks"]) if blueprint.get("asks") else None


def asked_numbers(fact: Json, now: datetime) -> tuple[Trust, list[Json]]:
    """The numbers of the person that a question goes to."""
    addresses = [one for one in fact["person"].get("addresses") or () if isinstance(one, Mapping)]
    return most_trusted(addresses, paid_at=fact["attributes"].get("charge_at"), now=now)


def step_numbers(fact: Json, blueprint: Json, now: datetime) -> list[Json]:
    """The numbers of the person that a message of this step may go to, in their order.

    An answer may act: who is asked is asked at the numbers that are trusted most, and at no others.
    """
    numbers = [one for one in fact["person"].get("addresses") or () if isinstance(one, Mapping)]
    if blueprint.get("asks"):
        _, numbers = asked_numbers(fact, now)
    if blueprint.get("number") == "next":
        numbers = [one for one in numbers[1:] if _digits(one) != _digits(numbers[0])]
    return numbers


def _digits(address: Json) -> str:
    """By what numbers are the same, whether they were written with their country or without."""
    return "".join(filter(str.isdecimal, str(address.get("number"))))[-8:]


def question(
    account_id: str, plan_id: UUID, concern: str, flow: str, fact: Json, blueprint: Json, now: datetime, number: int
) -> Question | None:
    """The question that the step with this number carries at this moment, None where it asks nothing."""
    asks = asks_of(blueprint)
    if asks is None:
        return None
    attributes = fact["attributes"]
    member = blueprint.get("member")
    trust, numbers = (Trust.TEAM, []) if member is not None else asked_numbers(fact, now)
    about_payment = bool(attributes.get("charge") and attributes.get("capture"))
    return Question(
        challenge_id=challenge_id_of(account_id, plan_id, number if asks.each else None),
        plan_id=plan_id,
        concern=concern,
        flow=flow,
        rule=str(blueprint["rule"]),
        kind=str(fact["kind"]),
        recipient="customer" if member is None else "team",
        customer_id=fact["customer_id"],
        payment_intent=str(attributes.get("payment_intent") or "") if about_payment else "",
        charge_id=str(attributes.get("charge") or "") if about_payment else "",
        review_id=str(attributes.get("review") or "") if about_payment else "",
        amount=attributes["charged_amount"] if about_payment else None,
        currency=str(attributes.get("charged_currency") or "") if about_payment else "",
        standing=str(attributes.get("capture") or "") if about_payment else "",
        paid_at=attributes.get("charge_at"),
        asks=asks,
        trust=trust,
        sources=tuple(
            {"source": one.get("source"), "first_seen_at": one.get("first_seen_at"), "replaced": bool(one.get("replaced_another"))}
            for one in numbers
        ),
        asked_at=now,
        answer_by=answer_by(fact, asks),
    )  # fmt: skip

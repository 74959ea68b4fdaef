"""Neither the order nor the repetition of events changes what is known in the end."""

import datetime
import random
from typing import Any

import pytest

from ingest_service.folding.effects import Event
from ingest_service.folding.subject import Subject
from ingest_service.folding.tellers import effects
from paybell_sandbox.stripe.telling import Told, tell
from tests.unit.ingest.folding.test_effects import SHAPES, events

STORIES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "a bill fails twice and is paid": [("renewal_fails", {}), ("retry_fails", {}), ("customer_pays", {})],
    "a bill fails and is written off": [("renewal_fails", {}), ("invoice_uncollectible", {})],
    "a bill fails and is voided": [("renewal_fails", {}), ("invoice_voided", {})],
    "a purchase is refunded in two parts": [("purchase", {}), ("refund_two_parts", {})],
    "a refund fails": [("purchase", {}), ("refund_full", {}), ("refund_fails", {})],
    "a buyer succeeds at the second try": [("purchase_fails", {}), ("buyer_succeeds", {})],
    "an authorised payment is captured": [("purchase_authorised", {}), ("purchase_captured", {})],
}


def told_events(name: str, version: str) -> list[Event]:
    """All events of a story and its follow-ups, an hour apart."""
    (first, options), *rest = STORIES[name]
    told: Told = tell(first, seed=11, **options)
    found = events(told, version)
    for story, more in rest:
        told = told.then(story, after=3600, **more)
        found += events(told, version)
    return found


def known(told: list[Event]) -> tuple[dict[str, tuple[str, str, object]], set[str], dict[tuple[str, str], str]]:
    """What the subjects, the settled concerns and the aliases come to."""
    subjects: dict[str, Subject] = {}
    settled: set[str] = set()
    aliases: dict[tuple[str, str], str] = {}
    for event in told:
        said = effects(event)
        for one in said.subjects:
            before = subjects.get(one.subject_id, Subject(one.subject_id, one.kind))
            subjects[one.subject_id] = before.told(
                status=one.status, customer_id=one.customer_id, at=event.created_at, facts=one.facts
            )
        settled |= set(said.settled)
        for alias in said.aliases:
            key = (alias.alias_id, alias.target_kind)
            aliases[key] = alias.target_id or aliases.get(key, "")
    return (
        {one.subject_id: (one.status, one.customer_id, dict(one.facts)) for one in subjects.values()},
        settled,
        aliases,
    )


@pytest.mark.parametrize("version", SHAPES)
@pytest.mark.parametrize("name", STORIES)
def test_any_order_and_any_repetition_comes_to_the_same(name: str, version: str) -> None:
    in_order = told_events(name, version)
    expected = known(in_order)
    chance = random.Random(name)
    for _ in range(150):
        shuffled = in_order + chance.choices(in_order, k=len(in_order) // 2)
        chance.shuffle(shuffled)
        assert known(shuffled) == expected


def test_paid_beats_open_whatever_is_told_later() -> None:
    noon = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
    paid = Subject("in_1", "invoice").told(status="paid", customer_id="cus_1", at=noon, facts={"failed": False})
    later = paid.told(status="open", customer_id="", at=noon + datetime.timedelta(hours=1), facts={"failed": True})
    assert (later.status, later.customer_id, later.facts["failed"]) == ("paid", "cus_1", True)

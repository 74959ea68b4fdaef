"""What single events say, in the shapes of acacia and of endive."""

import contextlib
import datetime
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.folding import parse
from ingest_service.folding.effects import Event
from ingest_service.folding.money import exponent
from ingest_service.folding.tellers import TELLERS, effects
from ingest_service.inbox.lanes import HANDLED
from paybell_sandbox.stripe.declines import RADAR_REASONS
from paybell_sandbox.stripe.telling import Told, tell

ACACIA, ENDIVE = "2025-02-24.acacia", "2026-10-28.endive"
SHAPES = (ACACIA, ENDIVE)


def events(told: Told, version: str) -> list[Event]:
    """The story's events as ingest opens them."""
    return [
        Event(e["id"], e["type"], datetime.datetime.fromtimestamp(e["created"], datetime.UTC), e["data"]["object"])
        for e in told.envelopes(version)
        if e["type"] in HANDLED
    ]


def facts(told: Told, version: str) -> set[tuple[str, str, int, str]]:
    """Key, concern, amount and currency of every draft."""
    return {
        (draft.key, draft.concern, draft.amount, draft.currency)
        for event in events(told, version)
        for draft in effects(event).drafts
    }


@pytest.mark.parametrize("version", SHAPES)
def test_a_failed_renewal_is_one_fact_of_its_bill(version: str) -> None:
    told = tell("renewal_fails", seed=3, decline_code="expired_card")
    invoice = told.ids["invoice"]
    drafts = [
        draft for event in events(told, version) for draft in effects(event).drafts if draft.subject_id == invoice
    ]
    assert {draft.key for draft in drafts} == {f"payment_failed:{invoice}:1"}
    assert drafts[0].attributes["is_subscription"] is True
    assert drafts[0].attributes["hosted_invoice_url"].startswith("https://invoice.stripe.com/")
    assert drafts[0].snapshots[0].source == "invoice.customer_phone"


def test_both_shapes_tell_the_same_of_a_bill() -> None:
    for story in ("renewal_fails", "renewal_paid", "zero_invoice_paid", "first_payment"):
        told = tell(story, seed=5)
        own = [{fact for fact in facts(told, version) if fact[0].split(":")[1].startswith("in_")} for version in SHAPES]
        assert own[0] == own[1], story


def test_the_old_shape_says_at_once_that_a_charge_is_of_a_bill() -> None:
    told = tell("renewal_fails", seed=3)
    learnt = {
        (a.alias_id, a.target_id)
        for event in events(told, ACACIA)
        for a in effects(event).aliases
        if a.target_kind == "invoice"
    }
    assert learnt == {(told.ids["payment_intent"], told.ids["invoice"])}


@pytest.mark.parametrize("version", SHAPES)
@pytest.mark.parametrize("story", ["purchase", "renewal_paid", "renewal_fails"])
def test_whoever_says_which_bill_a_payment_is_of_locks_the_payment(story: str, version: str) -> None:
    """Else two folders pass each other, and a fact waits out its hold although the answer is known."""
    for event in events(tell(story, seed=3), version):
        said = effects(event)
        named = {
            alias.alias_id
            for alias in said.aliases
            if alias.target_kind == "invoice" and alias.alias_id.startswith("pi_")
        }
        assert named <= {one.subject_id for one in said.subjects}, event.type


@pytest.mark.parametrize("version", SHAPES)
def test_nothing_is_said_to_be_paid_that_is_zero_or_not_captured(version: str) -> None:
    for story in ("zero_invoice_paid", "purchase_authorised"):
        assert not {fact for fact in facts(tell(story, seed=2), version) if fact[0].startswith("payment_succeeded")}, (
            story
        )


@pytest.mark.parametrize(
    ("kind", "status", "before", "told"),
    [
        ("refund.created", "requires_action", "", set()),
        ("refund.updated", "pending", "requires_action", {"refund_issued"}),
        ("refund.created", "pending", "", {"refund_issued"}),
        ("refund.updated", "succeeded", "requires_action", {"refund_issued"}),
        ("refund.updated", "canceled", "pending", {"refund_failed"}),
        ("refund.failed", "failed", "", {"refund_failed"}),
    ],
)
def test_a_refund_is_told_when_it_is_out_and_again_when_it_does_not_come(
    kind: str, status: str, before: str, told: set[str]
) -> None:
    refund = {"id": "re_1", "object": "refund", "status": status, "amount": 100, "currency": "usd", "charge": "ch_1"}
    at = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    said = effects(Event("evt_1", kind, at, refund, {"status": before} if before else {}))
    assert {draft.kind for draft in said.drafts if not draft.give_up} == told


def test_a_refund_that_is_cancelled_before_it_went_out_is_nobodys_news() -> None:
    refund = {
        "id": "re_1",
        "object": "refund",
        "status": "canceled",
        "amount": 100,
        "currency": "usd",
        "charge": "ch_1",
    }
    at = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    said = effects(Event("evt_1", "refund.updated", at, refund, {"status": "requires_action"}))
    assert all(draft.give_up for draft in said.drafts)


@pytest.mark.parametrize("version", SHAPES)
def test_two_partial_refunds_are_two_facts_with_their_own_amounts(version: str) -> None:
    told = tell("refund_two_parts", seed=4)
    found = {fact for fact in facts(told, version) if fact[0].startswith("refund_issued")}
    assert {fact[0] for fact in found} == {
        f"refund_issued:{told.ids['refund']}",
        f"refund_issued:{told.ids['refund_2']}",
    }
    assert len({fact[2] for fact in found}) == 2


@pytest.mark.parametrize("version", SHAPES)
@pytest.mark.parametrize("reason", RADAR_REASONS)
def test_a_charge_that_is_blocked_as_fraud_is_no_matter_of_paying_again_and_any_other_is(
    version: str, reason: str
) -> None:
    told = tell("charge_blocked", seed=4, reason=reason)
    drafts = [draft for event in events(told, version) for draft in effects(event).drafts]
    given_up = [draft for draft in drafts if draft.kind == "payment_failed" and draft.give_up]
    assert bool(given_up) is (reason != "low_probability_of_authorization")


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("usd", 2), ("jpy", 0), ("kwd", 3), ("isk", 2), ("ugx", 2), ("huf", 2), ("twd", 2), ("krw", 0), ("idr", 2)],
)
def test_exponents_are_stripes(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)
FIELDS = st.sampled_from([
    "id", "status", "customer", "subscription", "payment_intent", "parent", "lines", "data", "amount", "amount_paid", "currency",
    "metadata", "billing_details", "last_payment_error", "outcome", "status_transitions", "payment_method_details", "card",
    "preferred_locales", "address", "shipping", "charge", "created", "attempt_count", "customer_details",
])  # fmt: skip
OBJECTS = st.dictionaries(FIELDS, JSON | st.dictionaries(FIELDS, JSON, max_size=5), max_size=12)


@given(OBJECTS, st.sampled_from([f"{prefix}{end}" for prefix, end in itertools.product(
    [prefix for prefix, _ in TELLERS], ["paid", "succeeded", "failed", "payment_failed", "created", "deleted", "completed"])]))  # fmt: skip
def test_whatever_an_object_holds_the_parser_raises_nothing_but_its_own_error(
    obj: dict[str, object], event_type: str
) -> None:
    with contextlib.suppress(parse.MalformedError):
        effects(Event("evt_1", event_type, datetime.datetime.now(datetime.UTC), obj))

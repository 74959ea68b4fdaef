"""What a fact tells: amounts as the buyer saw them, numbers with their hints, in whatever order events come."""

import datetime
import itertools
from typing import Any

import pytest

from ingest_service.folding.details import details
from ingest_service.folding.effects import Draft, Event
from ingest_service.folding.mirror import Mirror, MirroredPhone
from ingest_service.folding.resolving import Held, Holds, Known, Pending, Ready, enriched, hold_until, resolve
from ingest_service.folding.subject import Subject
from ingest_service.folding.tellers import effects

NOON = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
CARD = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030, "country": "AT"}
CHARGE = {
    "id": "ch_1", "object": "charge", "status": "succeeded", "captured": True, "amount": 1000, "amount_captured": 1000, "currency": "usd",
    "payment_intent": "pi_1", "payment_method_details": {"type": "card", "card": CARD},
    "presentment_details": {"presentment_amount": 930, "presentment_currency": "EUR"},
    "billing_details": {"phone": "0660 1234567", "name": "Eva", "address": {"country": None}},
}  # fmt: skip
PAYMENT = {
    "id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": 1000, "amount_received": 1000, "currency": "usd",
    "latest_charge": "ch_1",
}  # fmt: skip


def drafts(event_type: str, obj: dict[str, Any]) -> tuple[Draft, ...]:
    return effects(Event("evt_1", event_type, NOON, obj)).drafts


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations([("charge.succeeded", CHARGE), ("payment_intent.succeeded", PAYMENT)])),
    ids=["charge first", "payment first"],
)
def test_the_amount_is_what_the_buyer_saw_in_whatever_order_it_is_told(order: Any) -> None:
    first, further = (drafts(kind, obj)[0] for kind, obj in order)
    both = enriched(first, further)
    assert both.shown == (930, "eur")
    assert details(both, None, 0, "US")["attributes"]["charged_amount"] == 1000


@pytest.mark.parametrize("kind", ["payment_intent.succeeded", "checkout.session.completed"])
def test_a_purchase_whose_charge_is_late_is_told_as_its_buyer_saw_it(kind: str) -> None:
    seen = {"presentment_details": CHARGE["presentment_details"]}
    session = {
        "id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_1",
        "amount_total": 1000, "currency": "usd", "invoice": None, "customer": "cus_1",
    }  # fmt: skip
    draft, *_ = drafts(kind, {**(session if kind.startswith("checkout") else PAYMENT), **seen})
    assert (draft.shown, draft.amount) == ((930, "eur"), 1000)


def paid_bill(**more: Any) -> Draft:
    bill = {
        "id": "in_1", "object": "invoice", "status": "paid", "amount_due": 1000, "amount_paid": 1000, "currency": "usd",
        "attempt_count": 1, "subscription": "sub_1", "billing_reason": "subscription_cycle", **more,
    }  # fmt: skip
    return drafts("invoice.paid", bill)[0]


def told(*spoken: tuple[str, dict[str, Any]]) -> dict[str, Subject]:
    """What these events tell of objects."""
    subjects: dict[str, Subject] = {}
    for kind, obj in spoken:
        for one in effects(Event("evt_1", kind, NOON, obj)).subjects:
            before = subjects.get(one.subject_id, Subject(one.subject_id, one.kind))
            subjects[one.subject_id] = before.told(status=one.status, customer_id="", at=NOON, facts=one.facts)
    return subjects


SHOWN_IN_EURO = ("customer.subscription.updated", {
    "id": "sub_1", "object": "subscription", "status": "active", "currency": "usd", "presentment_details": {"presentment_currency": "eur"},
})  # fmt: skip
JOINED = {("in_1", "payment_intent"): "pi_1"}


def test_a_bill_whose_subscription_shows_another_currency_waits_a_moment_for_its_payment() -> None:
    draft = paid_bill()
    pending = Pending(draft, NOON, hold_until(draft, NOON, Holds()))
    assert isinstance(resolve(pending, Known(told(SHOWN_IN_EURO), JOINED, {}), NOON, Holds(), "US"), Held)
    known = Known(told(SHOWN_IN_EURO, ("charge.succeeded", CHARGE)), JOINED, {})
    resolved = resolve(pending, known, NOON, Holds(), "US")
    assert isinstance(resolved, Ready)
    assert (resolved.draft.shown, resolved.draft.amount) == ((930, "eur"), 1000)
    later = NOON + datetime.timedelta(seconds=5)
    assert isinstance(resolve(pending, Known(told(SHOWN_IN_EURO), JOINED, {}), later, Holds(), "US"), Ready)


def test_a_bill_that_shows_no_other_currency_waits_for_nothing() -> None:
    draft = paid_bill()
    pending = Pending(draft, NOON, hold_until(draft, NOON, Holds()))
    assert isinstance(resolve(pending, Known({}, {}, {}), NOON, Holds(), "US"), Ready)


def test_a_bill_that_its_payment_paid_only_in_part_states_what_was_charged() -> None:
    draft = paid_bill(amount_paid=1500)
    pending = Pending(draft, NOON, hold_until(draft, NOON, Holds()))
    resolved = resolve(pending, Known(told(("charge.succeeded", CHARGE)), JOINED, {}), NOON, Holds(), "US")
    assert isinstance(resolved, Ready)
    assert resolved.draft.shown == (1500, "usd")


def test_a_success_waits_for_its_charge_which_knows_best_what_the_buyer_saw() -> None:
    draft, _ = drafts("payment_intent.succeeded", {**PAYMENT, "customer": "cus_1"})
    pending = Pending(draft, NOON, hold_until(draft, NOON, Holds()))
    known = Known({}, {("pi_1", "invoice"): ""}, {})
    assert isinstance(resolve(pending, known, NOON, Holds(), "US"), Held)


def test_a_national_number_is_read_in_the_cards_country_where_no_address_says_more() -> None:
    [draft] = drafts("charge.succeeded", CHARGE)
    [address] = details(draft, None, 0, "US")["person"]["addresses"]
    assert address["region_hints"][0] == "AT"


def test_a_number_that_replaced_another_is_marked_although_it_stands_in_a_better_place_as_well() -> None:
    [draft] = drafts("charge.succeeded", {**CHARGE, "billing_details": {}})
    phones = (
        MirroredPhone("+14155552672", "customer.metadata.notify_phone", "US", 0, replaced=False),
        MirroredPhone("+14155552672", "customer.phone", "US", 0, replaced=True),
    )
    [address] = details(draft, Mirror("cus_1", NOON, phones=phones), 0, "US")["person"]["addresses"]
    assert address["replaced_another"]


def test_a_bill_that_was_paid_in_part_fails_for_what_is_left() -> None:
    bill = {
        "id": "in_1", "object": "invoice", "status": "open", "amount_due": 4900, "amount_paid": 2000, "amount_remaining": 2900,
        "currency": "usd", "attempt_count": 1,
    }  # fmt: skip
    [draft] = drafts("invoice.payment_failed", bill)
    assert draft.amount == 2900


@pytest.mark.parametrize(
    ("creation", "certain"), [({"enabled": True}, False), ({"enabled": False}, True), (None, True)]
)
def test_a_purchase_that_becomes_a_bill_is_not_called_free_of_one_before_it_comes(
    creation: dict[str, bool] | None, certain: bool
) -> None:
    session = {
        "id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_1",
        "amount_total": 1000, "currency": "usd", "invoice": None, "invoice_creation": creation,
    }  # fmt: skip
    told = effects(Event("evt_1", "checkout.session.completed", NOON, session))
    assert bool(told.aliases) is certain


def test_a_bill_paid_by_a_bare_charge_names_it() -> None:
    paid = {"id": "inpay_1", "invoice": "in_1", "payment": {"type": "charge", "charge": "ch_1", "payment_intent": None}}
    [alias] = effects(Event("evt_1", "invoice_payment.paid", NOON, paid)).aliases
    assert (alias.alias_id, alias.target_id) == ("ch_1", "in_1")


def test_a_bare_charge_waits_for_the_bill_it_may_belong_to_and_is_told_after_that() -> None:
    bare = {**CHARGE, "payment_intent": None}
    [draft] = drafts("charge.succeeded", bare)
    pending = Pending(draft, NOON, hold_until(draft, NOON, Holds()))
    nothing = Known({}, {}, {})
    assert isinstance(resolve(pending, nothing, NOON, Holds(), "US"), Held)
    later = NOON + datetime.timedelta(seconds=6)
    assert type(resolve(pending, nothing, later, Holds(), "US")).__name__ == "Ready"
    joined = Known({}, {("ch_1", "invoice"): "in_1"}, {})
    assert type(resolve(pending, joined, NOON, Holds(), "US")).__name__ == "Dropped"


def test_an_object_that_is_only_named_says_nothing_about_it() -> None:
    past_due = Subject("sub_1", "subscription").told(status="past_due", customer_id="cus_1", at=NOON, facts={})
    named = past_due.told(status="", customer_id="", at=NOON + datetime.timedelta(hours=1), facts={})
    active = named.told(status="active", customer_id="cus_1", at=NOON + datetime.timedelta(minutes=1), facts={})
    assert active.status == "active"

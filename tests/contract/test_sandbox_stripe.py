"""The objects of the sandbox have the fields that Stripe's own example objects have, and no invented ones.

Stripe's examples leave out optional fields that an example does not need. Those that we write nevertheless stand in
two short lists below, and Stripe's Python library must know them.
"""

import importlib
import json
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import stripe
from stripe._object_classes import OBJECT_CLASSES

from paybell_sandbox.stripe.declines import DECLINES
from paybell_sandbox.stripe.stories import STORIES
from paybell_sandbox.stripe.telling import Told, tell

CONTRACT: Final = Path(__file__).resolve().parents[3] / "shared" / "contract" / "stripe"

pytestmark = pytest.mark.skipif(
    not CONTRACT.is_dir(), reason="Stripe's example objects do not lie beside the clone (shared/contract/stripe)"
)

SINCE_ENDIVE: Final = frozenset(
    {
        "invoice.status_details",
        "invoice.status_details.uncollectible",
        "subscription.status_details",
        "subscription.status_details.paused",
        "customer.customer_account",
    }
)
"""Younger than the examples, which are of summer 2026."""

OPTIONAL: Final = frozenset(
    {
        "charge.outcome.risk_level",
        "charge.outcome.risk_score",
        "charge.payment_method_details.card.capture_before",
        "charge.payment_method_details.us_bank_account",
        "charge.payment_method_details.us_bank_account.account_holder_type",
        "charge.payment_method_details.us_bank_account.account_type",
        "charge.payment_method_details.us_bank_account.bank_name",
        "charge.payment_method_details.us_bank_account.expected_debit_date",
        "charge.payment_method_details.us_bank_account.fingerprint",
        "charge.payment_method_details.us_bank_account.last4",
        "charge.payment_method_details.us_bank_account.mandate",
        "charge.payment_method_details.us_bank_account.payment_reference",
        "charge.payment_method_details.us_bank_account.routing_number",
        "charge.presentment_details",
        "charge.presentment_details.presentment_amount",
        "charge.presentment_details.presentment_currency",
        "checkout.session.presentment_details",
        "checkout.session.presentment_details.presentment_amount",
        "checkout.session.presentment_details.presentment_currency",
        "payment_intent.presentment_details",
        "payment_intent.presentment_details.presentment_amount",
        "payment_intent.presentment_details.presentment_currency",
        "charge.radar_options",
        "checkout.session.payment_method_options.card",
        "checkout.session.payment_method_options.card.request_three_d_secure",
        "invoice_payment.payment.payment_intent",
        "line_item.pricing.price_details",
        "line_item.pricing.price_details.price",
        "line_item.pricing.price_details.product",
        "payment_intent.last_payment_error.advice_code",
        "payment_intent.last_payment_error.charge",
        "payment_intent.last_payment_error.code",
        "payment_intent.last_payment_error.decline_code",
        "payment_intent.last_payment_error.doc_url",
        "payment_intent.last_payment_error.message",
        "payment_intent.last_payment_error.payment_method",
        "payment_intent.next_action.use_stripe_sdk",
        "payment_intent.next_action.use_stripe_sdk.type",
        "payment_intent.payment_method_options.card",
        "payment_intent.payment_method_options.card.request_three_d_secure",
        "payment_method.us_bank_account",
        "payment_method.us_bank_account.account_holder_type",
        "payment_method.us_bank_account.account_type",
        "payment_method.us_bank_account.bank_name",
        "payment_method.us_bank_account.financial_connections_account",
        "payment_method.us_bank_account.fingerprint",
        "payment_method.us_bank_account.last4",
        "payment_method.us_bank_account.networks",
        "payment_method.us_bank_account.networks.preferred",
        "payment_method.us_bank_account.networks.supported",
        "payment_method.us_bank_account.routing_number",
        "payment_method.us_bank_account.status_details",
        "radar.early_fraud_warning.payment_intent",
        "refund.destination_details.card.reference",
        "refund.destination_details.card.reference_status",
        "refund.destination_details.card.reference_type",
        "refund.failure_balance_transaction",
        "refund.failure_reason",
        "review.payment_intent",
    }
)
"""Fields that Stripe gives only where they apply; the examples are of cases where they do not."""

FREE: Final = frozenset({"payment_intent.next_action.use_stripe_sdk.type"})
"""Inside what Stripe describes as free-form."""

BY_US: Final = frozenset({"customer.deleted"})
"""How the sandbox remembers a deleted customer; the API answers with the id and this field alone, as Stripe does."""


@cache
def resources() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONTRACT / "fixtures3.json").read_text())["resources"]
    return found


def every_telling() -> Iterator[Told]:
    for story in STORIES.values():
        if story.follows:
            continue
        yield tell(story.name)
        for follow_up in story.follow_ups:
            told = tell(story.name)
            told.then(follow_up, after=60)
            yield told
    for decline_code in DECLINES:
        yield tell("renewal_fails", decline_code=decline_code)
    yield tell("purchase", guest=True)
    yield tell("purchase", presentment_currency="eur", presentment_amount=8_100)


def class_of(kind: str) -> Any:
    module, name = OBJECT_CLASSES[kind]
    return getattr(importlib.import_module(module), name)


def hash_in(annotation: Any) -> Any:
    """The class of a nested hash, where the library describes one."""
    if isinstance(annotation, type) and issubclass(annotation, stripe.StripeObject):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := hash_in(part)) is not None), None)


def strangers(node: Any, example: Any, cls: Any, path: str) -> Iterator[tuple[str, bool]]:
    """Fields that the example does not have, and whether the library knows them."""
    if isinstance(node, list):
        inner = example[0] if isinstance(example, list) and example else None
        for one in node:
            yield from strangers(one, inner, cls, path)
        return
    if not isinstance(node, dict):
        return
    if node.get("object") == "list":
        yield from strangers(node["data"], None, None, path)
        return
    if "object" in node:
        path = str(node["object"])
        example, cls = resources()[path], class_of(path)
    known = getattr(cls, "__annotations__", {})
    for name, value in node.items():
        if not (isinstance(example, dict) and name in example):
            yield f"{path}.{name}", name in known
        if name != "metadata":
            inner = example.get(name) if isinstance(example, dict) else None
            yield from strangers(value, inner, hash_in(known.get(name)), f"{path}.{name}")


def found_strangers() -> dict[str, bool]:
    found: dict[str, bool] = {}
    for told in every_telling():
        for event in told.world.events:
            found.update(strangers(event.subject.newest, None, None, ""))
        for obj in told.world.objects.values():
            found.update(strangers(obj, None, None, ""))
    return found


def test_no_field_is_invented() -> None:
    found = found_strangers()
    assert set(found) - SINCE_ENDIVE - OPTIONAL - BY_US == set()
    assert {name for name, known in found.items() if not known} - FREE - BY_US == set()


def test_no_exception_is_made_for_a_field_that_is_not_written() -> None:
    assert (SINCE_ENDIVE | OPTIONAL) - set(found_strangers()) == set()


def test_every_event_type_is_one_that_stripe_sends() -> None:
    known = set(json.loads((CONTRACT / "event-types.json").read_text())["enabled_events"])
    assert {event.type for told in every_telling() for event in told.world.events} - known == set()


def test_every_event_carries_the_kind_of_object_that_its_type_says() -> None:
    kinds = json.loads((CONTRACT / "event-object-map.json").read_text())
    for told in every_telling():
        for event in told.world.events:
            wanted = kinds[event.type]
            assert wanted is None or event.subject.newest["object"] == wanted, event.type


def test_the_envelope_of_an_event_is_stripes() -> None:
    (envelope,) = tell("phone_changed").envelopes()
    assert set(envelope) == set(resources()["event"])

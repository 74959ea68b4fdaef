"""When what was announced comes otherwise: by our own record, and as Stripe says."""

from typing import Any

import pytest

from ingest_service.folding.reminders import over
from ingest_service.folding.subject import Subject
from ingest_service.submitting.announced import announced_otherwise

RENEWAL, TRIAL, CARD = "subscription:sub_1/renewal:100", "subscription:sub_1/trial:100", "card:pm_1/expiring:2026-11"


@pytest.mark.parametrize(
    ("concern", "status", "facts", "is_over"),
    [
        (RENEWAL, "active", {"period_end": "100", "renews": "yes"}, False), (RENEWAL, "active", {"period_end": "200"}, True),
        (RENEWAL, "active", {"period_end": "50"}, True), (RENEWAL, "active", {"period_end": "100", "renews": "no"}, True),
        (RENEWAL, "canceled", {"period_end": "100"}, True), (RENEWAL, "", {}, False),
        (TRIAL, "trialing", {"trial_end": "100", "renews": "yes"}, False), (TRIAL, "active", {"trial_end": "100"}, True),
        (TRIAL, "trialing", {"trial_end": "300"}, True), (TRIAL, "trialing", {"trial_end": "100", "renews": "no"}, True),
        (CARD, "attached", {"expires": "2026-11"}, False), (CARD, "attached", {"expires": "2030-01"}, True),
        (CARD, "attached", {"expires": "2026-10"}, False), (CARD, "detached", {"expires": "2026-11"}, True), (CARD, "", {}, False),
        ("invoice:in_1/unpaid", "canceled", {}, True),
    ],
)  # fmt: skip
def test_our_own_record_says_what_is_over(concern: str, status: str, facts: dict[str, Any], is_over: bool) -> None:
    assert (over(concern, Subject("x", "subscription", status, facts=facts)) is not None) is is_over


def subscription(**more: Any) -> dict[str, Any]:
    item = {"id": "si_1", "current_period_end": 1_796_083_200, "price": {"id": "price_1", "unit_amount": 100}}
    return {"id": "sub_1", "object": "subscription", "status": "active", "items": {"data": [item]}, **more}


def card(month: int, year: int) -> dict[str, Any]:
    return {"id": "pm_1", "customer": "cus_1", "card": {"last4": "4242", "exp_month": month, "exp_year": year}}


DUE = {"period_end": 1_796_083_200, "card_expires_first": True}  # 1 December 2026


@pytest.mark.parametrize(
    ("obj", "kind", "told", "is_over"),
    [
        (subscription(default_payment_method=card(11, 2026)), "renewal_due", DUE, False),
        (subscription(default_payment_method=card(12, 2026)), "renewal_due", DUE, True),
        (subscription(default_payment_method=card(12, 2026)), "renewal_due", {"period_end": 1_796_083_200}, False),
        (subscription(cancel_at_period_end=True), "renewal_due", DUE, True),
        (subscription(status="past_due"), "renewal_due", DUE, True),
        (subscription(), "renewal_due", {"period_end": 5}, True),
        (subscription(status="trialing", trial_end=7), "trial_ending", {"trial_end": 7}, False),
        (subscription(status="trialing", trial_end=8), "trial_ending", {"trial_end": 7}, True),
        (subscription(status="active", trial_end=7), "trial_ending", {"trial_end": 7}, True),
        (card(11, 2026), "card_expiring", {"card": {"exp_month": 11, "exp_year": 2026}}, False),
        (card(11, 2030), "card_expiring", {"card": {"exp_month": 11, "exp_year": 2026}}, True),
        ({**card(11, 2026), "customer": None}, "card_expiring", {"card": {"exp_month": 11, "exp_year": 2026}}, True),
    ],
)
def test_stripe_says_what_is_over(obj: dict[str, Any], kind: str, told: dict[str, Any], is_over: bool) -> None:
    assert (announced_otherwise(obj, kind, told) is not None) is is_over

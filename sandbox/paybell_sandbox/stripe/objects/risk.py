"""Disputes, reviews, early fraud warnings and Radar's lists."""

from __future__ import annotations

from typing import Final

from paybell_sandbox.stripe.world import Obj, World

EVIDENCE_DAYS: Final = 9
_EVIDENCE: Final = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


def dispute_object(world: World, charge: Obj, *, reason: str, inquiry: bool) -> Obj:
    """An inquiry has withdrawn nothing yet; a chargeback has."""
    card = charge["payment_method_details"]["card"]
    return {
        "id": world.ids.new("du"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": world.now() + EVIDENCE_DAYS * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": world.livemode,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": card["network"],
                "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def review_object(world: World, charge: Obj, *, opened_reason: str = "rule") -> Obj:
    return {
        "id": world.ids.new("prv"),
        "object": "review",
        "billing_zip": charge["billing_details"]["address"]["postal_code"],
        "charge": charge["id"],
        "closed_reason": None,
        "created": world.now(),
        "ip_address": "203.0.113.24",
        "ip_address_location": {
            "city": "Lagos",
            "country": "NG",
            "latitude": 6.45,
            "longitude": 3.39,
            "region": "LA",
        },
        "livemode": world.livemode,
        "open": True,
        "opened_reason": opened_reason,
        "payment_intent": charge["payment_intent"],
        "reason": opened_reason,
        "session": None,
    }


def early_fraud_warning_object(world: World, charge: Obj, *, fraud_type: str) -> Obj:
    return {
        "id": world.ids.new("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": not (charge["disputed"] or charge["refunded"]),
        "charge": charge["id"],
        "created": world.now(),
        "fraud_type": fraud_type,
        "livemode": world.livemode,
        "payment_intent": charge["payment_intent"],
    }


def value_list_object(world: World, *, alias: str, name: str, item_type: str) -> Obj:
    identity = world.ids.new("rsl")
    return {
        "id": identity,
        "object": "radar.value_list",
        "alias": alias,
        "created": world.now(),
        "created_by": "stripe",
        "item_type": item_type,
        "list_items": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/radar/value_list_items?value_list={identity}",
        },
        "livemode": world.livemode,
        "metadata": {},
        "name": name,
    }


def value_list_item_object(world: World, value_list: str, value: str) -> Obj:
    return {
        "id": world.ids.new("rsli"),
        "object": "radar.value_list_item",
        "created": world.now(),
        "created_by": "api",
        "livemode": world.livemode,
        "value": value,
        "value_list": value_list,
    }

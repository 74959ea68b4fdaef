"""PaymentIntents and their charges."""

from __future__ import annotations

import copy
from typing import Any

from paybell_sandbox.stripe import links
from paybell_sandbox.stripe.declines import Decline
from paybell_sandbox.stripe.objects.bank_accounts import debited
from paybell_sandbox.stripe.world import Obj, World

DAY = 86_400


def payment_intent_object(
    world: World,
    *,
    amount: int,
    currency: str,
    customer: str | None,
    description: str | None,
    capture_method: str = "automatic_async",
    receipt_email: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Obj:
    identity = world.ids.new("pi")
    return {
        "id": identity,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": capture_method,
        "client_secret": world.ids.secret(identity),
        "confirmation_method": "automatic",
        "created": world.now(),
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": description,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": world.livemode,
        "managed_payments": None,
        "metadata": dict(metadata or {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": receipt_email,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def _outcome(decline: Decline | None) -> Obj:
    if decline is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 21,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    return {
        "advice_code": decline.advice,
        "network_advice_code": None,
        "network_decline_code": None if decline.blocked else decline.network_code,
        "network_status": "not_sent_to_network" if decline.blocked else "declined_by_network",
        "reason": decline.blocked or decline.decline_code,
        "risk_level": "highest" if decline.blocked else "normal",
        "risk_score": 92 if decline.blocked else 34,
        "seller_message": decline.seller_message,
        "type": "blocked" if decline.blocked else "issuer_declined",
    }


def _paid_with(world: World, method: Obj, amount: int, *, captured: bool) -> dict[str, Any]:
    if method["type"] == "us_bank_account":
        return debited(world, method)
    card = method["card"]
    taken_over = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
    details: dict[str, Any] = {key: copy.deepcopy(card[key]) for key in taken_over}
    details.update(
        {
            "amount_authorized": amount,
            "authorization_code": world.ids.text(6).upper(),
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": str(10**14 + world.ids.number(10**14)),
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "regulated_status": "unregulated",
            "three_d_secure": None,
        }
    )
    if not captured:
        details["capture_before"] = world.now() + 7 * DAY
    return {"card": details, "type": "card"}


def charge_object(
    world: World, intent: Obj, method: Obj, *, decline: Decline | None = None, captured: bool = True
) -> Obj:
    """The charge of one attempt to pay. With a decline it failed; `captured=False` is an authorisation only."""
    identity = world.ids.new("ch")
    amount = intent["amount"]
    paid = decline is None
    return {
        "id": identity,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if paid and captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": world.ids.new("txn") if paid and captured else None,
        "billing_details": copy.deepcopy(method["billing_details"]),
        "calculated_statement_descriptor": "STUDIO",
        "captured": paid and captured,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": world.livemode,
        "metadata": copy.deepcopy(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _paid_with(world, method, amount, captured=captured or not paid),
        "presentment_details": copy.deepcopy(intent.get("presentment_details")),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": links.receipt(world) if paid else None,
        "refunded": False,
        "review": None,
        "shipping": copy.deepcopy(intent["shipping"]),
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if paid else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }


def payment_error(decline: Decline, charge: Obj, method: Obj) -> Obj:
    """`last_payment_error` of a PaymentIntent."""
    return {
        "advice_code": decline.advice,
        "charge": charge["id"],
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": copy.deepcopy(method),
        "type": "card_error",
    }

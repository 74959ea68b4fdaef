"""Calls that move money or end something: payments, refunds, reviews, bills, subscriptions."""

from __future__ import annotations

from paybell_sandbox.stripe import billing, paying, previews
from paybell_sandbox.stripe.api.call import Call
from paybell_sandbox.stripe.api.errors import ApiError, not_modelled
from paybell_sandbox.stripe.api.taken import metadata, only
from paybell_sandbox.stripe.world import Obj


def create_refund(call: Call) -> Obj:
    only(call, "charge", "payment_intent", "amount", "reason", "metadata")
    charge = _charge_to_refund(call)
    left = paying.refundable_amount(charge)
    amount = call.params.get("amount", left)
    if charge["disputed"] and _is_lost_to_dispute(call, charge):
        raise ApiError(
            400, f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if not charge["paid"]:
        raise ApiError(400, f"This charge ({charge['id']}) has failed; it cannot be refunded.", param="charge")
    if not charge["captured"] and not charge["refunded"]:
        raise ApiError(400, f"Charge {charge['id']} is not captured; cancel its PaymentIntent instead.", param="charge")
    if left <= 0:
        raise ApiError(400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount < 1:
        raise ApiError(
            400, "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    if amount > left:
        raise ApiError(
            400,
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    return paying.refund(
        call.world,
        charge,
        amount,
        reason=call.params.get("reason"),
        metadata=metadata(call),
    )


def _charge_to_refund(call: Call) -> Obj:
    charge, intent = call.params.get("charge"), call.params.get("payment_intent")
    if (charge is None) == (intent is None):
        raise ApiError(
            400, "One of the following params should be provided for this request: payment_intent or charge."
        )
    if charge is not None:
        return call.named("charge", charge, param="charge", status=404)
    found = call.named("payment_intent", str(intent), param="payment_intent", status=404)
    if found["status"] != "succeeded":
        raise ApiError(
            400,
            f"This PaymentIntent ({found['id']}) does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
            param="payment_intent",
        )
    return call.world.need(found["latest_charge"])


def _is_lost_to_dispute(call: Call, charge: Obj) -> bool:
    disputes = [one for one in call.world.kinds.get("dispute", []) if one["charge"] == charge["id"]]
    return any(not one["is_charge_refundable"] for one in disputes)


def update_refund(call: Call) -> Obj:
    only(call, "metadata")
    refund = call.subject("refund")
    call.world.change(refund, "refund.updated", metadata=metadata(call, refund))
    return refund


def _unexpected(intent: Obj, verb: str, allowed: str) -> ApiError:
    return ApiError(
        400,
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}. "
        f"That takes a PaymentIntent with one of the following statuses: {allowed}.",
        code="payment_intent_unexpected_state",
        more={"payment_intent": intent},
    )


def cancel_payment_intent(call: Call) -> Obj:
    only(call, "cancellation_reason")
    intent = call.subject("payment_intent")
    allowed = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
    if intent["status"] not in allowed:
        raise _unexpected(intent, "cancel", ", ".join(allowed))
    session = _open_session_of(call, intent)
    if session is not None:
        raise ApiError(
            400,
            f"This PaymentIntent belongs to the open Checkout Session {session['id']} and cannot be canceled; "
            "expire the session instead.",
            code="payment_intent_unexpected_state",
        )
    paying.cancel(call.world, intent, call.params.get("cancellation_reason"))
    return intent


def _open_session_of(call: Call, intent: Obj) -> Obj | None:
    sessions = call.world.kinds.get("checkout.session", [])
    fitting = (one for one in sessions if one["payment_intent"] == intent["id"] and one["status"] == "open")
    return next(fitting, None)


def capture_payment_intent(call: Call) -> Obj:
    only(call, "amount_to_capture", "metadata")
    intent = call.subject("payment_intent")
    if intent["status"] != "requires_capture":
        raise _unexpected(intent, "capture", "requires_capture")
    amount = call.params.get("amount_to_capture", intent["amount_capturable"])
    if not 1 <= amount <= intent["amount_capturable"]:
        raise ApiError(
            400,
            "The amount to capture is more than what was authorized.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    paying.capture(call.world, intent, amount)
    return intent


def update_charge(call: Call) -> Obj:
    only(call, "description", "fraud_details", "metadata", "receipt_email")
    charge = call.subject("charge")
    changed = {name: call.params[name] for name in ("description", "receipt_email") if name in call.params}
    if "metadata" in call.params:
        changed["metadata"] = metadata(call, charge)
    if "fraud_details" in call.params:
        report = call.params["fraud_details"].get("user_report", "")
        changed["fraud_details"] = {"user_report": report} if report else {}
    call.world.change(charge, "charge.updated", **changed)
    return charge


def approve_review(call: Call) -> Obj:
    only(call)
    review = call.subject("review")
    if not review["open"]:
        raise ApiError(400, f"Review {review['id']} is already closed and cannot be approved.", param="id")
    paying.close_review(call.world, call.world.need(review["charge"]), "approved")
    return review


def void_invoice(call: Call) -> Obj:
    only(call)
    invoice = call.subject("invoice")
    if invoice["status"] not in ("open", "uncollectible"):
        raise _not_open(invoice, "void")
    billing.end_unpaid(call.world, invoice, void=True)
    return invoice


def mark_uncollectible(call: Call) -> Obj:
    only(call)
    invoice = call.subject("invoice")
    if invoice["status"] != "open":
        raise _not_open(invoice, "mark as uncollectible")
    billing.end_unpaid(call.world, invoice, void=False)
    return invoice


def _not_open(invoice: Obj, verb: str) -> ApiError:
    return ApiError(
        400, f"You can only {verb} an open invoice; this one is {invoice['status']}.", code="invoice_not_editable"
    )


def preview_invoice(call: Call) -> Obj:
    only(call, "subscription", "customer")
    identity = call.params.get("subscription")
    if identity is None:
        raise not_modelled("a preview without the parameter subscription")
    subscription = call.named("subscription", identity, param="subscription", status=404)
    if subscription["status"] == "canceled" or subscription["cancel_at_period_end"]:
        raise ApiError(
            404, "No upcoming invoices for customer: " + subscription["customer"], code="invoice_upcoming_none"
        )
    return previews.renewal_preview(call.world, subscription)


def cancel_subscription(call: Call) -> Obj:
    only(call, "cancellation_details")
    subscription = call.subject("subscription")
    if subscription["status"] == "canceled":
        raise ApiError(404, f"No such subscription: '{subscription['id']}'", code="resource_missing", param="id")
    billing.end_subscription(call.world, subscription, "cancellation_requested")
    return subscription

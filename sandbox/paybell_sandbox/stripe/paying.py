"""What Stripe does when a payment is tried, captured, cancelled or given back, and the events it sends for it.

Used by the stories and by the API alike, so both tell the same.
"""

from __future__ import annotations

from paybell_sandbox.stripe import links
from paybell_sandbox.stripe.declines import Decline
from paybell_sandbox.stripe.objects.payments import charge_object, payment_error
from paybell_sandbox.stripe.objects.refunds import refund_object
from paybell_sandbox.stripe.world import Obj, World


def fail(world: World, intent: Obj, method: Obj, decline: Decline) -> Obj:
    """One declined attempt. Gives the failed charge."""
    charge = world.add(charge_object(world, intent, method, decline=decline))
    world.emit("charge.failed", charge)
    intent.update(
        latest_charge=charge["id"],
        last_payment_error=payment_error(decline, charge, method),
        status="requires_payment_method",
        payment_method=None,
    )
    world.emit("payment_intent.payment_failed", intent)
    return charge


def ask_for_confirmation(world: World, intent: Obj, method: Obj) -> None:
    """The bank wants the payer to confirm (3-D Secure)."""
    intent.update(
        status="requires_action",
        payment_method=method["id"],
        next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}},
    )
    world.emit("payment_intent.requires_action", intent)


def succeed(world: World, intent: Obj, method: Obj, *, capture: bool = True) -> Obj:
    """The money is taken, or with `capture=False` only put aside. Gives the charge."""
    charge = world.add(charge_object(world, intent, method, captured=capture))
    world.emit("charge.succeeded", charge)
    intent.update(
        latest_charge=charge["id"],
        last_payment_error=None,
        next_action=None,
        payment_method=method["id"],
        status="succeeded" if capture else "requires_capture",
        amount_received=intent["amount"] if capture else 0,
        amount_capturable=0 if capture else intent["amount"],
    )
    world.emit("payment_intent.succeeded" if capture else "payment_intent.amount_capturable_updated", intent)
    return charge


def begin_debit(world: World, intent: Obj, method: Obj) -> Obj:
    """The bank is asked for the money. Gives the charge, which is pending until the bank has paid."""
    charge = world.add(charge_object(world, intent, method))
    charge.update(status="pending", paid=False, balance_transaction=None, receipt_url=None)
    world.emit("charge.pending", charge)
    intent.update(latest_charge=charge["id"], payment_method=method["id"], status="processing")
    world.emit("payment_intent.processing", intent)
    return charge


def debit_arrives(world: World, intent: Obj) -> Obj:
    """The bank has paid what it was asked for. Gives the charge."""
    charge = world.need(intent["latest_charge"])
    charge.update(
        status="succeeded", paid=True, balance_transaction=world.ids.new("txn"), receipt_url=links.receipt(world)
    )
    world.emit("charge.succeeded", charge)
    intent.update(status="succeeded", amount_received=intent["amount"])
    world.emit("payment_intent.succeeded", intent)
    return charge


def capture(world: World, intent: Obj, amount: int) -> Obj:
    """Take what was put aside. What is not taken goes back to the payer."""
    charge = world.need(intent["latest_charge"])
    charge.update(
        captured=True,
        amount_captured=amount,
        amount_refunded=charge["amount"] - amount,
        balance_transaction=world.ids.new("txn"),
    )
    world.emit("charge.captured", charge)
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    world.emit("payment_intent.succeeded", intent)
    return charge


def cancel(world: World, intent: Obj, reason: str | None) -> None:
    """Let go of what was put aside, or give up a payment that never came."""
    charge = world.find(intent["latest_charge"]) if intent["status"] == "requires_capture" else None
    if charge is not None:
        charge.update(refunded=True, amount_refunded=charge["amount"])
        world.emit("charge.refunded", charge)
        close_review(world, charge, "canceled" if reason != "fraudulent" else "refunded_as_fraud")
    intent.update(
        status="canceled",
        canceled_at=world.now(),
        cancellation_reason=reason,
        amount_capturable=0,
    )
    world.emit("payment_intent.canceled", intent)


def expire(world: World, intent: Obj) -> None:
    """Nobody captured in time: the bank let the money go."""
    charge = world.need(intent["latest_charge"])
    charge.update(refunded=True, amount_refunded=charge["amount"])
    world.emit("charge.expired", charge)
    close_review(world, charge, "canceled")
    intent.update(status="canceled", canceled_at=world.now(), cancellation_reason="automatic", amount_capturable=0)
    world.emit("payment_intent.canceled", intent)


def expire_checkout(world: World, session: Obj) -> None:
    """The form of a checkout closes for good, and with it the payment that was not made there."""
    session.update(status="expired", url=None)
    intent = world.find(session["payment_intent"])
    if intent is not None and intent["status"] != "succeeded":
        intent.update(status="canceled", canceled_at=world.now(), cancellation_reason="expired")
        world.emit("payment_intent.canceled", intent)
    world.emit("checkout.session.expired", session)


def refundable_amount(charge: Obj) -> int:
    """What can still be given back. What a partial capture left counts as given back already."""
    left: int = charge["amount"] - charge["amount_refunded"]
    return left if charge["captured"] else 0


def refund(
    world: World,
    charge: Obj,
    amount: int,
    *,
    reason: str | None,
    metadata: dict[str, str] | None = None,
) -> Obj:
    """Give back a part or all. `charge.amount_refunded` is the sum of all refunds so far."""
    made = world.add(refund_object(world, charge, amount=amount, reason=reason, metadata=metadata))
    world.emit("refund.created", made)
    before = world.picture(charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    if reason == "fraudulent":
        charge["fraud_details"] = {"user_report": "fraudulent"}
    world.emit("charge.refunded", charge, before)
    close_review(world, charge, "refunded_as_fraud" if reason == "fraudulent" else "refunded")
    reference = {
        **made["destination_details"]["card"],
        "reference_status": "available",
        "reference": world.ids.text(23),
    }
    world.change(made, "refund.updated", destination_details={"card": reference, "type": "card"})
    if charge["refunded"]:
        for warning in world.kinds.get("radar.early_fraud_warning", []):
            if warning["charge"] == charge["id"] and warning["actionable"]:
                world.change(warning, "radar.early_fraud_warning.updated", actionable=False)
    return made


def fail_refund(world: World, made: Obj, reason: str) -> None:
    """The bank sent the money back: it is again the merchant's."""
    before = world.picture(made)
    made.update(
        status="failed",
        failure_reason=reason,
        failure_balance_transaction=world.ids.new("txn"),
    )
    charge = world.need(made["charge"])
    charge["amount_refunded"] -= made["amount"]
    charge["refunded"] = False
    world.emit("refund.updated", made, before)
    world.emit("refund.failed", made)
    world.emit("charge.refund.updated", made, before)


def cancel_refund(world: World, made: Obj) -> None:
    """It was on its way and does not arrive: it is again the merchant's."""
    charge = world.need(made["charge"])
    charge["amount_refunded"] -= made["amount"]
    charge["refunded"] = False
    world.change(made, "refund.updated", status="canceled")


def close_review(world: World, charge: Obj, reason: str) -> None:
    review = world.find(charge["review"])
    if review is None or not review["open"]:
        return
    review.update(open=False, closed_reason=reason)
    world.emit("review.closed", review)

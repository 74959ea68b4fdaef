"""What Stripe does with a bill, from draft to its end, and the events it sends for it."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from typing import Final

from paybell_sandbox.stripe import paying
from paybell_sandbox.stripe.declines import Decline
from paybell_sandbox.stripe.objects.invoices import (
    finalised,
    invoice_object,
    invoice_payment_object,
    line_of_subscription,
)
from paybell_sandbox.stripe.objects.payments import payment_intent_object
from paybell_sandbox.stripe.objects.subscriptions import period_of
from paybell_sandbox.stripe.world import Obj, World

DAY: Final = 86_400
_MONTHS: Final = {"month": 1, "year": 12}
RETRY_DAYS: Final = (3, 5, 7)
"""Days from a failed attempt to the next one; after the last, Stripe stops by itself."""


def next_period(subscription: Obj, start: int) -> tuple[int, int]:
    recurring = subscription["items"]["data"][0]["price"]["recurring"]
    return start, shifted(start, recurring["interval"], recurring["interval_count"])


def shifted(moment: int, interval: str, count: int) -> int:
    """So many intervals later, or earlier where `count` is negative; months end where the month is shorter."""
    if interval not in _MONTHS:
        return moment + count * (7 * DAY if interval == "week" else DAY)
    begin = datetime.fromtimestamp(moment, UTC)
    years, month = divmod(begin.year * 12 + begin.month - 1 + count * _MONTHS[interval], 12)
    day = min(begin.day, calendar.monthrange(years, month + 1)[1])
    return int(begin.replace(year=years, month=month + 1, day=day).timestamp())


def begin_period(world: World, subscription: Obj, reason: str = "subscription_cycle") -> Obj:
    """A new period begins: the bill for it is made and opened, nothing is paid yet. Gives the invoice.

    The bill's own period is the one that ended; that of its lines is the new one, as with Stripe.
    """
    customer = world.need(subscription["customer"])
    now = world.now()
    if reason == "subscription_cycle":
        for item in subscription["items"]["data"]:  # whatever day it was to be: a story says that it is now
            item["current_period_end"] = now
    ended = period_of(subscription) if reason == "subscription_cycle" else (now, now)
    before = world.picture(subscription)
    if reason == "subscription_cycle":
        start, end = next_period(subscription, now)
        for item in subscription["items"]["data"]:
            item.update(current_period_start=start, current_period_end=end)
    identity = world.ids.new("in")
    items = subscription["items"]["data"]
    lines = [line_of_subscription(world, identity, subscription, item, period_of(subscription)) for item in items]
    invoice = world.add(
        invoice_object(
            world,
            customer=customer,
            identity=identity,
            lines=lines,
            billing_reason=reason,
            period=ended,
            subscription=subscription,
        )
    )
    world.emit("invoice.created", invoice)
    subscription["latest_invoice"] = identity
    if reason == "subscription_cycle":
        world.emit("customer.subscription.updated", subscription, before)
    open_invoice(world, invoice)
    return invoice


def open_invoice(world: World, invoice: Obj) -> None:
    customer = world.need(invoice["customer"])
    before = world.picture(invoice)
    invoice.update(finalised(world, invoice, customer))
    if invoice["amount_due"]:
        intent = world.add(
            payment_intent_object(
                world,
                amount=invoice["amount_due"],
                currency=invoice["currency"],
                customer=customer["id"],
                description="Subscription update" if invoice["parent"] else "Payment for Invoice",
                receipt_email=customer["email"],
            )
        )
        world.add(invoice_payment_object(world, invoice, intent))
        world.emit("payment_intent.created", intent)
    world.emit("invoice.finalized", invoice, before)


def intent_of(world: World, invoice: Obj) -> Obj:
    """The PaymentIntent that this bill is paid with by default."""
    payment = next(found for found in world.payments_of(invoice["id"]) if found["is_default"])
    return world.need(payment["payment"]["payment_intent"])


def subscription_of(world: World, invoice: Obj) -> Obj | None:
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return world.find(details.get("subscription"))


def attempt_fails(world: World, invoice: Obj, method: Obj, decline: Decline) -> None:
    """Stripe tried to collect and could not. Says when it tries again, or that it does not."""
    intent = intent_of(world, invoice)
    paying.fail(world, intent, method, decline)
    confirm = decline.decline_code == "authentication_required"
    if confirm:
        paying.ask_for_confirmation(world, intent, method)
    _count_failure(world, invoice, confirm=confirm)


def nothing_to_charge(world: World, invoice: Obj) -> None:
    """Stripe had no card to try: the attempt counts, but there is no charge and no event of a payment."""
    _count_failure(world, invoice, confirm=False)


def debit_under_way(world: World, invoice: Obj, method: Obj) -> None:
    """Stripe has asked a bank for the money: the attempt counts, and whether it succeeds is known days later."""
    paying.begin_debit(world, intent_of(world, invoice), method)
    before = world.picture(invoice)
    invoice.update(attempt_count=invoice["attempt_count"] + 1, attempted=True, next_payment_attempt=None)
    world.emit("invoice.updated", invoice, before)


def _count_failure(world: World, invoice: Obj, *, confirm: bool) -> None:
    before = world.picture(invoice)
    attempts = invoice["attempt_count"] + 1
    waits = RETRY_DAYS[attempts - 1] * DAY if attempts <= len(RETRY_DAYS) else None
    invoice.update(
        attempt_count=attempts,
        attempted=True,
        auto_advance=waits is not None,
        next_payment_attempt=None if waits is None else world.now() + waits,
    )
    world.emit("invoice.updated", invoice, before)
    if confirm:
        world.emit("invoice.payment_action_required", invoice)
    world.emit("invoice.payment_failed", invoice)
    subscription = subscription_of(world, invoice)
    if subscription is not None and subscription["status"] in ("active", "trialing"):
        world.change(subscription, "customer.subscription.updated", status="past_due")
        world.need(invoice["customer"])["delinquent"] = True


def pay(world: World, invoice: Obj, method: Obj | None, *, counts_as_attempt: bool) -> Obj | None:
    """The bill is paid. With nothing due there is neither payment nor charge, and only `invoice.paid` comes."""
    charge = None
    if invoice["amount_remaining"]:
        assert method is not None, "a bill with something due is paid with a payment method"
        intent = intent_of(world, invoice)
        under_way = intent["status"] == "processing"
        charge = paying.debit_arrives(world, intent) if under_way else paying.succeed(world, intent, method)
        payment = next(found for found in world.payments_of(invoice["id"]) if found["is_default"])
        payment.update(
            amount_paid=invoice["amount_remaining"],
            status="paid",
            status_transitions={"canceled_at": None, "paid_at": world.now()},
        )
        world.emit("invoice_payment.paid", payment)
    before = world.picture(invoice)
    now = world.now()
    invoice.update(
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempted=True,
        attempt_count=invoice["attempt_count"] + (1 if counts_as_attempt else 0),
        auto_advance=False,
        next_payment_attempt=None,
        status="paid",
        status_transitions={**invoice["status_transitions"], "paid_at": now},
    )
    world.emit("invoice.updated", invoice, before)
    world.emit("invoice.paid", invoice)
    if charge is not None:
        world.emit("invoice.payment_succeeded", invoice)
    subscription = subscription_of(world, invoice)
    if subscription is not None and subscription["status"] in ("past_due", "incomplete"):
        world.change(subscription, "customer.subscription.updated", status="active")
        world.need(invoice["customer"])["delinquent"] = False
    return charge


def end_unpaid(world: World, invoice: Obj, *, void: bool) -> None:
    """The merchant gives the bill up: voided (as if it never was) or uncollectible (a bad debt)."""
    before = world.picture(invoice)
    moment = "voided_at" if void else "marked_uncollectible_at"
    invoice.update(
        auto_advance=False,
        next_payment_attempt=None,
        status="void" if void else "uncollectible",
        status_transitions={**invoice["status_transitions"], moment: world.now()},
    )
    if void:
        for payment in world.payments_of(invoice["id"]):
            if payment["status"] == "open":
                payment.update(status="canceled", status_transitions={"canceled_at": world.now(), "paid_at": None})
                paying.cancel(world, world.need(payment["payment"]["payment_intent"]), "void_invoice")
    world.emit("invoice.updated", invoice, before)
    world.emit("invoice.voided" if void else "invoice.marked_uncollectible", invoice)


def end_subscription(world: World, subscription: Obj, reason: str) -> None:
    now = world.now()
    subscription.update(
        status="canceled",
        canceled_at=now,
        ended_at=now,
        cancellation_details={"comment": None, "feedback": None, "reason": reason},
    )
    world.emit("customer.subscription.deleted", subscription)

"""Bills that do not exist yet: what POST /v1/invoices/create_preview answers and `invoice.upcoming` carries."""

from __future__ import annotations

from paybell_sandbox.stripe import billing
from paybell_sandbox.stripe.objects.invoices import invoice_object, line_of_subscription
from paybell_sandbox.stripe.objects.subscriptions import period_of
from paybell_sandbox.stripe.world import Obj, World


def renewal_preview(world: World, subscription: Obj) -> Obj:
    """The next bill of a subscription. It has no number and no hosted page, and is not kept."""
    identity = world.ids.new("upcoming_in")
    period = period_of(subscription)
    following = billing.next_period(subscription, period[1])
    invoice = invoice_object(
        world,
        customer=world.need(subscription["customer"]),
        identity=identity,
        lines=[
            line_of_subscription(world, identity, subscription, item, following)
            for item in subscription["items"]["data"]
        ],
        billing_reason="upcoming",
        period=period,
        subscription=subscription,
    )
    balance: int = world.need(subscription["customer"])["balance"]
    due = max(0, invoice["total"] + balance)  # a credit is a balance below zero
    invoice.update(
        starting_balance=balance,
        ending_balance=min(0, invoice["total"] + balance) if balance < 0 else 0,
        amount_due=due,
        amount_remaining=due,
        created=period[1],
        automatically_finalizes_at=None,
        next_payment_attempt=period[1] + 3_600,
    )
    return invoice

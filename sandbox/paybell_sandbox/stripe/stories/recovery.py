"""A bill that is not paid at once, and why: what each reason asks of the customer is another thing."""

from __future__ import annotations

from typing import Final

from paybell_sandbox.stripe import billing
from paybell_sandbox.stripe.declines import DECLINES
from paybell_sandbox.stripe.stories.cast import card_of, customer_of, last, subscription_for
from paybell_sandbox.stripe.stories.renewals import INVOICE, touched
from paybell_sandbox.stripe.stories.story import CUSTOMER, DECLINE, MONEY, SUBSCRIBED, Options, Story
from paybell_sandbox.stripe.world import Obj, World

GROUP: Final = "Subscriptions"
_AFTER: Final = ("customer_pays", "last_attempt_fails", "invoice_voided", "invoice_uncollectible", "subscription_ends")


def _renewal(world: World, options: Options, decline_code: str) -> dict[str, str]:
    customer = customer_of(world, options)
    invoice = billing.begin_period(world, subscription_for(world, customer, options))
    billing.attempt_fails(world, invoice, card_of(world, customer), DECLINES[decline_code])
    return touched(invoice, world)


def renewal_needs_confirmation(world: World, options: Options) -> dict[str, str]:
    return _renewal(world, options, "authentication_required")


def renewal_card_expired(world: World, options: Options) -> dict[str, str]:
    return _renewal(world, options, "expired_card")


def last_attempt_fails(world: World, options: Options) -> dict[str, str]:
    def still_tried(invoice: Obj) -> bool:
        return invoice["status"] == "open" and invoice["next_payment_attempt"] is not None

    invoice = last(world, "invoice", options, "an unpaid bill that Stripe still tries", still_tried)
    invoice["attempt_count"] = len(billing.RETRY_DAYS)  # the tries between have failed, too; nothing was heard of them
    card = card_of(world, world.need(invoice["customer"]))
    billing.attempt_fails(world, invoice, card, options.decline())
    return touched(invoice, world)


STORIES: Final = (
    Story(
        "renewal_needs_confirmation",
        GROUP,
        "A renewal needs a confirmation",
        "The bank wants the customer to confirm the payment (3-D Secure): the card is good.",
        renewal_needs_confirmation,
        (*CUSTOMER, *MONEY, *SUBSCRIBED),
        _AFTER,
    ),
    Story(
        "renewal_card_expired",
        GROUP,
        "A renewal meets an expired card",
        "The next month is due and the card has expired: only a new one will do.",
        renewal_card_expired,
        (*CUSTOMER, *MONEY, *SUBSCRIBED),
        _AFTER,
    ),
    Story(
        "last_attempt_fails",
        GROUP,
        "Stripe's last try fails",
        "The last automatic attempt on an unpaid bill is declined: Stripe does not try any more.",
        last_attempt_fails,
        (DECLINE, INVOICE),
        ("customer_pays", "invoice_voided", "invoice_uncollectible", "subscription_ends"),
        follows=True,
    ),
)

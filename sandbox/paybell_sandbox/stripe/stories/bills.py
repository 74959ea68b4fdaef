"""Bills that are not a renewal by card: without a subscription, or without a card to try."""

from __future__ import annotations

from typing import Final

from paybell_sandbox.stripe import billing
from paybell_sandbox.stripe.catalogue import ARTICLES, price_for
from paybell_sandbox.stripe.objects.customers import customer_object
from paybell_sandbox.stripe.objects.invoices import invoice_object, line_of_item
from paybell_sandbox.stripe.objects.subscriptions import subscription_object
from paybell_sandbox.stripe.stories.cast import DAY, card_of, customer_of, person_of
from paybell_sandbox.stripe.stories.renewals import touched
from paybell_sandbox.stripe.stories.story import CUSTOMER, DECLINE, MONEY, Options, Story
from paybell_sandbox.stripe.world import Obj, World

GROUP: Final = "Bills"


def _single_bill(world: World, customer: Obj, options: Options) -> Obj:
    """A bill that the merchant wrote by hand, opened and to be collected at once."""
    currency = (options.text("currency") or customer["currency"]).lower()
    price = price_for(world, ARTICLES["workshop"], currency, options.number("amount"))
    identity, now = world.ids.new("in"), world.now()
    invoice = world.add(
        invoice_object(
            world,
            customer=customer,
            identity=identity,
            lines=[line_of_item(world, identity, price, 1)],
            billing_reason="manual",
            period=(now, now),
        )
    )
    world.emit("invoice.created", invoice)
    billing.open_invoice(world, invoice)
    return invoice


def single_bill_fails(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        invoice = _single_bill(world, customer, options)
    billing.attempt_fails(world, invoice, card_of(world, customer), options.decline())
    return touched(invoice, world)


def single_bill_paid(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        invoice = _single_bill(world, customer, options)
    billing.pay(world, invoice, card_of(world, customer), counts_as_attempt=True)
    return touched(invoice, world)


def renewal_without_card(world: World, options: Options) -> dict[str, str]:
    now = world.now()
    person = person_of(options)
    customer = world.add(customer_object(world, person, created=now - 400 * DAY, metadata=options.map("metadata")))
    currency = (options.text("currency") or person.currency).lower()
    price = price_for(world, ARTICLES["studio"], currency, options.number("amount"))
    subscription = world.add(
        subscription_object(
            world,
            customer=customer["id"],
            price=price,
            method=None,
            created=billing.shifted(now, "month", -3),
            period=(billing.shifted(now, "month", -1), now),
        )
    )
    invoice = billing.begin_period(world, subscription)
    billing.nothing_to_charge(world, invoice)
    return touched(invoice, world)


_AFTER_FAILURE: Final = ("retry_fails", "customer_pays", "invoice_voided", "invoice_uncollectible")

STORIES: Final = (
    Story(
        "single_bill_fails",
        GROUP,
        "A single bill cannot be collected",
        "A bill without a subscription, written by the merchant; the card is declined.",
        single_bill_fails,
        (DECLINE, *CUSTOMER, *MONEY),
        _AFTER_FAILURE,
    ),
    Story(
        "single_bill_paid",
        GROUP,
        "A single bill is paid",
        "A bill without a subscription, written by the merchant; the card pays at once.",
        single_bill_paid,
        (*CUSTOMER, *MONEY),
        ("refund_full", "refund_two_parts"),
    ),
    Story(
        "renewal_without_card",
        GROUP,
        "A renewal finds no card",
        "The next month is due and the customer, always a new one here, has no card on file: no charge is tried.",
        renewal_without_card,
        (*CUSTOMER, *MONEY),
        ("customer_pays", "invoice_voided", "subscription_ends"),
    ),
)

"""Subscriptions: the bill of a period, paid, failed, retried, given up."""

from __future__ import annotations

from typing import Final

from paybell_sandbox.stripe import billing
from paybell_sandbox.stripe.catalogue import ARTICLES, price_for
from paybell_sandbox.stripe.objects.customers import payment_method_object
from paybell_sandbox.stripe.objects.subscriptions import subscription_object
from paybell_sandbox.stripe.people import PEOPLE
from paybell_sandbox.stripe.stories.cast import (
    card_of,
    customer_of,
    last,
    make_customer,
    person_of,
    seen_by,
    subscription_for,
)
from paybell_sandbox.stripe.stories.story import CUSTOMER, DECLINE, MONEY, SEEN, SUBSCRIBED, Options, Parameter, Story
from paybell_sandbox.stripe.world import Obj, World

GROUP: Final = "Subscriptions"
INVOICE: Final = Parameter("invoice", "The bill (in_…); without it the last that fits")


def _unpaid(invoice: Obj) -> bool:
    return bool(invoice["status"] == "open")


def _payable(invoice: Obj) -> bool:
    """A bill that was given up can still be paid."""
    return invoice["status"] in ("open", "uncollectible")


def touched(invoice: Obj, world: World) -> dict[str, str]:
    """The ids of a bill and of what belongs to it."""
    ids = {"customer": invoice["customer"], "invoice": invoice["id"]}
    subscription = billing.subscription_of(world, invoice)
    if subscription is not None:
        ids["subscription"] = subscription["id"]
    if world.payments_of(invoice["id"]):
        intent = billing.intent_of(world, invoice)
        ids["payment_intent"] = intent["id"]
        if intent["latest_charge"]:
            ids["charge"] = intent["latest_charge"]
    return ids


def _begun(world: World, customer: Obj, options: Options) -> Obj:
    """The bill of the next month, in the currency that the customer sees."""
    subscription, seen = subscription_for(world, customer, options), seen_by(options)
    if seen:
        subscription["presentment_details"] = {"presentment_currency": seen["presentment_currency"]}
    invoice = billing.begin_period(world, subscription)
    if seen:
        billing.intent_of(world, invoice)["presentment_details"] = seen
    return invoice


def renewal_fails(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    invoice = _begun(world, customer, options)
    billing.attempt_fails(world, invoice, card_of(world, customer), options.decline())
    return touched(invoice, world)


def retry_fails(world: World, options: Options) -> dict[str, str]:
    invoice = last(world, "invoice", options, "an unpaid bill", _unpaid)
    card = card_of(world, world.need(invoice["customer"]))
    billing.attempt_fails(world, invoice, card, options.decline())
    return touched(invoice, world)


def put_in_new_card(world: World, customer: Obj) -> Obj:
    person = next((one for one in PEOPLE.values() if one.email == customer["email"]), PEOPLE["ana"])
    last4 = f"{world.ids.number(10_000):04d}"
    card = world.add(
        payment_method_object(world, person, customer=customer["id"], created=world.now(), last4=last4, exp_month=11)
    )
    world.emit("payment_method.attached", card)
    settings = {**customer["invoice_settings"], "default_payment_method": card["id"]}
    world.change(customer, "customer.updated", invoice_settings=settings)
    for subscription in world.kinds.get("subscription", []):
        if subscription["customer"] == customer["id"] and subscription["status"] != "canceled":
            world.change(subscription, "customer.subscription.updated", default_payment_method=card["id"])
    return card


def customer_pays(world: World, options: Options) -> dict[str, str]:
    invoice = last(world, "invoice", options, "an unpaid bill", _payable)
    customer = world.need(invoice["customer"])
    with world.caused_by(world.ids.new("req")):
        if options.switch("new_card") or customer["invoice_settings"]["default_payment_method"] is None:
            put_in_new_card(world, customer)
        billing.pay(world, invoice, card_of(world, customer), counts_as_attempt=True)
    return touched(invoice, world)


def invoice_voided(world: World, options: Options) -> dict[str, str]:
    invoice = last(world, "invoice", options, "an unpaid bill", _unpaid)
    with world.caused_by(world.ids.new("req")):
        billing.end_unpaid(world, invoice, void=True)
    return touched(invoice, world)


def invoice_uncollectible(world: World, options: Options) -> dict[str, str]:
    invoice = last(world, "invoice", options, "an unpaid bill", _unpaid)
    with world.caused_by(world.ids.new("req")):
        billing.end_unpaid(world, invoice, void=False)
    return touched(invoice, world)


def subscription_ends(world: World, options: Options) -> dict[str, str]:
    subscription = last(
        world, "subscription", options, "a running subscription", lambda found: found["status"] != "canceled"
    )
    billing.end_subscription(world, subscription, options.word("reason"))
    return {"customer": subscription["customer"], "subscription": subscription["id"]}


def renewal_paid(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    invoice = _begun(world, customer, options)
    billing.pay(world, invoice, card_of(world, customer), counts_as_attempt=True)
    return touched(invoice, world)


def zero_invoice_paid(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    currency = (options.text("currency") or customer["currency"]).lower()
    price = price_for(world, ARTICLES["studio"], currency, 0)
    now = world.now()
    subscription = world.add(
        subscription_object(
            world,
            customer=customer["id"],
            price=price,
            method=card_of(world, customer)["id"],
            created=now - 30 * billing.DAY,
            period=(now - 30 * billing.DAY, now),
        )
    )
    invoice = billing.begin_period(world, subscription)
    billing.pay(world, invoice, None, counts_as_attempt=False)
    return touched(invoice, world)


def first_payment(world: World, options: Options) -> dict[str, str]:
    now = world.now()
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        customer = make_customer(world, person_of(options), options.map("metadata"), created=now)
        card = card_of(world, customer)
        world.emit("customer.created", customer)
        world.emit("payment_method.attached", card)
        currency = (options.text("currency") or customer["currency"]).lower()
        price = price_for(world, ARTICLES[options.word("article")], currency, options.number("amount"))
        subscription = subscription_object(
            world,
            customer=customer["id"],
            price=price,
            method=card["id"],
            created=now,
            period=(now, now),
            status="incomplete",
        )
        item = subscription["items"]["data"][0]
        item["current_period_end"] = billing.next_period(subscription, now)[1]
        world.add(subscription)
        world.emit("customer.subscription.created", subscription)
        invoice = billing.begin_period(world, subscription, "subscription_create")
        billing.pay(world, invoice, card, counts_as_attempt=True)
    return touched(invoice, world)


_AFTER_FAILURE: Final = (
    "retry_fails",
    "last_attempt_fails",
    "customer_pays",
    "invoice_voided",
    "invoice_uncollectible",
    "subscription_ends",
)
_REASONS: Final = ("payment_failed", "cancellation_requested", "payment_disputed")

STORIES: Final = (
    Story(
        "renewal_fails",
        GROUP,
        "A renewal fails",
        "The card is declined when the next month of a subscription is due.",
        renewal_fails,
        (DECLINE, *CUSTOMER, *MONEY, *SUBSCRIBED, *SEEN),
        _AFTER_FAILURE,
    ),
    Story(
        "retry_fails",
        GROUP,
        "Stripe tries again and fails",
        "The next automatic attempt on an unpaid bill is declined too.",
        retry_fails,
        (DECLINE, INVOICE),
        _AFTER_FAILURE,
        follows=True,
    ),
    Story(
        "customer_pays",
        GROUP,
        "The customer pays the bill",
        "An unpaid bill is paid, with the same card or a new one (always a new one where there was none).",
        customer_pays,
        (INVOICE, Parameter("new_card", "With a new card", "switch", default=False)),
        ("refund_full", "refund_two_parts"),
        follows=True,
    ),
    Story(
        "invoice_voided",
        GROUP,
        "The bill is voided",
        "The merchant takes an unpaid bill back, as if it had never been.",
        invoice_voided,
        (INVOICE,),
        follows=True,
    ),
    Story(
        "invoice_uncollectible",
        GROUP,
        "The bill is given up",
        "The merchant marks an unpaid bill as uncollectible.",
        invoice_uncollectible,
        (INVOICE,),
        ("customer_pays",),
        follows=True,
    ),
    Story(
        "subscription_ends",
        GROUP,
        "A subscription ends",
        "A subscription is cancelled at once, after failed payments or because the customer asked.",
        subscription_ends,
        (
            Parameter("reason", "Why", "choice", "payment_failed", _REASONS),
            Parameter("subscription", "The subscription (sub_…); without it the last that runs"),
        ),
        follows=True,
    ),
    Story(
        "renewal_paid",
        GROUP,
        "A renewal is paid",
        "The next month of a subscription is due and the card pays at once.",
        renewal_paid,
        (*CUSTOMER, *MONEY, *SUBSCRIBED, *SEEN),
        ("refund_full", "refund_two_parts", "dispute_opened", "early_fraud_warning"),
    ),
    Story(
        "zero_invoice_paid",
        GROUP,
        "A bill of zero is closed",
        "A free period: the bill counts as paid, no money moves.",
        zero_invoice_paid,
        (*CUSTOMER, MONEY[0]),
    ),
    Story(
        "first_payment",
        GROUP,
        "A new customer's first payment",
        "Somebody new subscribes and pays the first month.",
        first_payment,
        (*CUSTOMER, *MONEY, SUBSCRIBED[0]),
        ("renewal_paid", "renewal_fails", "refund_full"),
    ),
)

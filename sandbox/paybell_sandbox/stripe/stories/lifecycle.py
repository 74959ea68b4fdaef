"""What happens around a subscription and its customer: trials, cards, plans, previews, changed numbers, farewells."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Final

from paybell_sandbox.stripe import billing, farewell, previews
from paybell_sandbox.stripe.catalogue import ARTICLES, price_for
from paybell_sandbox.stripe.objects.subscriptions import period_of, priced, subscription_object
from paybell_sandbox.stripe.stories.cast import card_of, customer_of, last, subscription_for
from paybell_sandbox.stripe.stories.renewals import put_in_new_card
from paybell_sandbox.stripe.stories.story import CUSTOMER, MONEY, SUBSCRIBED, Options, Parameter, Story
from paybell_sandbox.stripe.world import Obj, World

GROUP: Final = "Customers and subscriptions"
DAY: Final = billing.DAY


def trial_will_end(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    now = world.now()
    currency = (options.text("currency") or customer["currency"]).lower()
    price = price_for(world, ARTICLES["studio"], currency, options.number("amount"))
    ends = now + (options.number("days") or 3) * DAY
    trial = (ends - 14 * DAY, ends)
    subscription = world.add(
        subscription_object(
            world,
            customer=customer["id"],
            price=price,
            method=card_of(world, customer)["id"],
            created=trial[0],
            period=trial,
            status="trialing",
            trial=trial,
        )
    )
    world.emit("customer.subscription.trial_will_end", subscription)
    return {"customer": customer["id"], "subscription": subscription["id"]}


def card_expiring(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    subscription = subscription_for(world, customer, options)
    card = card_of(world, customer)
    today = datetime.fromtimestamp(world.now(), UTC)
    changed = {**card["card"], "exp_month": today.month, "exp_year": today.year}
    with world.caused_by(world.ids.new("req")):
        world.change(card, "payment_method.updated", card=changed)
    _renews_at(subscription, world.now() + (options.number("days") or 14) * DAY)
    return {"customer": customer["id"], "subscription": subscription["id"], "payment_method": card["id"]}


def card_updated(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    card = card_of(world, customer)
    changed = {**card["card"], "exp_year": card["card"]["exp_year"] + 4, "last4": "0341"}
    world.change(card, "payment_method.automatically_updated", card=changed)
    return {"customer": customer["id"], "payment_method": card["id"]}


def new_card(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    with world.caused_by(world.ids.new("req")):
        card = put_in_new_card(world, customer)
    return {"customer": customer["id"], "payment_method": card["id"]}


def _renews_at(subscription: Obj, moment: int) -> None:
    for item in subscription["items"]["data"]:
        begin = billing.shifted(moment, item["price"]["recurring"]["interval"], -1)
        item.update(current_period_end=moment, current_period_start=begin)


def renewal_due(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    subscription = subscription_for(world, customer, options)
    _renews_at(subscription, world.now() + (options.number("days") or 7) * DAY)
    return {"customer": customer["id"], "subscription": subscription["id"]}


def plan_changed(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    subscription = subscription_for(world, customer, options)
    target = ARTICLES[options.word("to")]
    currency = subscription["currency"]
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        before = world.picture(subscription)
        items = copy.deepcopy(subscription["items"])
        priced(items["data"][0], price_for(world, target, currency))
        subscription["items"] = items
        world.emit("customer.subscription.updated", subscription, before)
    return {"customer": customer["id"], "subscription": subscription["id"]}


def invoice_upcoming(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    subscription = subscription_for(world, customer, options)
    _renews_at(subscription, world.now() + (options.number("days") or 7) * DAY)
    preview = previews.renewal_preview(world, subscription)
    preview["id"] = world.ids.new("upcoming_in")
    world.emit("invoice.upcoming", preview)
    return {"customer": customer["id"], "subscription": subscription["id"]}


def phone_changed(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    with world.caused_by(world.ids.new("req")):
        world.change(customer, "customer.updated", phone=options.text("new_phone") or None)
    return {"customer": customer["id"]}


def customer_deleted(world: World, options: Options) -> dict[str, str]:
    customer = last(world, "customer", options, "a customer", lambda found: not found.get("deleted"))
    with world.caused_by(world.ids.new("req")):
        farewell.delete_customer(world, customer)
    return {"customer": customer["id"]}


def period_end(world: World, options: Options) -> dict[str, str]:
    """A subscription is set to end with its period, or that is taken back."""
    customer = customer_of(world, options)
    subscription = subscription_for(world, customer, options)
    ends = not subscription["cancel_at_period_end"]
    with world.caused_by(world.ids.new("req")):
        world.change(
            subscription,
            "customer.subscription.updated",
            cancel_at_period_end=ends,
            cancel_at=period_of(subscription)[1] if ends else None,
            canceled_at=world.now() if ends else None,
        )
    return {"customer": customer["id"], "subscription": subscription["id"]}


def _days(default: int) -> Parameter:
    return Parameter("days", "Days from now", "number", default, most=3_650)


STORIES: Final = (
    Story(
        "trial_will_end",
        GROUP,
        "A trial will end",
        "Three days before the end of a free trial.",
        trial_will_end,
        (*CUSTOMER, *MONEY, _days(3)),
    ),
    Story(
        "renewal_due",
        GROUP,
        "A subscription renews soon",
        "Nothing is sent: the subscription is there to be found by who asks for renewals.",
        renewal_due,
        (*CUSTOMER, *MONEY, *SUBSCRIBED, _days(7)),
        ("renewal_paid", "renewal_fails", "invoice_upcoming"),
    ),
    Story(
        "invoice_upcoming",
        GROUP,
        "Stripe announces the next bill",
        "Some days before a renewal, with a preview of the bill.",
        invoice_upcoming,
        (*CUSTOMER, *MONEY, _days(7)),
    ),
    Story(
        "card_expiring",
        GROUP,
        "A card expires this month",
        "The card of a running subscription ends before the next renewal.",
        card_expiring,
        (*CUSTOMER, *MONEY, _days(14)),
        ("card_updated", "new_card", "renewal_fails"),
    ),
    Story(
        "card_updated",
        GROUP,
        "The bank sends a new card",
        "The card network tells Stripe of the new card by itself.",
        card_updated,
        CUSTOMER,
    ),
    Story(
        "new_card",
        GROUP,
        "A customer puts in a new card",
        "In the customer portal; nothing is paid by it yet.",
        new_card,
        CUSTOMER,
    ),
    Story(
        "plan_changed",
        GROUP,
        "The plan is changed",
        "A subscription moves to another price.",
        plan_changed,
        (*CUSTOMER, *MONEY, Parameter("to", "New plan", "choice", "team", ("team", "studio_yearly", "studio"))),
    ),
    Story(
        "period_end",
        GROUP,
        "A subscription is set to end, or to go on",
        "The customer cancels for the end of the period; played again it is taken back.",
        period_end,
        (*CUSTOMER, *MONEY),
    ),
    Story(
        "phone_changed",
        GROUP,
        "A customer's number changes",
        "Another number is entered; consent was given for the old one.",
        phone_changed,
        (*CUSTOMER, Parameter("new_phone", "New number; empty for none", "text", "+1 212 555 0147")),
    ),
    Story(
        "customer_deleted",
        GROUP,
        "A customer is deleted",
        "The merchant deletes a customer; what is kept about them must go.",
        customer_deleted,
        (Parameter("customer", "The customer (cus_…); without it the last"),),
        follows=True,
    ),
)

"""What happens around a subscription and its customer: cards, plans, previews, changed numbers, farewells."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Final

from paybell_sandbox.stripe import billing, farewell, previews
from paybell_sandbox.stripe.catalogue import ARTICLES, price_for
from paybell_sandbox.stripe.objects.subscriptions import period_of, priced
from paybell_sandbox.stripe.stories.cast import card_of, customer_of, last, subscription_for
from paybell_sandbox.stripe.stories.renewals import put_in_new_card
from paybell_sandbox.stripe.stories.story import CUSTOMER, MONEY, SUBSCRIBED, Options, Parameter, Story
from paybell_sandbox.stripe.world import Obj, World

GROUP: Final = "Customers and subscriptions"
DAY: Final = billing.DAY


def card_expiring(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    subscription = subscription_for(world, customer, options)
    card = card_of(world, customer)
    today = datetime.fromtimestamp(world.now(), UTC)
    months = options.number("months")
    year, month = divmod(today.year * 12 + today.month - 1 + (0 if months is None else months - 1), 12)
    changed = {**card["card"], "exp_month": month + 1, "exp_year": year}
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
    _renews_at(subscription, world.now() + (options.number("days") or 8) * DAY)
    if credit := options.number("credit"):
        customer["balance"] = -credit
    if options.switch("expiring_card"):
        _let_card_end(world, card_of(world, customer), subscription)
    return {"customer": customer["id"], "subscription": subscription["id"]}


def _let_card_end(world: World, card: Obj, subscription: Obj) -> None:
    """The card has long been good until the month before the renewal's: nobody is told of it."""
    del world
    renews = datetime.fromtimestamp(period_of(subscription)[1], UTC)
    year, month = divmod(renews.year * 12 + renews.month - 2, 12)
    card["card"] = {**card["card"], "exp_month": month + 1, "exp_year": year}


def plan_changed(world: World, options: Options) -> dict[str, str]:
    customer = customer_of(world, options)
    subscription = subscription_for(world, customer, options)
    _in_mid_period(world, subscription)
    target = ARTICLES[options.word("to")]
    currency = subscription["currency"]
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        before = world.picture(subscription)
        items = copy.deepcopy(subscription["items"])
        was = items["data"][0]["price"]["recurring"]["interval"]
        priced(items["data"][0], price_for(world, target, currency))
        subscription["items"] = items
        if was != items["data"][0]["price"]["recurring"]["interval"]:
            _begins_now(world, subscription)  # another interval begins a new period at once
        world.emit("customer.subscription.updated", subscription, before)
    return {"customer": customer["id"], "subscription": subscription["id"]}


def _in_mid_period(world: World, subscription: Obj) -> None:
    """Changes happen between two bills."""
    if period_of(subscription)[1] <= world.now():
        _renews_at(subscription, world.now() + 12 * DAY)


def _begins_now(world: World, subscription: Obj) -> None:
    start, end = billing.next_period(subscription, world.now())
    subscription["billing_cycle_anchor"] = start
    for item in subscription["items"]["data"]:
        item.update(current_period_start=start, current_period_end=end)


def price_changed(world: World, options: Options) -> dict[str, str]:
    """The same plan at another price."""
    customer = customer_of(world, options)
    subscription = subscription_for(world, customer, options)
    article = next(one for one in ARTICLES.values() if one.key == options.word("article"))
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        before = world.picture(subscription)
        items = copy.deepcopy(subscription["items"])
        priced(items["data"][0], price_for(world, article, subscription["currency"], options.number("new_amount")))
        subscription["items"] = items
        world.emit("customer.subscription.updated", subscription, before)
    return {"customer": customer["id"], "subscription": subscription["id"]}


def billing_date_changed(world: World, options: Options) -> dict[str, str]:
    """The period begins anew today."""
    customer = customer_of(world, options)
    subscription = subscription_for(world, customer, options)
    _in_mid_period(world, subscription)
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        before = world.picture(subscription)
        subscription["items"] = copy.deepcopy(subscription["items"])
        _begins_now(world, subscription)
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
        "renewal_due",
        GROUP,
        "A subscription renews soon",
        "Nothing is sent: the subscription is there to be found by who asks for renewals. Move the clock on to see the reminders.",
        renewal_due,
        (
            *CUSTOMER,
            *MONEY,
            *SUBSCRIBED,
            _days(8),
            Parameter("expiring_card", "With a card that expires before", "switch", default=True),
            Parameter("credit", "Credit of the customer, in minor units", "number"),
        ),
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
        (*CUSTOMER, *MONEY, _days(14), Parameter("months", "In which month: 1 is this one", "number", 1, most=120)),
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
        "price_changed",
        GROUP,
        "The price is changed",
        "The same plan costs another amount from now on.",
        price_changed,
        (*CUSTOMER, *MONEY, SUBSCRIBED[0], Parameter("new_amount", "New price, in minor units", "number", 5_900)),
    ),
    Story(
        "billing_date_changed",
        GROUP,
        "The billing date is changed",
        "The period begins anew today, so the next bill comes on another day.",
        billing_date_changed,
        (*CUSTOMER, *MONEY, SUBSCRIBED[0]),
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

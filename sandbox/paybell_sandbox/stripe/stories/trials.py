"""Free trials: one that runs, one whose end Stripe announces, one that is ended early."""

from __future__ import annotations

from typing import Final

from paybell_sandbox.stripe import billing
from paybell_sandbox.stripe.catalogue import ARTICLES, price_for
from paybell_sandbox.stripe.objects.subscriptions import subscription_object
from paybell_sandbox.stripe.stories.cast import card_of, customer_of, last
from paybell_sandbox.stripe.stories.story import CUSTOMER, MONEY, Options, Parameter, Story
from paybell_sandbox.stripe.world import World

GROUP: Final = "Customers and subscriptions"
DAY: Final = billing.DAY


def trial_will_end(world: World, options: Options) -> dict[str, str]:
    if options.has("subscription"):
        found = last(world, "subscription", options, "a running trial", lambda one: one["status"] == "trialing")
        ids = {"customer": found["customer"], "subscription": found["id"]}
    else:
        ids = trial_running(world, options)
    world.emit("customer.subscription.trial_will_end", world.need(ids["subscription"]))
    return ids


def trial_running(world: World, options: Options) -> dict[str, str]:
    """Nothing is sent: the trial is there to be found by who asks for trials."""
    customer = customer_of(world, options)
    now = world.now()
    currency = (options.text("currency") or customer["currency"]).lower()
    price = price_for(world, ARTICLES["studio"], currency, options.number("amount"))
    ends = now + (options.number("days") or 3) * DAY
    trial = (min(now, ends - 14 * DAY), ends)
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
    return {"customer": customer["id"], "subscription": subscription["id"]}


def trial_ended_early(world: World, options: Options) -> dict[str, str]:
    """The trial ends now, and Stripe says all at once that it will end, that it has, and that the first bill is paid."""
    subscription = last(world, "subscription", options, "a running trial", lambda found: found["status"] == "trialing")
    now = world.now()
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        before = world.picture(subscription)
        subscription.update(trial_end=now, status="trialing")
        for item in subscription["items"]["data"]:
            item["current_period_end"] = now
        world.emit("customer.subscription.trial_will_end", subscription)
        subscription.update(status="active")
        start, end = billing.next_period(subscription, now)
        for item in subscription["items"]["data"]:
            item.update(current_period_start=start, current_period_end=end)
        world.emit("customer.subscription.updated", subscription, before)
        card = card_of(world, world.need(subscription["customer"]))
        invoice = billing.begin_period(world, subscription, "subscription_update")
        billing.pay(world, invoice, card, counts_as_attempt=True)
    return {"customer": subscription["customer"], "subscription": subscription["id"], "invoice": invoice["id"]}


def _days(default: int) -> Parameter:
    return Parameter("days", "Days from now", "number", default, most=3_650)


STORIES: Final = (
    Story(
        "trial_will_end",
        GROUP,
        "A trial will end",
        "Three days before the end of a free trial.",
        trial_will_end,
        (*CUSTOMER, *MONEY, _days(3), Parameter("subscription", "A trial that runs (sub_…); without it a new one")),
        ("trial_ended_early",),
    ),
    Story(
        "trial_running",
        GROUP,
        "A trial ends in some days",
        "Nothing is sent: the trial is there to be found by who asks for trials. Move the clock on to see the reminders.",
        trial_running,
        (*CUSTOMER, *MONEY, _days(8)),
        ("trial_ended_early",),
    ),
    Story(
        "trial_ended_early",
        GROUP,
        "A trial is ended early",
        "The merchant ends a running trial now: Stripe announces its end and takes the first payment in one step.",
        trial_ended_early,
        (Parameter("subscription", "The subscription (sub_…); without it the last on trial"),),
        follows=True,
    ),
)

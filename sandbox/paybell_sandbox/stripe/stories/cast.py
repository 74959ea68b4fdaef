"""Finding or making the people and things of a story. Making is quiet: they have long been there, no event tells of it."""

from __future__ import annotations

from collections.abc import Callable

from paybell_sandbox.stripe import billing
from paybell_sandbox.stripe.catalogue import ARTICLES, price_for
from paybell_sandbox.stripe.objects.customers import customer_object, payment_method_object
from paybell_sandbox.stripe.objects.subscriptions import subscription_object
from paybell_sandbox.stripe.people import PEOPLE, Person
from paybell_sandbox.stripe.stories.story import SUBSCRIBED, Options, StoryError
from paybell_sandbox.stripe.world import Obj, World

DAY = 86_400


def person_of(options: Options) -> Person:
    """The person asked for, with the changes asked for. An empty number means none."""
    person = PEOPLE.get(options.word("customer"), PEOPLE["ana"])
    if options.has("name"):
        person = person.but(name=options.text("name"))
    if options.has("phone"):
        person = person.but(phone=options.text("phone") or None)
    if options.has("locale"):
        person = person.but(locales=(options.word("locale"),))
    return person


def customer_of(world: World, options: Options) -> Obj:
    """A customer by id, the one this person already is, or a new one (always where their data were changed)."""
    asked = options.word("customer")
    if asked.startswith("cus_"):
        found = world.find(asked)
        if found is None or found["object"] != "customer" or found.get("deleted"):
            raise StoryError(f"there is no customer {asked} in this account")
        return found
    changed = any(options.has(name) for name in ("name", "phone", "locale", "metadata")) or options.switch(
        "new_customer"
    )
    known = world.find(world.cast.get(asked))
    if known is not None and not changed:
        return known
    customer = make_customer(world, person_of(options), options.map("metadata"), created=world.now() - 400 * DAY)
    if not changed:
        world.cast[asked] = customer["id"]
    return customer


def seen_by(options: Options) -> Obj | None:
    """What the buyer saw (Adaptive Pricing), where that was another currency."""
    currency, amount = options.text("presentment_currency"), options.number("presentment_amount")
    if (currency is None) != (amount is None):
        raise StoryError("presentment_currency and presentment_amount go together")
    return None if currency is None else {"presentment_amount": amount, "presentment_currency": currency.lower()}


def make_customer(world: World, person: Person, metadata: dict[str, str], *, created: int) -> Obj:
    customer = world.add(customer_object(world, person, created=created, metadata=metadata))
    method = world.add(payment_method_object(world, person, customer=customer["id"], created=created))
    customer["invoice_settings"]["default_payment_method"] = method["id"]
    return customer


def card_of(world: World, customer: Obj) -> Obj:
    card = world.find(customer["invoice_settings"]["default_payment_method"])
    if card is None:
        raise StoryError(f"{customer['id']} has no card on file: let the customer pay with a new card first")
    return card


def subscription_for(world: World, customer: Obj, options: Options, *, article: str = "studio") -> Obj:
    """The customer's running subscription at this price, or one that began three periods ago and has been paid since.

    `article` is what is subscribed to where the story does not let one choose.
    """
    wanted = options.word("article") if SUBSCRIBED[0].name in options.parameters else article
    metadata = options.map("subscription_metadata") if SUBSCRIBED[1].name in options.parameters else {}
    currency = (options.text("currency") or customer["currency"] or "usd").lower()
    price = price_for(world, ARTICLES[wanted], currency, options.number("amount"))
    for found in [] if metadata else world.newest("subscription"):
        same = found["items"]["data"][0]["price"]["id"] == price["id"]
        if found["customer"] == customer["id"] and found["status"] == "active" and same:
            return found
    now = world.now()
    third, second, began = (billing.shifted(now, price["recurring"]["interval"], -ago) for ago in (3, 2, 1))
    card = card_of(world, customer)
    subscription = world.add(
        subscription_object(
            world,
            customer=customer["id"],
            price=price,
            method=card["id"],
            created=third,
            period=(second, began),
            metadata=metadata,
        )
    )
    with world.long_ago(now - began):
        billing.pay(world, billing.begin_period(world, subscription), card, counts_as_attempt=True)
    for item in subscription["items"]["data"]:
        item["current_period_end"] = now  # also where a month is shorter
    return subscription


def last(
    world: World, name: str, options: Options, what: str, fits: Callable[[Obj], bool], *, kind: str | None = None
) -> Obj:
    """The object named in the options, or the newest that fits.

    `name` is the option and, unless `kind` says otherwise, the kind of object; `what` says in words what is looked for.
    """
    kind = kind or name
    named = options.text(name) if name in options.parameters else None
    if named is not None:
        found = world.find(named)
        if found is None or found["object"] != kind or not fits(found):
            raise StoryError(f"{named} is not {what} in this account")
        return found
    for found in reversed(world.kinds.get(kind, [])):
        if fits(found):
            return found
    raise StoryError(f"what is missing is {what}: play a story first that makes one")

"""One-off payments: bought, declined and bought again, put aside and taken."""

from __future__ import annotations

from typing import Final

from paybell_sandbox.stripe import paying
from paybell_sandbox.stripe.catalogue import ARTICLES, price_for
from paybell_sandbox.stripe.objects.customers import address, payment_method_object
from paybell_sandbox.stripe.objects.payments import payment_intent_object
from paybell_sandbox.stripe.objects.sessions import checkout_item, checkout_session_object
from paybell_sandbox.stripe.people import DEFAULT
from paybell_sandbox.stripe.stories.cast import card_of, customer_of, last, person_of, seen_by
from paybell_sandbox.stripe.stories.story import CUSTOMER, DECLINE, MONEY, SEEN, Options, Parameter, Story
from paybell_sandbox.stripe.world import Obj, World

GROUP: Final = "Purchases"
PAYMENT: Final = Parameter("payment_intent", "The payment (pi_…); without it the last that fits")
BUYING: Final = (
    *CUSTOMER,
    *MONEY,
    Parameter("article", "What", "choice", "lamp", ("lamp", "workshop")),
    Parameter("guest", "The buyer is no customer", "switch", default=False),
    Parameter("payment_metadata", "Metadata of the payment", "map"),
    *SEEN,
)


def begin(world: World, options: Options, *, capture_method: str = "automatic_async") -> tuple[Obj, Obj]:
    """The buyer is at the form. Gives the PaymentIntent and the card they will use."""
    person = person_of(options)
    guest = options.switch("guest")
    customer = None if guest else customer_of(world, options)
    currency = (options.text("currency") or (customer or {}).get("currency") or person.currency).lower()
    price = price_for(world, ARTICLES[options.word("article")], currency, options.number("amount"))
    if customer is None:
        card = world.add(payment_method_object(world, person, customer=None, created=world.now()))
        contact: Obj = {"name": person.name, "email": person.email, "phone": person.phone, "address": address(person)}
        locale: str | None = person.locales[0].partition("-")[0]
    else:
        card = card_of(world, customer)
        contact = {key: customer[key] for key in ("name", "email", "phone", "address")}
        locale = customer["preferred_locales"][0].partition("-")[0] if customer["preferred_locales"] else None
    intent = world.add(
        payment_intent_object(
            world,
            amount=price["unit_amount"],
            currency=currency,
            customer=customer["id"] if customer else None,
            description=None,
            capture_method=capture_method,
            receipt_email=contact["email"],
            metadata=options.map("payment_metadata"),
        )
    )
    seen = seen_by(options)
    if seen:
        intent["presentment_details"] = seen
    session = checkout_session_object(
        world,
        mode="payment",
        items=[checkout_item(world, price, 1)],
        customer=customer,
        contact=contact,
        locale=locale,
        payment_intent=intent["id"],
    )
    if seen:
        session["presentment_details"] = dict(seen)
    world.add(session)
    world.emit("payment_intent.created", intent)
    return intent, card


def _session_of(world: World, intent: Obj) -> Obj | None:
    sessions = world.kinds.get("checkout.session", [])
    return next((found for found in sessions if found["payment_intent"] == intent["id"]), None)


def _complete(world: World, intent: Obj) -> None:
    session = _session_of(world, intent)
    if session is not None and session["status"] == "open":
        held = intent["status"] == "requires_capture"
        session.update(status="complete", payment_status="unpaid" if held else "paid", url=None)
        world.emit("checkout.session.completed", session)


def _ids(world: World, intent: Obj) -> dict[str, str]:
    session = _session_of(world, intent)
    touched = {
        "payment_intent": intent["id"],
        "customer": intent["customer"],
        "charge": intent["latest_charge"],
        "checkout_session": session["id"] if session else None,
    }
    return {kind: identity for kind, identity in touched.items() if identity}


def purchase(world: World, options: Options) -> dict[str, str]:
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        intent, card = begin(world, options)
        paying.succeed(world, intent, card)
        _complete(world, intent)
    return _ids(world, intent)


def purchase_fails(world: World, options: Options) -> dict[str, str]:
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        intent, card = begin(world, options)
        paying.fail(world, intent, card, options.decline())
    return _ids(world, intent)


def _declined(intent: Obj) -> bool:
    return intent["status"] == "requires_payment_method" and intent["last_payment_error"] is not None


def buyer_succeeds(world: World, options: Options) -> dict[str, str]:
    intent = last(world, "payment_intent", options, "a declined one-off payment", lambda one: _is_alone(world, one))
    card = world.need(intent["last_payment_error"]["payment_method"]["id"])
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        paying.succeed(world, intent, card)
        _complete(world, intent)
    return _ids(world, intent)


def _is_alone(world: World, intent: Obj) -> bool:
    return _declined(intent) and world.invoice_of(intent["id"]) is None


def purchase_authorised(world: World, options: Options) -> dict[str, str]:
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        intent, card = begin(world, options, capture_method="manual")
        paying.succeed(world, intent, card, capture=False)
        _complete(world, intent)
    return _ids(world, intent)


def checkout_paid(world: World, options: Options) -> dict[str, str]:
    session = last(
        world,
        "checkout_session",
        options,
        "an open Checkout Session that nobody has paid yet",
        lambda one: one["status"] == "open" and one["payment_intent"] is None,
        kind="checkout.session",
    )
    customer = world.find(session["customer"])
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        if customer is None:
            card = world.add(payment_method_object(world, DEFAULT, customer=None, created=world.now()))
        else:
            card = card_of(world, customer)
        intent = world.add(
            payment_intent_object(
                world,
                amount=session["amount_total"],
                currency=session["currency"],
                customer=session["customer"],
                description=None,
            )
        )
        session["payment_intent"] = intent["id"]
        world.emit("payment_intent.created", intent)
        paying.succeed(world, intent, card)
        _complete(world, intent)
    return _ids(world, intent)


def _held(intent: Obj) -> bool:
    return bool(intent["status"] == "requires_capture")


def purchase_captured(world: World, options: Options) -> dict[str, str]:
    intent = last(world, "payment_intent", options, "a payment put aside", _held)
    amount = options.number("amount") or intent["amount_capturable"]
    with world.caused_by(world.ids.new("req")):
        paying.capture(world, intent, min(amount, intent["amount_capturable"]))
    return _ids(world, intent)


def authorisation_expires(world: World, options: Options) -> dict[str, str]:
    intent = last(world, "payment_intent", options, "a payment put aside", _held)
    paying.expire(world, intent)
    return _ids(world, intent)


def authorisation_cancelled(world: World, options: Options) -> dict[str, str]:
    intent = last(world, "payment_intent", options, "a payment put aside", _held)
    with world.caused_by(world.ids.new("req")):
        paying.cancel(world, intent, "requested_by_customer")
    return _ids(world, intent)


_AFTER_PAYMENT: Final = ("refund_full", "refund_two_parts", "dispute_opened", "early_fraud_warning", "review_opened")

STORIES: Final = (
    Story(
        "purchase",
        GROUP,
        "Somebody buys something",
        "A one-off payment at the checkout succeeds.",
        purchase,
        BUYING,
        _AFTER_PAYMENT,
    ),
    Story(
        "purchase_fails",
        GROUP,
        "A one-off payment is declined",
        "The buyer is at the checkout and the card is declined.",
        purchase_fails,
        (DECLINE, *BUYING),
        ("buyer_succeeds",),
    ),
    Story(
        "buyer_succeeds",
        GROUP,
        "The buyer tries again and succeeds",
        "The same payment, declined before, goes through.",
        buyer_succeeds,
        (PAYMENT,),
        _AFTER_PAYMENT,
        follows=True,
    ),
    Story(
        "checkout_paid",
        GROUP,
        "An open checkout is paid",
        "Somebody follows the link of a Checkout Session and pays.",
        checkout_paid,
        (Parameter("checkout_session", "The session (cs_…); without it the last that is open"),),
        _AFTER_PAYMENT,
        follows=True,
    ),
    Story(
        "purchase_authorised",
        GROUP,
        "Money is put aside, not taken",
        "A payment is authorised; the merchant will take it later.",
        purchase_authorised,
        BUYING,
        ("purchase_captured", "authorisation_cancelled", "authorisation_expires", "review_opened"),
    ),
    Story(
        "purchase_captured",
        GROUP,
        "The money put aside is taken",
        "The merchant captures an authorised payment, all of it or a part.",
        purchase_captured,
        (PAYMENT, Parameter("amount", "Amount in minor units; without it all", "number")),
        _AFTER_PAYMENT,
        follows=True,
    ),
    Story(
        "authorisation_cancelled",
        GROUP,
        "The money put aside is let go",
        "The merchant cancels an authorised payment.",
        authorisation_cancelled,
        (PAYMENT,),
        follows=True,
    ),
    Story(
        "authorisation_expires",
        GROUP,
        "The money put aside is released by the bank",
        "Nobody captured an authorised payment in time.",
        authorisation_expires,
        (PAYMENT,),
        follows=True,
    ),
)

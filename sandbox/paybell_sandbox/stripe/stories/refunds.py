"""Money given back: all of it, in parts, and a refund that the bank returns."""

from __future__ import annotations

from typing import Final

from paybell_sandbox.stripe import paying
from paybell_sandbox.stripe.stories.cast import DAY, last
from paybell_sandbox.stripe.stories.purchases import BUYING, purchase
from paybell_sandbox.stripe.stories.story import Options, Parameter, Story, StoryError
from paybell_sandbox.stripe.world import Obj, World

GROUP: Final = "Refunds"
CHARGE: Final = Parameter("charge", "The charge (ch_…); without it the last that fits")
REASON: Final = Parameter(
    "reason", "Why", "choice", "requested_by_customer", ("requested_by_customer", "duplicate", "fraudulent")
)
AFTER_REFUND: Final = ("refund_fails", "refund_cancelled")


def refundable(charge: Obj) -> bool:
    by_card = charge["payment_method_details"]["type"] == "card"
    return by_card and not charge["disputed"] and paying.refundable_amount(charge) > 0


def _charge(world: World, options: Options) -> Obj:
    """The charge to refund; one of last week where nothing was ever paid."""
    if not options.has("charge") and not any(refundable(one) for one in world.kinds.get("charge", [])):
        with world.long_ago(7 * DAY):
            purchase(world, Options({}, {parameter.name: parameter for parameter in BUYING}))
    return last(world, "charge", options, "a charge that can be refunded", refundable)


def _ids(charge: Obj, *refunds: Obj) -> dict[str, str]:
    ids = {"charge": charge["id"], "payment_intent": charge["payment_intent"]}
    if charge["customer"]:
        ids["customer"] = charge["customer"]
    ids.update({("refund" if n == 0 else f"refund_{n + 1}"): made["id"] for n, made in enumerate(refunds)})
    return ids


def refund_full(world: World, options: Options) -> dict[str, str]:
    charge = _charge(world, options)
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        left = paying.refundable_amount(charge)
        made = paying.refund(world, charge, left, reason=options.word("reason"))
    return _ids(charge, made)


def refund_two_parts(world: World, options: Options) -> dict[str, str]:
    charge = _charge(world, options)
    left = paying.refundable_amount(charge)
    first = options.number("first") or left * 3 // 10 // 10 * 10
    second = options.number("second") or left * 2 // 10 // 10 * 10
    if first <= 0 or second <= 0 or first + second > left:
        raise StoryError(f"first and second must be above 0 and together at most {left}, what is left of the charge")
    made = []
    for amount in (first, second):
        with world.caused_by(world.ids.new("req"), world.ids.text(36)):
            made.append(paying.refund(world, charge, amount, reason=options.word("reason")))
    return _ids(charge, *made)


def refund_fails(world: World, options: Options) -> dict[str, str]:
    made = last(world, "refund", options, "a refund that went out", lambda one: one["status"] == "succeeded")
    paying.fail_refund(world, made, options.word("failure_reason"))
    return _ids(world.need(made["charge"]), made)


def refund_cancelled(world: World, options: Options) -> dict[str, str]:
    made = last(world, "refund", options, "a refund that went out", lambda one: one["status"] == "succeeded")
    paying.cancel_refund(world, made)
    return _ids(world.need(made["charge"]), made)


STORIES: Final = (
    Story(
        "refund_full",
        GROUP,
        "A charge is refunded",
        "The whole amount, or what is left of it, goes back. Where nothing was paid yet, there was a purchase a week ago.",
        refund_full,
        (CHARGE, REASON),
        AFTER_REFUND,
    ),
    Story(
        "refund_two_parts",
        GROUP,
        "A charge is refunded in two parts",
        "Two refunds of one charge, each of a part. Where nothing was paid yet, there was a purchase a week ago.",
        refund_two_parts,
        (
            CHARGE,
            REASON,
            Parameter("first", "First part in minor units", "number"),
            Parameter("second", "Second part in minor units", "number"),
        ),
        AFTER_REFUND,
    ),
    Story(
        "refund_fails",
        GROUP,
        "A refund fails later",
        "The bank sends a refund back: the customer did not get the money after all.",
        refund_fails,
        (
            Parameter("refund", "The refund (re_…); without it the last that went out"),
            Parameter(
                "failure_reason",
                "Why",
                "choice",
                "expired_or_canceled_card",
                ("expired_or_canceled_card", "lost_or_stolen_card", "unknown"),
            ),
        ),
        follows=True,
    ),
    Story(
        "refund_cancelled",
        GROUP,
        "A refund is cancelled",
        "It was issued, and does not arrive: the merchant or Stripe took it back on its way.",
        refund_cancelled,
        (Parameter("refund", "The refund (re_…); without it the last that went out"),),
        follows=True,
    ),
)

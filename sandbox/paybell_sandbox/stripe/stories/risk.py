"""Suspicion and disputes: reviews, warnings of the bank, payments Radar stopped, chargebacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from paybell_sandbox.stripe import paying
from paybell_sandbox.stripe.declines import RADAR_REASONS, blocked
from paybell_sandbox.stripe.objects.risk import dispute_object, early_fraud_warning_object, review_object
from paybell_sandbox.stripe.stories.cast import DAY, last
from paybell_sandbox.stripe.stories.purchases import BUYING, begin, purchase
from paybell_sandbox.stripe.stories.refunds import CHARGE
from paybell_sandbox.stripe.stories.story import Options, Parameter, Story
from paybell_sandbox.stripe.world import Obj, World

GROUP: Final = "Risk"
INTRODUCE: Final = Parameter(
    "introduce", "Stripe tells of the customer first, as it did when it was made", "switch", default=False
)
"""Whoever heard of a customer long ago knows that its number is older than the payment."""


def _paid(charge: Obj) -> bool:
    by_card = charge["payment_method_details"]["type"] == "card"
    return by_card and charge["paid"] and not charge["refunded"]


def _charge(world: World, options: Options, what: str, fits: Callable[[Obj], bool] = _paid) -> Obj:
    """The charge it is about; one of last week where none fits."""
    if not options.has("charge") and not any(fits(one) for one in world.kinds.get("charge", [])):
        with world.long_ago(7 * DAY):
            purchase(world, Options({}, {parameter.name: parameter for parameter in BUYING}))
    charge = last(world, "charge", options, what, fits)
    if "introduce" in options.parameters and options.switch("introduce"):
        _introduce(world, charge["customer"])
    return charge


def _introduce(world: World, identity: str | None) -> None:
    """Stripe told of the customer when it was made: whoever listened then knows its number from before the payment."""
    customer = world.find(identity)
    told = {event.subject.newest.get("id") for event in world.events if event.type.startswith("customer.")}
    if customer is not None and identity not in told:
        with world.back_then(customer["created"]):
            world.emit("customer.created", customer)


def _ids(charge: Obj, kind: str, made: Obj) -> dict[str, str]:
    ids = {kind: made["id"], "charge": charge["id"], "payment_intent": charge["payment_intent"]}
    if charge["customer"]:
        ids["customer"] = charge["customer"]
    return ids


def dispute_opened(world: World, options: Options) -> dict[str, str]:
    charge = _charge(world, options, "a paid charge")
    inquiry = options.switch("inquiry")
    dispute = world.add(dispute_object(world, charge, reason=options.word("reason"), inquiry=inquiry))
    charge["disputed"] = True
    world.emit("charge.dispute.created", dispute)
    if not inquiry:
        world.emit("charge.dispute.funds_withdrawn", dispute)
    paying.close_review(world, charge, "disputed")
    for warning in world.kinds.get("radar.early_fraud_warning", []):
        if warning["charge"] == charge["id"] and warning["actionable"]:
            world.change(warning, "radar.early_fraud_warning.updated", actionable=False)
    return _ids(charge, "dispute", dispute)


def _open_dispute(dispute: Obj) -> bool:
    return dispute["status"] not in ("won", "lost", "warning_closed", "prevented")


def inquiry_escalates(world: World, options: Options) -> dict[str, str]:
    dispute = last(world, "dispute", options, "an open inquiry", lambda one: one["status"].startswith("warning_n"))
    charge = world.need(dispute["charge"])
    evidence = {**dispute["evidence_details"], "due_by": dispute["evidence_details"]["due_by"] + 10 * DAY}
    world.change(dispute, "charge.dispute.updated", status="needs_response", evidence_details=evidence)
    world.emit("charge.dispute.funds_withdrawn", dispute)
    return _ids(charge, "dispute", dispute)


def dispute_closed(world: World, options: Options) -> dict[str, str]:
    dispute = last(world, "dispute", options, "an open dispute", _open_dispute)
    inquiry = str(dispute["status"]).startswith("warning")
    status = "warning_closed" if inquiry else options.word("result")
    dispute["evidence_details"] = {**dispute["evidence_details"], "due_by": None, "past_due": False}
    dispute["status"] = status
    charge = world.need(dispute["charge"])
    if status == "won":
        world.emit("charge.dispute.funds_reinstated", dispute)
    world.emit("charge.dispute.closed", dispute)
    return _ids(charge, "dispute", dispute)


def review_opened(world: World, options: Options) -> dict[str, str]:
    charge = _charge(
        world,
        options,
        "a paid charge that is not under review",
        lambda one: _paid(one) and not (world.find(one["review"]) or {}).get("open"),
    )
    review = world.add(review_object(world, charge, opened_reason=options.word("opened_reason")))
    charge["review"] = review["id"]
    charge["outcome"] = {
        **charge["outcome"],
        "risk_level": "elevated",
        "risk_score": 71,
        "type": "manual_review" if options.word("opened_reason") == "rule" else "authorized",
    }
    world.need(charge["payment_intent"])["review"] = review["id"]
    world.emit("review.opened", review)
    return _ids(charge, "review", review)


def review_closed(world: World, options: Options) -> dict[str, str]:
    review = last(world, "review", options, "an open review", lambda one: one["open"])
    charge = world.need(review["charge"])
    with world.caused_by(world.ids.new("req")):
        paying.close_review(world, charge, options.word("closed_reason"))
    return _ids(charge, "review", review)


def early_fraud_warning(world: World, options: Options) -> dict[str, str]:
    charge = _charge(world, options, "a paid charge")
    warning = world.add(early_fraud_warning_object(world, charge, fraud_type=options.word("fraud_type")))
    world.emit("radar.early_fraud_warning.created", warning)
    return _ids(charge, "early_fraud_warning", warning)


def charge_blocked(world: World, options: Options) -> dict[str, str]:
    with world.caused_by(world.ids.new("req"), world.ids.text(36)):
        intent, card = begin(world, options)
        charge = paying.fail(world, intent, card, blocked(options.word("reason")))
    ids = {"charge": charge["id"], "payment_intent": intent["id"]}
    if charge["customer"]:
        ids["customer"] = charge["customer"]
    return ids


_DISPUTES: Final = ("fraudulent", "product_not_received", "subscription_canceled", "duplicate", "general")
_FRAUD_TYPES: Final = (
    "made_with_stolen_card",
    "made_with_lost_card",
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "unauthorized_use_of_card",
    "misc",
)
_CLOSED: Final = ("approved", "refunded", "refunded_as_fraud", "disputed", "acknowledged")

STORIES: Final = (
    Story(
        "review_opened",
        GROUP,
        "A payment is put under review",
        "A Radar rule asks for a human eye on a payment. Where nothing was paid yet, there was a purchase a week ago.",
        review_opened,
        (CHARGE, INTRODUCE, Parameter("opened_reason", "Opened by", "choice", "rule", ("rule", "manual"))),
        ("review_closed", "early_fraud_warning", "dispute_opened", "refund_full"),
    ),
    Story(
        "review_closed",
        GROUP,
        "The review is closed",
        "Somebody decided in Stripe's dashboard.",
        review_closed,
        (
            Parameter("review", "The review (prv_…); without it the last that is open"),
            Parameter("closed_reason", "How", "choice", "approved", _CLOSED),
        ),
        follows=True,
    ),
    Story(
        "early_fraud_warning",
        GROUP,
        "The bank warns of fraud",
        "The card's bank reports that its holder did not make a payment.",
        early_fraud_warning,
        (CHARGE, INTRODUCE, Parameter("fraud_type", "Type", "choice", "made_with_stolen_card", _FRAUD_TYPES)),
        ("dispute_opened", "refund_full"),
    ),
    Story(
        "charge_blocked",
        GROUP,
        "Radar stops a payment",
        "A payment is blocked as too risky before it reaches the bank.",
        charge_blocked,
        (Parameter("reason", "Why", "choice", "highest_risk_level", RADAR_REASONS), *BUYING),
        ("buyer_succeeds",),
    ),
    Story(
        "dispute_opened",
        GROUP,
        "A payment is disputed",
        "The cardholder asks the bank for the money back.",
        dispute_opened,
        (
            CHARGE,
            Parameter("reason", "Why", "choice", "fraudulent", _DISPUTES),
            Parameter("inquiry", "Only an inquiry, no money withdrawn yet", "switch", default=False),
        ),
        ("dispute_closed",),
    ),
    Story(
        "inquiry_escalates",
        GROUP,
        "An inquiry becomes a chargeback",
        "The bank was not content with the answer, or got none: it takes the money and wants evidence.",
        inquiry_escalates,
        (Parameter("dispute", "The inquiry (du_…); without it the last that is open"),),
        ("dispute_closed",),
        follows=True,
    ),
    Story(
        "dispute_closed",
        GROUP,
        "The dispute is decided",
        "The bank decides for the merchant or for the cardholder.",
        dispute_closed,
        (
            Parameter("dispute", "The dispute (du_…); without it the last that is open"),
            Parameter("result", "Result", "choice", "lost", ("lost", "won")),
        ),
        follows=True,
    ),
)

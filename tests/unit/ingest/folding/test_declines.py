"""Why a payment was declined: told apart by what the payer can do, taken from what is known, asked for at most once."""

import datetime
from dataclasses import replace
from typing import Any

import pytest

from ingest_service.folding import mirror
from ingest_service.folding.asking import why
from ingest_service.folding.declines import DeclineKind, codes_since, decline_fact, decline_kind, kind_of
from ingest_service.folding.effects import Draft, Event
from ingest_service.folding.mirror import Mirror
from ingest_service.folding.parse import Customer
from ingest_service.folding.resolving import (
    Dropped,
    Held,
    Holds,
    Known,
    LookUp,
    Pending,
    Ready,
    Trouble,
    hold_until,
    resolve,
)
from ingest_service.folding.subject import Subject
from ingest_service.folding.tellers import effects
from paybell_sandbox.stripe.declines import DECLINES
from paybell_sandbox.stripe.telling import tell
from tests.unit.ingest.folding.test_effects import SHAPES, events

NOW = datetime.datetime(2026, 11, 23, 15, 0, tzinfo=datetime.UTC)
HOLDS = Holds()
ANA = mirror.told(None, Customer("cus_1", deleted=False, name="Ana", phones=(), languages=(), place={}), NOW)


@pytest.mark.parametrize(
    ("decline_code", "failure_code", "kind"),
    [
        ("authentication_required", "authentication_required", DeclineKind.CONFIRM),
        ("", "payment_intent_authentication_failure", DeclineKind.CONFIRM),
        ("expired_card", "expired_card", DeclineKind.NEW_CARD),
        ("", "incorrect_number", DeclineKind.NEW_CARD),
        ("incorrect_cvc", "incorrect_cvc", DeclineKind.NEW_CARD),
        ("", "missing", DeclineKind.NEW_CARD),
        ("insufficient_funds", "card_declined", DeclineKind.NO_FUNDS),
        ("processing_error", "processing_error", DeclineKind.TRY_AGAIN),
        ("do_not_honor", "card_declined", DeclineKind.TRY_AGAIN),
        ("lost_card", "card_declined", DeclineKind.REFUSED),
        ("stolen_card", "card_declined", DeclineKind.REFUSED),
        ("pickup_card", "card_declined", DeclineKind.REFUSED),
        ("fraudulent", "card_declined", DeclineKind.REFUSED),
        ("a_code_of_tomorrow", "card_declined", DeclineKind.UNKNOWN),
        ("", "", DeclineKind.UNKNOWN),
    ],
)
def test_a_decline_is_of_the_kind_that_says_what_the_payer_can_do(
    decline_code: str, failure_code: str, kind: DeclineKind
) -> None:
    assert decline_kind(decline_code, failure_code) is kind


@pytest.mark.parametrize("decline_code", DECLINES)
def test_every_decline_that_the_sandbox_plays_has_a_kind(decline_code: str) -> None:
    assert decline_kind(decline_code, DECLINES[decline_code].code) is not DeclineKind.UNKNOWN


def test_a_confirmation_that_stripe_asks_for_goes_before_any_code() -> None:
    assert kind_of({"needs_confirmation": True, "decline_code": "insufficient_funds"}) is DeclineKind.CONFIRM


def test_a_decline_of_an_earlier_day_says_nothing_about_this_try_and_a_later_one_stands_for_it() -> None:
    told = decline_fact("expired_card", "expired_card", 1_000_000)
    assert codes_since(told, 1_000_005) == {"decline_code": "expired_card", "failure_code": "expired_card"}
    assert codes_since(told, 1_000_000 + 86_400) is None
    assert codes_since(told, 1_000_000 - 86_400) is not None
    assert codes_since(None, 0) is None


@pytest.mark.parametrize("version", SHAPES)
def test_the_latest_decline_of_a_payment_is_remembered_in_whatever_order_its_events_come(version: str) -> None:
    first = tell("renewal_fails", seed=3, decline_code="insufficient_funds")
    again = first.then("retry_fails", after=3 * 86_400, decline_code="expired_card")
    told = [*events(first, version), *events(again, version)]
    for order in (told, told[::-1]):
        subject = Subject(first.ids["payment_intent"], "payment_intent")
        for event in order:
            for one in effects(event).subjects:
                if one.subject_id == subject.subject_id:
                    subject = subject.told(
                        status=one.status, customer_id=one.customer_id, at=event.created_at, facts=one.facts
                    )
        assert subject.facts["decline"]["decline_code"] == "expired_card"


def bill(event_type: str = "invoice.payment_failed", story: str = "renewal_fails", **changed: Any) -> Draft:
    """The draft that an event of a bill tells of. How often the bill comes is known."""
    told = tell(story, seed=4)
    obj = told.world.need(told.ids["invoice"]) | changed
    [draft] = effects(Event("evt_1", event_type, NOW, obj)).drafts
    return replace(draft, customer_id="cus_1", attributes={**draft.attributes, "interval": "month"})


def known(*subjects: Subject, aliases: dict[tuple[str, str], str] | None = None, ana: Mirror | None = ANA) -> Known:
    """What is known, with the customer."""
    return Known({one.subject_id: one for one in subjects}, aliases or {}, {"cus_1": ana} if ana else {})


def waiting(draft: Draft, at: datetime.datetime = NOW) -> Pending:
    """A draft that has just come."""
    return Pending(draft, at, hold_until(draft, at, HOLDS))


def failed(identity: str, at: datetime.datetime, code: str = "expired_card") -> Subject:
    """A payment that was declined then."""
    return Subject(identity, "payment_intent", facts={"decline": decline_fact(code, code, int(at.timestamp()))})


def test_what_was_folded_of_the_payment_says_why_without_a_call() -> None:
    draft = bill()
    joined = {(draft.need_id, "payment_intent"): "pi_1"}
    resolved = resolve(waiting(draft), known(failed("pi_1", NOW), aliases=joined), NOW, HOLDS, "US")
    assert isinstance(resolved, Ready)
    assert resolved.details["attributes"]["decline_kind"] == "new_card"


def test_a_decline_that_is_not_known_or_is_of_an_earlier_try_is_asked_for() -> None:
    draft = bill()
    asked = LookUp("decline", draft.need_id, int(NOW.timestamp()))
    joined = {(draft.need_id, "payment_intent"): "pi_1"}
    assert resolve(waiting(draft), known(), NOW, HOLDS, "US") == asked
    old = failed("pi_1", NOW - datetime.timedelta(days=3))
    assert resolve(waiting(draft), known(old, aliases=joined), NOW, HOLDS, "US") == asked


def test_without_an_answer_for_half_a_minute_it_is_told_in_words_that_fit_every_decline() -> None:
    draft = bill()
    twice = resolve(waiting(draft), known(), NOW, HOLDS, "US", Trouble("away", 2, frozenset({"decline"})))
    assert isinstance(twice, LookUp)
    resolved = resolve(waiting(draft), known(), NOW, HOLDS, "US", Trouble("away", 3, frozenset({"decline"})))
    assert isinstance(resolved, Ready)
    assert resolved.details["attributes"]["decline_kind"] == "unknown"


def test_that_stripe_does_not_say_why_keeps_nobody_from_asking_whom() -> None:
    resolved = resolve(
        waiting(bill()), known(ana=None), NOW, HOLDS, "US", Trouble("refused", 3, frozenset({"decline"}))
    )
    assert resolved == LookUp("customer", "cus_1")


def test_a_confirmation_needs_no_reason_and_is_the_same_fact_as_the_failure() -> None:
    confirm, failure = bill("invoice.payment_action_required"), bill()
    assert confirm.key == failure.key
    resolved = resolve(waiting(confirm), known(), NOW, HOLDS, "US")
    assert isinstance(resolved, Ready)
    assert resolved.details["attributes"]["decline_kind"] == "confirm"


def test_a_bill_that_is_over_is_not_asked_about() -> None:
    draft = bill()
    for status in ("paid", "void", "uncollectible"):
        assert isinstance(
            resolve(waiting(draft), known(Subject(draft.need_id, "invoice", status)), NOW, HOLDS, "US"), Ready
        )


def test_the_first_bill_of_a_subscription_waits_for_whoever_stands_at_the_form() -> None:
    draft = bill("invoice.payment_action_required", billing_reason="subscription_create")
    assert isinstance(resolve(waiting(draft), known(), NOW, HOLDS, "US"), Held)
    paid = known(Subject(draft.need_id, "invoice", "paid"))
    assert isinstance(resolve(waiting(draft), paid, NOW, HOLDS, "US"), Dropped)
    later = NOW + datetime.timedelta(seconds=61)
    assert isinstance(resolve(waiting(draft), known(), later, HOLDS, "US"), Ready)


@pytest.mark.parametrize(
    ("intent", "codes"),
    [
        ({"id": "pi_1", "status": "requires_payment_method", "last_payment_error": {"code": "card_declined", "decline_code": "lost_card"}},
         ("lost_card", "card_declined")),
        ({"id": "pi_1", "status": "requires_action"}, ("", "authentication_required")),
        ({"id": "pi_1", "status": "requires_payment_method", "last_payment_error": None}, ("", "missing")),
        ("pi_1", ("", "")),
    ],
)  # fmt: skip
def test_stripes_answer_is_read_for_what_it_says(intent: object, codes: tuple[str, str]) -> None:
    assert why([{"is_default": True, "status": "open", "payment": {"payment_intent": intent}}]) == codes
    assert why([]) == ("", "")

"""Who is reminded of what, from subscriptions as Stripe lists them."""

import copy
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest_service.folding import parse
from ingest_service.planning.schedules import Renewals, Who
from ingest_service.scanning import candidates
from ingest_service.scanning.candidates import Candidate, Question, billed, candidate
from paybell_sandbox.stripe import rendering
from paybell_sandbox.stripe.previews import renewal_preview
from paybell_sandbox.stripe.telling import tell

UTC_ZONE = ZoneInfo("UTC")
NOW = int(datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp())
DUE = date(2026, 12, 1)
EVERYBODY = Who(frozenset({Renewals.ALL}))


def listed(version: str = "2026-10-28.endive", **given: Any) -> dict[str, Any]:
    """A subscription as the list gives it, expanded."""
    told = tell("renewal_due", now=NOW, **given)
    subscription = told.world.need(told.ids["subscription"])
    customer = copy.deepcopy(told.world.need(told.ids["customer"]))
    card = told.world.need(customer["invoice_settings"]["default_payment_method"])
    customer["invoice_settings"]["default_payment_method"] = copy.deepcopy(card)
    shown = rendering.rendered(subscription, version, told.world)
    return {**shown, "customer": customer, "default_payment_method": copy.deepcopy(card)}


def asked(obj: dict[str, Any], who: Who = EVERYBODY, scan: str = "renewal:7", day: date = DUE) -> Candidate | None:
    return candidate(obj, Question(scan, day, who, UTC_ZONE))


@pytest.mark.parametrize("version", ["2025-02-24.acacia", "2026-10-28.endive"])
def test_a_renewal_names_itself_for_ever_in_either_shape(version: str) -> None:
    obj = listed(version, days=8)
    found = asked(obj)
    assert found is not None
    assert found.draft.key == f"renewal:{obj['id']}:{NOW + 8 * 86_400}:7"
    assert found.draft.concern == f"subscription:{obj['id']}/renewal:{NOW + 8 * 86_400}"
    assert found.draft.attributes["card_expires_first"] is True
    assert found.customer is not None
    assert found.bill_of == obj["id"]


@pytest.mark.parametrize(
    "change",
    [
        {"cancel_at_period_end": True}, {"pause_collection": {"behavior": "void"}}, {"status": "trialing"}, {"status": "past_due"},
        {"status": "canceled"}, {"cancel_at": NOW + 8 * 86_400},
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_renew_is_not_reminded_of(change: dict[str, Any]) -> None:
    assert asked({**listed(days=8), **change}) is None


@pytest.mark.parametrize(
    ("interval", "count", "reminded"),
    [("year", 1, True), ("year", 2, True), ("month", 12, True), ("month", 6, False), ("month", 1, False), ("day", 365, True)],
)  # fmt: skip
def test_what_renews_once_a_year_is_yearly_however_its_price_says_it(interval: str, count: int, reminded: bool) -> None:
    obj = listed(days=8)
    obj["items"]["data"][0]["price"]["recurring"].update(interval=interval, interval_count=count)
    assert (asked(obj, Who(frozenset({Renewals.ANNUAL}))) is not None) is reminded


def test_a_renewal_of_another_day_or_of_nothing_is_not_reminded_of() -> None:
    assert asked(listed(days=8), day=date(2026, 12, 2)) is None
    free = listed(days=8)
    free["items"]["data"][0]["price"]["unit_amount"] = 0
    assert asked(free) is None


@pytest.mark.parametrize(
    ("expires", "day", "first"),
    [
        ((2026, 11), date(2026, 12, 1), True), ((2026, 12), date(2026, 12, 1), False), ((2026, 12), date(2026, 12, 31), False),
        ((2026, 12), date(2027, 1, 1), True), ((2025, 1), date(2026, 12, 1), True), ((2027, 1), date(2026, 12, 1), False),
    ],
)  # fmt: skip
def test_a_card_is_good_until_the_end_of_its_month(expires: tuple[int, int], day: date, first: bool) -> None:
    obj = listed(days=8)
    obj["default_payment_method"]["card"].update(exp_year=expires[0], exp_month=expires[1])
    method = parse.default_method(obj)
    assert candidates.expires_first(method, day) is first


EXPIRING, ANNUAL, BIG = Who(), Who(frozenset({Renewals.ANNUAL})), Who(frozenset(), {"usd": 10_000})


@pytest.mark.parametrize(
    ("given", "who", "reminded"),
    [
        ({}, EXPIRING, True), ({"expiring_card": False}, EXPIRING, False), ({"article": "studio_yearly"}, ANNUAL, True),
        ({}, ANNUAL, False), ({"article": "team"}, BIG, True), ({}, BIG, False), ({"currency": "eur", "amount": 90_000}, BIG, False),
        ({"expiring_card": False}, Who(frozenset({Renewals.EXPIRING_CARD}), {"usd": 4_900}), True),
    ],
)  # fmt: skip
def test_who_is_reminded_is_configured(given: dict[str, Any], who: Who, reminded: bool) -> None:
    assert (asked(listed(days=8, **given), who) is not None) is reminded


def test_a_bill_that_is_paid_by_invoice_needs_no_card() -> None:
    obj = {**listed(days=8), "collection_method": "send_invoice"}
    assert asked(obj, EXPIRING) is None
    assert asked(obj) is not None


def test_where_prices_do_not_say_the_bill_decides_whether_it_is_above() -> None:
    obj = listed(days=8)
    obj["items"]["data"][0]["price"]["unit_amount"] = None
    found = asked(obj, BIG)
    assert found is not None
    bill = {"amount_due": 9_999, "currency": "usd", "lines": {"data": []}}
    assert billed(found, bill).give_up == candidates.TOO_LITTLE
    assert billed(found, {**bill, "amount_due": 10_000}).give_up == ""


def test_the_amount_is_the_bills_and_not_the_prices() -> None:
    told = tell("renewal_due", now=NOW, days=8, credit=900)
    preview = renewal_preview(told.world, told.world.need(told.ids["subscription"]))
    found = asked(listed(days=8))
    assert found is not None
    draft = billed(found, preview)
    assert (draft.amount, draft.currency, draft.give_up) == (4_000, "usd", "")
    assert billed(found, {**preview, "amount_due": 0}).give_up == candidates.ZERO
    assert billed(found, None).give_up == candidates.NO_PREVIEW
    del preview["id"]  # create_preview has given no id for years
    assert billed(found, preview).amount == 4_000


def test_a_trial_is_told_only_while_it_runs_and_says_whether_there_is_a_card() -> None:
    ends = NOW + 8 * 86_400
    obj = {**listed(days=8), "status": "trialing", "trial_end": ends}
    found = asked(obj, scan="trial:7")
    assert found is not None
    assert (found.draft.key, found.draft.attributes["method_on_file"]) == (f"trial:{obj['id']}:{ends}:7", True)
    assert asked({**obj, "status": "active"}, scan="trial:7") is None
    assert asked({**obj, "cancel_at_period_end": True}, scan="trial:7") is None
    bare = {
        **obj,
        "default_payment_method": None,
        "customer": {**obj["customer"], "invoice_settings": {"default_payment_method": None}},
    }
    without = asked(bare, scan="trial:7")
    assert without is not None
    assert without.draft.attributes["method_on_file"] is False


@pytest.mark.parametrize(("hours", "days"), [(72, 3), (71.9, 3), (72.1, 3), (30, 1), (37, 2), (1, 0)])
def test_stripes_announcement_is_of_the_nearest_day(hours: float, days: int) -> None:
    told_at = datetime.fromtimestamp(NOW, UTC)
    assert candidates.offset_between(NOW + int(hours * 3_600), told_at) == days


def test_a_card_names_itself_by_its_month_and_an_older_card_or_source_is_read_too() -> None:
    obj = listed(days=60)
    obj["default_payment_method"]["card"].update(exp_year=2026, exp_month=11)
    found = asked(obj, scan="card:7", day=date(2026, 11, 30))
    assert found is not None
    assert found.draft.key == f"cardexp:{obj['default_payment_method']['id']}:2026-11:7"
    assert (found.draft.subject_id, found.bill_of) == (obj["default_payment_method"]["id"], "")
    legacy = {"id": "card_1", "object": "card", "last4": "4242", "exp_month": 11, "exp_year": 2026, "brand": "Visa"}
    source = {
        "id": "src_1",
        "object": "source",
        "card": {"last4": "4242", "exp_month": 11, "exp_year": 2026, "brand": "Visa"},
    }
    for old in (legacy, source):
        held = {**obj, "default_payment_method": None, "default_source": old}
        found = asked(held, scan="card:7", day=date(2026, 11, 30))
        assert found is not None
        assert found.draft.key == f"cardexp:{old['id']}:2026-11:7"
    assert asked(obj, scan="card:7", day=date(2026, 12, 31)) is None

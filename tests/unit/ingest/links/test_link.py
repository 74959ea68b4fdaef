"""What a payment link is: which messages get one, that it cannot be guessed, and how it stands."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from ingest_service.edge import payment_page
from ingest_service.links.allowance import Allowance, Bucket
from ingest_service.links.link import GOOD_FOR, Link, LinkMaker, Standing, hash_of, link_maker, standing, token_of
from ingest_service.settings import links_explained
from ingest_service.submitting.preparing import DueStep, frozen_bytes
from notify.v1.notification_pb2 import NotificationRequest
from tests.unit.ingest.submitting.test_freezing import BLUEPRINT, FACT

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
MAKER = LinkMaker("https://pay.example", b"k" * 32)
STEP = DueStep(
    account_id="main", plan_id=UUID(int=1), number=1, lane=2, concern="invoice:in_1/unpaid", state="waiting", due_at=AT,
    not_after=AT + timedelta(hours=24), request_id="a" * 64, round=1, flow="failed_payment", settled=False, fact_at=AT,
    fact_kind="payment_failed", subject_id="in_1", variables={"fact": FACT, "variant": "default", "steps": {"1": BLUEPRINT}}, frozen=None,
)  # fmt: skip
LINK = Link("main", b"h", "invoice:in_1/unpaid", "in_1", "cus_1", AT + GOOD_FOR, settled=False, status="open", shown={})


def blueprint(**changed: Any) -> DueStep:
    return replace(STEP, variables={**STEP.variables, "steps": {"1": {**BLUEPRINT, **changed}}})


def test_a_step_has_one_token_however_often_it_is_frozen_and_no_other_step_has_it() -> None:
    first, again = MAKER.make(STEP, AT), MAKER.make(replace(STEP, round=2), AT + timedelta(hours=8))
    other, elsewhere = (
        MAKER.make(replace(STEP, request_id="b" * 64), AT),
        MAKER.make(replace(STEP, account_id="live"), AT),
    )
    assert first
    assert again
    assert other
    assert elsewhere
    assert first.url == again.url
    assert len({first.url, other.url, elsewhere.url}) == 3


def test_a_token_is_128_bits_of_a_keyed_hash_in_characters_that_an_address_may_have() -> None:
    token = token_of(b"k" * 32, "main", "a" * 64)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", token)
    assert token != token_of(b"l" * 32, "main", "a" * 64)
    assert token.encode() not in hash_of(token)


def test_a_link_is_good_for_seven_days_and_stands_in_the_frozen_bytes() -> None:
    link = MAKER.make(STEP, AT)
    assert link is not None
    assert link.expires_at - link.made_at == timedelta(days=7)
    request = NotificationRequest.FromString(frozen_bytes(STEP, AT, ZoneInfo("UTC"), link.url))
    assert request.values["link"].link.url == link.url
    without = NotificationRequest.FromString(frozen_bytes(STEP, AT, ZoneInfo("UTC")))
    assert without.values["link"].link.url == FACT["attributes"]["hosted_invoice_url"]


@pytest.mark.parametrize(
    "step",
    [
        blueprint(template="payment_recovered"),
        blueprint(values=["amount"]),
        blueprint(member={"person_id": "team:x", "number": "+1", "languages": [], "time_zones": []}),
        replace(STEP, concern="invoice:in_1/receipt"),
        replace(STEP, subject_id="pi_1", variables={**STEP.variables, "fact": {**FACT, "customer_id": None}}),
    ],
    ids=["no link in it", "not asked for", "to the team", "nothing to pay", "a guest, for whom there is no portal"],
)
def test_a_message_that_has_no_use_for_a_payment_link_gets_none(step: DueStep) -> None:
    assert MAKER.make(step, AT) is None


@pytest.mark.parametrize(("template", "concern", "subject"), [
    ("renewal_reminder", "subscription:sub_1/renewal:1798761600", "sub_1"), ("trial_ending", "subscription:sub_1/trial:1798761600", "sub_1"),
    ("card_expiring", "card:pm_1/expiring:2026-11", "pm_1"),
])  # fmt: skip
def test_a_reminder_to_add_a_card_gets_a_link_that_pays_nothing(template: str, concern: str, subject: str) -> None:
    step = replace(blueprint(template=template), concern=concern, subject_id=subject)
    made = MAKER.make(step, AT)
    assert made is not None
    assert (made.concern, made.subject_id, made.customer_id) == (concern, subject, FACT["customer_id"])
    assert "link" in NotificationRequest.FromString(frozen_bytes(step, AT, ZoneInfo("UTC"), made.url)).values
    link = replace(LINK, concern=concern, subject_id=subject, status="active")
    assert link.adds_card
    assert [standing(one, AT) for one in (link, replace(link, settled=True))] == [Standing.PAYABLE, Standing.OVER]


@pytest.mark.parametrize(("url", "made"), [
    ("https://pay.example", True), ("http://127.0.0.1:8080", True), ("", False), ("http://ingest-service:8080", False),
])  # fmt: skip
def test_only_an_address_that_a_customer_may_be_sent_to_makes_links(url: str, made: bool) -> None:
    assert (link_maker(url, b"k" * 32) is not None) is made
    assert links_explained(url).startswith(
        "Texts hold payment links to" if made else "Texts link to the bill's own page"
    )


@pytest.mark.parametrize(
    ("changed", "stands"),
    [
        ({}, Standing.PAYABLE),
        ({"status": ""}, Standing.PAYABLE),
        ({"status": "paid"}, Standing.PAID),
        ({"status": "paid", "settled": True}, Standing.PAID),
        ({"status": "succeeded", "settled": True}, Standing.PAID),
        ({"status": "processing"}, Standing.UNDER_WAY),
        ({"status": "void", "settled": True}, Standing.OVER),
        ({"status": "uncollectible", "settled": True}, Standing.OVER),
        ({"settled": True}, Standing.OVER),
        ({"status": "paid", "settled": True, "expires_at": AT}, Standing.EXPIRED),
    ],
)
def test_a_link_stands_as_its_matter_does_until_it_expires(changed: dict[str, Any], stands: Standing) -> None:
    assert standing(replace(LINK, **changed), AT) is stands


def test_a_link_is_opened_so_often_and_all_together_so_often_and_time_gives_back() -> None:
    allowance = Allowance(burst=2, per_second=1, together=Bucket(3, 1))
    assert [allowance.take(b"a", 0.0) for _ in range(3)] == [True, True, False]
    assert [allowance.take(each, 0.0) for each in (b"b", b"c")] == [True, False]
    assert allowance.take(b"a", 1.0)


@pytest.mark.parametrize(
    ("amount", "exponent", "currency", "spelled"),
    [(124900, 2, "usd", "1,249.00"), (4200, 0, "jpy", "4,200"), (5120, 3, "kwd", "5.120"), (5, 2, "eur", "0.05")],
)
def test_an_amount_is_spelled_with_its_own_exponent(amount: int, exponent: int, currency: str, spelled: str) -> None:
    shown = {"amount": amount, "exponent": exponent, "currency": currency}
    assert payment_page.spelled(shown) == (spelled, currency.upper())


def test_what_stands_on_the_page_cannot_become_part_of_it() -> None:
    shown = {"amount": 1, "exponent": 2, "currency": "usd", "what": "<script>x</script>", "reference": '"><img>'}
    html = payment_page.payable(shown, "<b>Acme</b>")
    assert "<script" not in html
    assert "<img" not in html
    assert "<b>" not in html
    assert 'name="viewport"' in html
    assert "light dark" in html
    assert "src=" not in html
    assert "http" not in html


def test_the_page_is_closed_in() -> None:
    closed = payment_page.headers(played=False)
    assert "default-src 'none'" in closed["Content-Security-Policy"]
    assert "form-action 'self' https:;" in closed["Content-Security-Policy"]
    assert closed["Referrer-Policy"] == "no-referrer"
    assert closed["Cache-Control"] == "no-store"
    assert closed["X-Robots-Tag"].startswith("noindex")

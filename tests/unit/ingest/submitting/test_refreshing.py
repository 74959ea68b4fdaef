"""A later message speaks of the bill and to the person as they stand when it goes."""

from datetime import UTC, datetime
from typing import Any

from ingest_service.folding.mirror import Mirror, MirroredPhone
from ingest_service.submitting.refreshing import refreshed
from ingest_service.submitting.truth import Bill, StillSo, judge

OLD, NEW, OWN = "+14155552671", "+14155552672", "+14155552673"
AT = 1_795_446_000


def address(number: str, source: str, *, given: bool = True) -> dict[str, Any]:
    return {
        "number": number, "source": source, "first_seen_at": 1, "region_hints": ["AT", "US"], "given_in_transaction": given,
        "replaced_another": False,
    }  # fmt: skip


def fact(**attributes: Any) -> dict[str, Any]:
    return {
        "kind": "payment_failed", "amount": 4900, "currency": "usd", "customer_id": "cus_1",
        "attributes": {"next_payment_attempt": AT, **attributes},
        "person": {"name": "Ana", "languages": ["en"], "places": [], "addresses": [address(OLD, "customer.phone")]},
    }  # fmt: skip


def mirror(*numbers: str, deleted: bool = False) -> Mirror:
    phones = tuple(MirroredPhone(number, "customer.phone", "US", 5, number == NEW) for number in numbers)
    return Mirror("cus_1", datetime.now(UTC), deleted, "Eva", ("de",), {"country": "DE"}, {}, phones)


def test_a_bill_that_was_paid_in_part_and_is_tried_on_another_day_is_told_as_it_stands() -> None:
    told = refreshed(fact(), Bill(1900, "usd", AT + 86_400), None)
    assert (told["amount"], told["attributes"]["next_payment_attempt"]) == (1900, AT + 86_400)
    assert "next_payment_attempt" not in refreshed(fact(), Bill(1900, "usd", None), None)["attributes"]


def test_what_the_buyer_saw_in_another_currency_is_not_mixed_with_the_bills() -> None:
    seen = fact(charged_amount=5300, charged_currency="usd") | {"currency": "eur"}
    assert refreshed(seen, Bill(1900, "usd", None), None)["amount"] == 4900


def test_who_has_another_number_and_language_is_written_to_there_and_not_at_the_old_one() -> None:
    person = refreshed(fact(), None, mirror(NEW))["person"]
    [only] = person["addresses"]
    assert (only["number"], only["replaced_another"], only["given_in_transaction"]) == (NEW, True, False)
    assert only["region_hints"] == ["US", "DE", "AT"]
    assert (person["name"], person["languages"], person["places"]) == ("Eva", ["de"], [{"country": "DE"}])


def test_a_number_that_came_with_the_payment_stays_and_one_that_is_still_theirs_keeps_what_is_known_of_it() -> None:
    known = fact()
    known["person"]["addresses"].append(address(OWN, "charge.billing_details.phone"))
    assert [one["number"] for one in refreshed(known, None, mirror(NEW))["person"]["addresses"]] == [NEW, OWN]
    assert refreshed(known, None, mirror(OLD))["person"]["addresses"] == known["person"]["addresses"]
    assert refreshed(known, None, mirror())["person"]["addresses"] == [address(OWN, "charge.billing_details.phone")]


def test_who_was_deleted_has_no_number_any_more() -> None:
    assert refreshed(fact(), None, mirror(OLD, deleted=True))["person"]["addresses"] == []


def test_a_look_at_an_open_bill_says_what_is_left_of_it() -> None:
    bill = {
        "id": "in_1", "object": "invoice", "status": "open", "amount_due": 4900, "amount_remaining": 1900, "currency": "usd",
        "next_payment_attempt": AT,
    }  # fmt: skip
    assert judge(bill, {"kind": "payment_failed", "attributes": {}}) == StillSo(Bill(1900, "usd", AT))

"""A day's figures: lines, money with its own decimals, and what comes late."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ingest_service.scanning import digest
from ingest_service.scanning.figures import LINES, Figures, Tally, figures, largest
from ingest_service.submitting.values import TEMPLATE_VALUES, Told, values_for

DAY = date(2026, 11, 23)
TALLIES = [
    Tally("subscription_started", "", "usd", 2, 3, 14_700), Tally("payment_succeeded", "subscription_cycle", "usd", 2, 12, 58_800),
    Tally("payment_succeeded", "subscription_create", "usd", 2, 3, 14_700), Tally("payment_succeeded", "", "kwd", 3, 1, 14_700),
    Tally("payment_succeeded", "subscription_cycle", "jpy", 0, 1, 7_350), Tally("payment_failed", "subscription_cycle", "usd", 2, 2, 9_800),
    Tally("payment_recovered", "subscription_cycle", "eur", 2, 1, 4_900), Tally("subscription_ended", "", "usd", 2, 1, 4_900),
    Tally("refund_issued", "", "isk", 2, 1, 500), Tally("dispute_opened", "", "usd", 2, 1, 100),
]  # fmt: skip


def test_a_day_is_counted_by_line_and_its_money_by_currency() -> None:
    day = figures(TALLIES)
    assert day.counts == {
        "new": 3, "renewed": 13, "failed": 2, "recovered": 1, "cancelled": 1, "refunded": 1, "disputed": 1,
    }  # fmt: skip
    assert day.money["received"] == {"usd/2": 73_500, "kwd/3": 14_700, "jpy/0": 7_350, "eur/2": 4_900}
    assert (day.money["failing"], day.money["returned"]) == ({"usd/2": 9_800}, {"isk/2": 500})


def test_currencies_stand_by_their_number_of_units_and_not_of_minor_units() -> None:
    assert largest(figures(TALLIES).money["received"]) == [
        ("jpy", 0, 7_350), ("usd", 2, 73_500), ("eur", 2, 4_900), ("kwd", 3, 14_700),
    ]  # fmt: skip


def test_a_digest_says_every_line_the_largest_sums_and_how_many_more_there_are() -> None:
    draft = digest.draft(DAY, figures(TALLIES), 2, "skip")
    told = Told(
        {"attributes": draft.attributes, "amount": 0, "exponent": 2, "currency": ""},
        datetime(2026, 11, 23, tzinfo=UTC),
        ZoneInfo("UTC"),
    )
    values = values_for(TEMPLATE_VALUES["digest"], told)
    assert [values[line].count for line in LINES] == [3, 13, 2, 1, 1, 1, 1]
    assert (
        values["received"].money.minor_units,
        values["received"].money.exponent,
        values["received"].money.currency,
    ) == (7_350, 0, "JPY")
    assert (values["late"].count, values["more_currencies"].count) == (2, 1)
    assert (values["returned"].money.minor_units, values["returned"].money.exponent) == (500, 2)
    assert (values["day"].day.year, values["day"].day.month, values["day"].day.day) == (2026, 11, 23)
    assert "returned_2" not in values


def test_an_empty_day_is_skipped_or_said() -> None:
    assert digest.draft(DAY, Figures(), 0, "skip").give_up == digest.EMPTY
    said = digest.draft(DAY, Figures(), 0, "say")
    assert (said.give_up, said.attributes["is_empty"]) == ("", True)
    assert digest.draft(DAY, figures(TALLIES), 0, "skip").give_up == ""


def test_a_purchase_alone_is_no_empty_day() -> None:
    assert not figures([Tally("payment_succeeded", "", "usd", 2, 1, 100)]).empty


AMOUNTS = st.dictionaries(st.sampled_from(["usd/2", "jpy/0", "kwd/3"]), st.integers(0, 10**9))
DAYS = st.builds(
    Figures,
    st.dictionaries(st.sampled_from(LINES), st.integers(0, 1_000)),
    st.dictionaries(st.just("received"), AMOUNTS),
)


@given(DAYS, DAYS)
def test_what_was_told_and_what_is_told_late_are_together_what_happened(told: Figures, late: Figures) -> None:
    more = told.and_(late).beyond(told)
    assert told.and_(more).to_json() == told.and_(late).to_json()
    assert told.beyond(told.and_(late)).empty
    assert Figures.from_json(told.to_json()) == told

"""How values read in a language."""

import datetime
from decimal import Decimal

import pytest
from babel.numbers import parse_decimal
from hypothesis import given
from hypothesis import strategies as st

from notify_service.words.cleaning import cheapen
from notify_service.words.segments import count
from notify_service.words.values import Count, Day, Instant, Money, Text, TextList, Value, kind_of, spell


def said(value: Value, language: str) -> str:
    """As it stands in a text."""
    return cheapen(spell(value, language, "UTC", 40))


@pytest.mark.parametrize(
    ("value", "language", "words"),
    [
        (Money(4900, 2, "USD"), "en", "$49.00"),
        (Money(4900, 2, "USD"), "de", "49,00 $"),
        (Money(123456, 2, "EUR"), "de", "1.234,56 €"),
        (Money(123456, 2, "EUR"), "fr", "1 234,56 €"),
        (Money(500, 0, "JPY"), "en", "¥500"),
        (Money(500, 2, "ISK"), "en", "ISK 5"),
        (Money(5120, 3, "KWD"), "en", "KWD 5.120"),
        # the sign of these would make the whole text dear; in Japanese it is dear anyway
        (Money(149900, 2, "INR"), "en", "INR 1,499.00"),
        (Money(149900, 2, "PLN"), "pl", "1 499,00 PLN"),
        (Money(500, 0, "KRW"), "de", "500 KRW"),
        (Money(149900, 2, "INR"), "ja", "₹1,499.00"),
        # a currency without cents whose caller counts in cents: nothing of the amount is hidden
        (Money(550, 2, "JPY"), "en", "¥5.5"),
        (Money(-500, 2, "USD"), "en", "-$5.00"),
        (Day(datetime.date(2026, 3, 1)), "en", "Mar 1, 2026"),
        (Day(datetime.date(2026, 3, 1)), "en-GB", "1 Mar 2026"),
        (Day(datetime.date(2026, 3, 1)), "de", "01.03.2026"),
        (Day(datetime.date(2026, 3, 1)), "ja", "2026年3月1日"),
        (Count(1234567), "en", "1,234,567"),
        (Count(1234567), "de", "1.234.567"),
        (Text("50 % off", customer_typed=False), "en", "50 % off"),
        (Text("see evil.example", customer_typed=True), "en", "see"),
        (TextList(tuple(Text(name, customer_typed=False) for name in "AB")), "en", "A and B"),
        (TextList(tuple(Text(name, customer_typed=False) for name in "ABCDE")), "en", "A, B, and 3 more"),
        (TextList(tuple(Text(name, customer_typed=False) for name in "ABCDE")), "de", "A, B und 3 weitere"),
    ],
)
def test_values_read_as_the_language_has_it(value: Value, language: str, words: str) -> None:
    assert said(value, language) == words


def test_an_instant_reads_in_its_own_zone_and_else_in_the_recipients() -> None:
    at = datetime.datetime(2026, 7, 1, 22, 30, tzinfo=datetime.UTC)
    assert said(Instant(at, "Europe/Vienna"), "de") == "2. Juli, 00:30"
    assert spell(Instant(at, ""), "en", "America/New_York", 40).replace("\u202f", " ") == "Jul 1, 6:30 PM"


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 4),
    st.sampled_from(["USD", "EUR", "JPY", "KWD", "INR", "ISK", "ZZZ"]),
    st.sampled_from(["en", "de"]),
)
def test_an_amount_reads_back_exactly_and_is_never_dear_in_a_latin_language(
    minor_units: int, exponent: int, currency: str, language: str
) -> None:
    words = said(Money(minor_units, exponent, currency), language)
    assert not count(words).unicode
    digits = "".join(character for character in words if character.isdigit() or character in ".,")
    assert parse_decimal(digits, locale=language) == abs(Decimal(minor_units).scaleb(-exponent))
    assert ("-" in words) == (minor_units < 0)


def test_kinds_are_named_as_declarations_name_them() -> None:
    kinds = [kind_of(value) for value in (Money(1, 0, "USD"), TextList(()), Count(1))]
    assert kinds == ["money", "texts", "count"]

"""How values read in a language."""

import datetime
import re
import unicodedata
from decimal import Decimal
from typing import Final

import pytest
from babel.numbers import get_currency_precision, get_decimal_symbol
from hypothesis import given
from hypothesis import strategies as st

from docs.flowpage.examples import LANGUAGES
from ingest_service.folding.money import exponent
from notify_service.words.cleaning import cheapen
from notify_service.words.segments import count
from notify_service.words.values import Count, Day, Instant, Money, Text, TextList, Value, kind_of, locale_of, spell

LOCALES: Final = [*LANGUAGES, "en-GB", "de-CH", "fr-CA", "es-MX", "pt-PT"]


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
        (Money(4900, 2, "USD"), "fr", "49,00 $US"),
        (Money(4900, 2, "CAD"), "fr-CA", "49,00 $"),
        (Money(4900, 2, "USD"), "es", "49,00 US$"),
        (Money(4900, 2, "MXN"), "es-MX", "$49.00"),
        (Money(123456, 2, "BRL"), "pt", "R$ 1.234,56"),
        (Money(123456, 2, "EUR"), "pt-PT", "1 234,56 €"),
        (Money(4900, 0, "JPY"), "ja", "4,900円"),
        (Money(4900, 2, "USD"), "ja", "$49.00"),
        (Money(4900, 0, "JPY"), "fr", "4 900 JPY"),
        (Money(500, 2, "UGX"), "fr", "5 UGX"),
        (Money(199000, 2, "HUF"), "de", "1.990,00 HUF"),
        (Money(5120, 3, "KWD"), "es", "5,120 KWD"),
        (Money(12345, 0, "XOF"), "fr", "12 345 F CFA"),
        (Money(12345, 0, "XOF"), "en", "F CFA 12,345"),
        # a currency without cents whose caller counts in cents: nothing of the amount is hidden
        (Money(550, 2, "JPY"), "en", "¥5.50"),
        (Money(550, 2, "JPY"), "ja", "5.50円"),
        # where cents are seldom written, some are written as others are: all of the digits or none
        (Money(123450, 2, "RSD"), "en", "RSD 1,234.50"),
        (Money(1050, 2, "ALL"), "de", "10,50 ALL"),
        (Money(1000, 2, "ALL"), "de", "10 ALL"),
        (Money(-500, 2, "USD"), "en", "-$5.00"),
        (Day(datetime.date(2026, 3, 1)), "en", "Mar 1, 2026"),
        (Day(datetime.date(2026, 3, 1)), "en-GB", "1 Mar 2026"),
        (Day(datetime.date(2026, 3, 1)), "de", "01.03.2026"),
        (Day(datetime.date(2026, 3, 1)), "ja", "2026年3月1日"),
        (Day(datetime.date(2026, 12, 28)), "fr", "28 déc. 2026"),
        # the û of this month alone would make the whole text dear
        (Day(datetime.date(2026, 8, 12)), "fr", "12/08/2026"),
        (Day(datetime.date(2026, 12, 28)), "es", "28 dic 2026"),
        (Day(datetime.date(2026, 12, 28)), "pt", "28 de dez. de 2026"),
        (Day(datetime.date(2026, 12, 28)), "pt-PT", "28/12/2026"),
        (Count(1234567), "fr", "1 234 567"),
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


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "A, B, and 3 more"),
        ("de", "A, B und 3 weitere"),
        ("fr", "A, B et 3 autres"),
        ("es", "A, B y otros 3"),
        ("pt", "A, B e mais 3"),
        ("ja", "A、B、他3点"),
    ],
)
def test_a_long_list_says_how_many_are_left_out(language: str, words: str) -> None:
    assert said(TextList(tuple(Text(name, customer_typed=False) for name in "ABCDE")), language) == words


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Aug 12, 6:30 PM"),
        ("de", "12. Aug., 18:30"),
        ("fr", "12/08, 18:30"),
        ("es", "12 ago, 18:30"),
        ("pt", "12 de ago. 18:30"),
        ("ja", "8月12日 18:30"),
    ],
)
def test_an_instant_reads_as_the_language_has_it(language: str, words: str) -> None:
    assert said(Instant(datetime.datetime(2026, 8, 12, 18, 30, tzinfo=datetime.UTC), ""), language) == words


STRIPE: Final = re.findall(
    "[A-Z]{3}",
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS
    INR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR
    MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK
    SGD SHP SLE SOS SRD STD SZL THB TJS TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XCG XOF
    XPF YER ZAR ZMW
    """,
)
"""The currencies Stripe charges in (docs.stripe.com/currencies)."""


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 4), st.sampled_from([*STRIPE, "ZZZ"]), st.sampled_from(LOCALES))
def test_an_amount_reads_back_exactly_and_is_never_dear_in_a_latin_language(
    minor_units: int, exponent: int, currency: str, language: str
) -> None:
    words = said(Money(minor_units, exponent, currency), language)
    assert language == "ja" or not count(words).unicode
    assert read_back(words, language) == abs(Decimal(minor_units).scaleb(-exponent))
    assert ("-" in words) == (minor_units < 0)
    point = get_decimal_symbol(locale_of(language))
    decimals = re.search(rf"(?<=\d){re.escape(point)}(\d+)(?!.*\d)", words)
    assert len(decimals[1] if decimals else "") in (exponent, get_currency_precision(currency)), words


@pytest.mark.parametrize("currency", STRIPE)
def test_every_currency_of_stripes_reads_back_with_stripes_exponent_in_every_language(currency: str) -> None:
    digits = exponent(currency.lower())
    whole = 10 ** (2 if currency in ("ISK", "UGX") else 1 if digits == 3 else 0)  # what Stripe lets the last digits be
    for language in LOCALES:
        for minor_units in (whole, 4900, 1_234_500, 123_456_700):
            money = Money(minor_units, digits, currency)
            words = said(money, language)
            assert read_back(words, language) == Decimal(minor_units).scaleb(-digits), words
            assert any(unicodedata.category(character) in ("Sc", "Lu", "Lo") for character in words), "no currency"
            assert not re.search(r"[^\W\d_]\d", words), "letters and figures run together"


def read_back(words: str, language: str) -> Decimal:
    """The number in a spelled amount, as a reader of the language takes it."""
    number = re.search(r"\d[\d., '’]*\d|\d", words)
    assert number, words
    locale = locale_of(language)
    group, point = (cheapen(locale.number_symbols["latn"][name]) for name in ("group", "decimal"))
    return Decimal(number[0].replace(group, "").replace(point, "."))


def test_money_and_days_differ_between_languages_where_the_locales_do() -> None:
    euros = {language: said(Money(123456, 2, "EUR"), language) for language in LANGUAGES}
    assert euros["de"] == euros["es"]  # these two write the same, and so do English and Japanese
    assert euros["en"] == euros["ja"]
    assert len(set(euros.values())) == 4
    assert len({said(Day(datetime.date(2026, 12, 28)), language) for language in LANGUAGES}) == len(LANGUAGES)


@given(st.dates(datetime.date(2020, 1, 1), datetime.date(2060, 12, 31)), st.sampled_from(LOCALES))
def test_a_day_names_its_year_and_day_and_is_never_dear_in_a_latin_language(date: datetime.date, language: str) -> None:
    words = said(Day(date), language)
    assert language == "ja" or not count(words).unicode
    assert {str(date.year), str(date.day)} <= {figures.lstrip("0") for figures in re.findall(r"\d+", words)}


@given(st.datetimes(timezones=st.just(datetime.UTC)), st.sampled_from(LOCALES))
def test_an_instant_names_its_day_and_time_and_is_never_dear_in_a_latin_language(
    at: datetime.datetime, language: str
) -> None:
    words = said(Instant(at, ""), language)
    assert language == "ja" or not count(words).unicode
    assert {str(at.day), f"{at.minute:02}"} <= {
        *re.findall(r"\d+", words),
        *(one.lstrip("0") for one in re.findall(r"\d+", words)),
    }


def test_kinds_are_named_as_declarations_name_them() -> None:
    kinds = [kind_of(value) for value in (Money(1, 0, "USD"), TextList(()), Count(1))]
    assert kinds == ["money", "texts", "count"]

"""The pages of payment links are in the language that a browser asks for."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.edge import payment_page, payment_page_languages, payment_page_words
from ingest_service.edge.payment_page_languages import PAGES, PHRASES, SEPARATORS, asked_for
from ingest_service.edge.payment_page_words import Words

ENGLISH_PAGES = {value for value in vars(payment_page_words).values() if isinstance(value, Words)}
ENGLISH_PHRASES = {
    value for name, value in vars(payment_page_words).items() if name.isupper() and isinstance(value, str)
} - {payment_page_words.LANGUAGE}


@pytest.mark.parametrize("language", sorted({*SEPARATORS} - {"en"}))
def test_every_page_and_every_line_stands_in_every_language(language: str) -> None:
    assert set(PAGES[language]) == ENGLISH_PAGES
    assert set(PHRASES[language]) == ENGLISH_PHRASES
    said = [payment_page.said(page, language=language) for page in ENGLISH_PAGES]
    assert not [html for html in said for page in ENGLISH_PAGES if page.title in html]
    for english, own in PHRASES[language].items():
        assert re.findall(r"{\w+}", english) == re.findall(r"{\w+}", own)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("it-IT,it;q=0.9,fr;q=0.8,en;q=0.7", "fr"),
        ("en;q=0.3, ja-JP ; q=0.9", "ja"),
        ("de;q=0, es", "es"),
        ("zh-Hant-TW", "en"),
        ("*", "en"),
        ("de;q=x", "en"),
        ("<script>", "en"),
    ],
)
def test_a_browser_gets_what_it_likes_best_of_what_there_is(header: str, language: str) -> None:
    assert asked_for(header) == language


@given(st.text(max_size=700))
def test_no_header_breaks_a_page(header: str) -> None:
    assert asked_for(header) in SEPARATORS


@pytest.mark.parametrize(
    ("language", "amount"),
    [("en", "1,249.00"), ("de", "1.249,00"), ("fr", "1\u202f249,00"), ("es", "1.249,00"), ("pt", "1.249,00"), ("ja", "1,249.00")],
)  # fmt: skip
def test_the_amount_is_written_as_the_language_does(language: str, amount: str) -> None:
    html = payment_page.payable({"amount": 124900, "exponent": 2, "currency": "usd", "what": "Pro"}, "Acme", language)
    assert f"{amount} <small>USD</small>" in html
    assert f'<html lang="{language}">' in html
    assert payment_page_languages.phrase(payment_page_words.PAY_NOW, language) in html

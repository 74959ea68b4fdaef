"""Templates: strict about what they are given, and plain about what is wrong with them."""

import uuid
from typing import Any

import pytest

from notify_service.words import template_store
from notify_service.words.reference import ALPHABET, reference
from notify_service.words.template import (
    Rendered,
    Template,
    TemplateError,
    ValueProblemError,
    check_values,
    compile_words,
    parse_declaration,
    render,
)
from notify_service.words.values import Link, Money, Text, Value

DECLARATION = "values:\n  amount: money\n  link: link?\n  name: text?\nfallback: [de, en]\n"
MONEY = Money(4900, 2, "USD")


def template(**words: str) -> Template:
    """A template of these words: ``default_en="…"``."""
    rows = {}
    for number, (name, body) in enumerate(words.items(), 1):
        variant, _, language = name.rpartition("_")
        rows["bill", variant, language] = (number, body)
    return template_store.compile_all({("bill", "", ""): (1, DECLARATION), **rows})["bill"]


def said(of: Template, **more: Any) -> Rendered:
    """What it says with an amount."""
    given: dict[str, Any] = {
        "variant": "default", "languages": ["en"], "last_resort": "en", "values": {"amount": MONEY}, "brand": "Acme",
        "reference": "7F3K2", "zone": "UTC", "longest_text": 40,
    }  # fmt: skip
    return render(of, **(given | more))


def test_a_text_holds_its_values_and_always_the_reference() -> None:
    rendered = said(template(default_en="{{ brand }}: pay\n {{ amount }}.{% if link %} {{ link }}{% endif %}"))
    assert rendered.text == "Acme: pay $49.00. Ref 7F3K2"
    assert (rendered.segments, rendered.language, rendered.variant, rendered.version) == (1, "en", "default", 1)
    assert said(template(default_en="{{ reference }}: {{ amount }}")).text == "7F3K2: $49.00"


@pytest.mark.parametrize(
    ("variant", "languages", "last_resort", "chosen"),
    [
        (
            "urgent",
            ["de-AT", "en"],
            "en",
            ("urgent", "en"),
        ),  # the variant in a wanted language comes before the language
        ("default", ["de-AT", "en"], "en", ("default", "de")),
        ("default", ["it"], "en", ("default", "en")),  # the account's language, then the template's order
        ("default", ["it"], "it", ("default", "de")),
        ("unknown", ["en"], "en", ("default", "en")),
        ("", [], "xx", ("default", "de")),
    ],
)
def test_words_are_chosen_by_variant_then_language_then_fallback(
    variant: str, languages: list[str], last_resort: str, chosen: tuple[str, str]
) -> None:
    words = template(default_en="a", default_de="b", urgent_en="c").choose(variant, languages, last_resort)
    assert (words.variant, words.language) == chosen


def test_formats_follow_the_persons_region_where_the_words_are_in_their_language() -> None:
    words = template(default_en="{{ amount }}", default_de="{{ amount }}")
    assert said(words, languages=["de-CH"], values={"amount": Money(123400, 2, "CHF")}).text == "CHF 1'234.00 Ref 7F3K2"
    assert said(words, languages=["de"], values={"amount": Money(123400, 2, "CHF")}).text == "1.234,00 CHF Ref 7F3K2"


def test_what_a_customer_typed_is_never_taken_for_words_of_the_template() -> None:
    typed = Text("{{ 7*7 }} {% raw %} evil.com", customer_typed=True)
    text = said(template(default_en="{{ name }}"), values={"amount": MONEY, "name": typed}).text
    assert text == "{{ 7*7 }} {% raw %} Ref 7F3K2"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "values.amount"),
        ({"amount": Text("49", customer_typed=False)}, "values.amount"),
        ({"amount": MONEY, "extra": MONEY}, "values.extra"),
        ({"amount": MONEY, "link": Link("http://pay.example/x")}, "values.link"),
        ({"amount": MONEY, "link": Link("https://evil.com/x")}, "values.link"),
        ({"amount": MONEY, "link": Link("https://evilpay.example/x")}, "values.link"),
        ({"amount": MONEY, "link": Link("https://pay.example@evil.com/x")}, "values.link"),
        ({"amount": MONEY, "link": Link("https://evil.com\\.pay.example/x")}, "values.link"),
        ({"amount": MONEY, "link": Link("https://evil.com?.pay.example/x")}, "values.link"),
        ({"amount": MONEY, "link": Link("https://evil.com#.pay.example")}, "values.link"),
        ({"amount": MONEY, "link": Link("https://[bad/x")}, "values.link"),
        ({"amount": MONEY, "link": Link("https://pay.example/a b")}, "values.link"),
        ({"amount": MONEY, "link": Link("https://pay.example/\u202e")}, "values.link"),
        ({"amount": MONEY, "link": Link("javascript://localhost/x")}, "values.link"),
        ({"amount": MONEY, "link": Link("")}, "values.link"),
    ],
)
def test_values_that_do_not_fit_are_named_with_a_remedy(values: dict[str, Value], field: str) -> None:
    with pytest.raises(ValueProblemError) as wrong:
        check_values(template(default_en="x"), values, ["pay.example"])
    assert wrong.value.field == field
    assert wrong.value.remedy
    assert "evil" not in f"{wrong.value} {wrong.value.remedy}"


@pytest.mark.parametrize("url", ["https://pay.example/i/acct_1?s=ap&t=%20#x", "https://A.Pay.example", "http://127.0.0.1:8070/x", "http://[::1]:80/"])  # fmt: skip
def test_links_to_allowed_domains_and_to_this_machine_go_through(url: str) -> None:
    check_values(template(default_en="x"), {"amount": MONEY, "link": Link(url)}, ["pay.example"])


def test_words_that_break_on_a_value_are_an_error_without_the_value() -> None:
    with pytest.raises(TemplateError) as wrong:
        said(
            template(default_en="{{ name + 1 }}"),
            values={"amount": MONEY, "name": Text("+14155552671", customer_typed=False)},
        )
    assert str(wrong.value) == "template bill (default, en) cannot be rendered with these values (TypeError)"


def test_a_text_of_more_than_ten_parts_is_an_error() -> None:
    with pytest.raises(TemplateError, match="1600 is the most"):
        said(template(default_en="a" * 1700))


@pytest.mark.parametrize(
    "attack",
    ["{{ ''.__class__.__mro__ }}", "{{ amount.__init__.__globals__ }}", "{% for x in range(999999999) %}{% endfor %}"],
)
def test_words_run_in_a_sandbox(attack: str) -> None:
    with pytest.raises(TemplateError):
        said(template(default_en=attack))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("one\n{{ amuont }}", "bill/default.en.txt, line 2: template.yaml does not declare `amuont`; did you mean `amount`?"),
        ("{{ zzz }}", "bill/default.en.txt, line 1: template.yaml does not declare `zzz`; declare it there, or take it out"),
        ("one\ntwo {% if %}", "bill/default.en.txt, line 2: Expected an expression, got 'end of statement block'; correct the syntax"),
    ],
)  # fmt: skip
def test_wrong_words_are_named_by_file_line_and_remedy(body: str, message: str) -> None:
    with pytest.raises(TemplateError) as wrong:
        compile_words("bill", "default", "en", 1, body, parse_declaration("bill", DECLARATION))
    assert str(wrong.value) == message


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("values: [", ["bill/template.yaml, line 1: this is not YAML"]),
        ("{}", ["line 1: `values:` is missing", "line 1: `fallback:` is missing"]),
        (
            "values:\n  a: mony\n  B: day\nfallback: [en]",
            ["line 2: a is of no kind `mony`", "line 3: `B` cannot name a value"],
        ),
        ("values:\n  brand: text\nfallback: []", ["line 2: `brand` cannot name", "`fallback:` is missing"]),
        ("values:\n  a: day\nfallback: [en]\nvalue: x", ["line 1: `value` is unknown"]),
    ],
)
def test_wrong_declarations_are_named_by_line_and_all_at_once(text: str, messages: list[str]) -> None:
    with pytest.raises(TemplateError) as wrong:
        parse_declaration("bill", text)
    lines = str(wrong.value).splitlines()
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert message in line


def test_references_are_short_unmistakable_and_the_same_for_every_attempt() -> None:
    some = [uuid.UUID(int=number) for number in range(2000)]
    made = {reference(identity) for identity in some}
    assert {reference(identity) for identity in some} == made
    assert all(len(one) == 5 and set(one) <= set(ALPHABET) for one in made)
    assert len(made) > 1990

"""The texts that come with the service."""

import datetime
import itertools
import re
from collections.abc import Mapping

import pytest

from notify_service import database
from notify_service.words import template_store
from notify_service.words.segments import count
from notify_service.words.template import Template, render
from notify_service.words.values import Count, Day, Instant, Link, Money, Text, TextList, Value

NOON = datetime.datetime(2026, 12, 28, 12, 0, tzinfo=datetime.UTC)
LONGEST: Mapping[str, Value] = {
    "money": Money(123456789, 2, "EUR"),
    "link": Link("https://invoice.stripe.com/i/" + "x" * 31),
    "day": Day(datetime.date(2026, 12, 28)),
    "instant": Instant(NOON, ""),
    "text": Text("Premium membership, twelve months", customer_typed=True),
    "texts": TextList((Text("A", customer_typed=True),)),
    "count": Count(1000),
}
TEMPLATES = template_store.compile_all(
    {key: (1, body) for key, body in template_store.read_shipped(database.shipped("texts")).items()}
)
IN_ENGLISH_ONLY = {
    "challenge_clarify",
    "fraud_question",
    "fraud_result",
    "fraud_team",
    "renewal_reminder",
    "trial_ending",
    "card_expiring",
    "subscription_changed",
    "digest",
}
"""Still to be translated; who translates one takes it out here."""
EACH = [(name, variant, language) for name, one in TEMPLATES.items() for variant, language in one.words]


def said(template: Template, variant: str, language: str, values: Mapping[str, Value]) -> str:
    """A text of an account with a brand of usual length."""
    return render(
        template, variant=variant, languages=[language], last_resort=language, values=values, brand="Example Store",
        reference="7F3K2", zone="UTC", longest_text=40, code="123456",
    ).text  # fmt: skip


@pytest.mark.parametrize(("name", "variant", "language"), EACH)
def test_every_shipped_text_reads_well_with_and_without_its_optional_values(
    name: str, variant: str, language: str
) -> None:
    template = TEMPLATES[name]
    optional = sorted(template.declaration.optional)
    for left_out in itertools.chain.from_iterable(
        itertools.combinations(optional, n) for n in range(len(optional) + 1)
    ):
        values = {key: LONGEST[kind] for key, kind in template.declaration.values.items() if key not in left_out}
        text = said(template, variant, language, values)
        assert text.startswith("Example Store: ")
        assert "Ref 7F3K2" in text
        assert "None" not in text
        assert "  " not in text
        assert not re.search(r" \.(?!\.\.)", text)
        assert not count(text).unicode, count(text).culprit
        assert count(text).segments <= 2, len(text)


def test_every_shipped_text_stands_in_every_shipped_language() -> None:
    for name, template in TEMPLATES.items():
        by_variant: dict[str, set[str]] = {}
        for variant, language in template.words:
            by_variant.setdefault(variant, set()).add(language)
        assert "default" in by_variant, name
        languages = {"en"} if name in IN_ENGLISH_ONLY else {"en", "de"}
        assert set(map(frozenset, by_variant.values())) == {frozenset(languages)}, name


@pytest.mark.parametrize(
    "name",
    [
        "payment_failed",
        "payment_succeeded",
        "renewal_reminder",
        "trial_ending",
        "card_expiring",
        "subscription_changed",
    ],
)
def test_texts_that_may_be_the_first_one_say_how_to_stop(name: str) -> None:
    template = TEMPLATES[name]
    for variant, language in template.words:
        values = {key: LONGEST[kind] for key, kind in template.declaration.values.items()}
        assert "STOP" in said(template, variant, language, values)

"""Conditions are checked when they are read, and a missing attribute makes them false."""

import time
from typing import Any

import pytest

from ingest_service.planning.conditions import FixTheExpression, View, choice, condition

KNOWN: dict[str, Any] = {
    "amount": 5000, "currency": "usd", "is_subscription": True, "product_ids": ["prod_1"], "metadata": {"tier": "enterprise"},
    "card": {"brand": "visa", "exp_year": 2030},
}  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "fact.amount >= 5000",
        "fact.currency == 'usd' && fact.amount > 10",
        "fact.is_subscription",
        "'prod_1' in fact.product_ids",
        "fact.metadata.tier == 'enterprise'",
        "fact.metadata['tier'].startsWith('enter')",
        "has(fact.currency)",
        "!has(fact.decline_code)",
        "fact.card.brand == 'visa'",
        "fact.decline_code == 'x' || fact.amount == 5000",
    ],
)
def test_what_is_so_holds(source: str) -> None:
    assert condition(source).holds(View.of(KNOWN))


@pytest.mark.parametrize(
    "source",
    [
        "fact.decline_code == 'x'",
        "fact.decline_code != 'x'",
        "!(fact.decline_code == 'x')",
        "fact.attempt_count < 3",
        "!fact.will_retry",
        "fact.metadata.segment == 'smb'",
        "!(fact.metadata.segment == 'smb')",
        "fact.card.last4 == '4242'",
        "'prod_9' in fact.product_ids",
    ],
)
def test_what_is_missing_makes_a_condition_false_negated_or_not(source: str) -> None:
    assert not condition(source).holds(View.of(KNOWN))


@pytest.mark.parametrize("value", [None, "5000", 5000.0, True, [5000], {"value": 5000}, 2**70])
def test_an_attribute_of_another_type_counts_as_missing(value: object) -> None:
    assert not condition("fact.amount > 0").holds(View.of({"amount": value}))


def test_odd_text_harms_nothing() -> None:
    view = View.of({"description": "\ud800 x", "metadata": {"a": "\udfff"}, "product_names": ["\ud800"]})
    assert condition("fact.description != ''").holds(view)


@pytest.mark.parametrize(
    ("source", "what", "remedy"),
    [
        ("fact.attempt_counts > 1", "which no fact has", 'Did you mean "attempt_count"?'),
        ("fact.amount > 'x'", "no matching overload", "fact.amount >= 50000"),
        ("fact.amount", "gives int, not true or false", "Compare it"),
        ("fact.amount >", "Syntax error", "Write a condition"),
        ("amount > 1", "undeclared reference to 'amount'", "fact.NAME"),
        ("fact.card.brnd == 'visa'", "which no fact has", 'Did you mean "brand"?'),
    ],
)
def test_a_slip_is_found_when_it_is_read(source: str, what: str, remedy: str) -> None:
    with pytest.raises(FixTheExpression) as wrong:
        condition(source)
    assert what in wrong.value.what
    assert remedy in wrong.value.remedy


def test_a_choice_gives_a_text_or_nothing() -> None:
    chosen = choice("fact.is_subscription ? 'subscription' : 'one_off'")
    assert chosen.value(View.of(KNOWN)) == "subscription"
    assert chosen.value(View.of({"is_subscription": False})) == "one_off"
    assert chosen.value(View.of({})) is None
    with pytest.raises(FixTheExpression):
        choice("fact.amount")


def test_a_condition_is_evaluated_fast() -> None:
    holds, view = condition("fact.amount >= 5000 && fact.currency == 'usd'").holds, View.of(KNOWN)
    began = time.process_time()
    for _ in range(2_000):
        holds(view)
    assert time.process_time() - began < 1.0, "2,000 evaluations take about 15 ms"

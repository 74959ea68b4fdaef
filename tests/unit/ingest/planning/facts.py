"""Facts and rules by value."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingest_service.planning import rules_file
from ingest_service.planning.planner import Fact
from ingest_service.planning.rules import Rules

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def rules(text: str) -> Rules:
    """Rules that are expected to be good."""
    parsed = rules_file.parse(text)
    assert not isinstance(parsed, tuple), [problem.sentence("rules.yaml") for problem in parsed]
    return parsed


def problems(text: str) -> list[str]:
    """The problems of rules that are expected to be bad."""
    parsed = rules_file.parse(text)
    assert isinstance(parsed, tuple)
    return [problem.sentence("rules.yaml") for problem in parsed]


def fact(
    key: str = "payment_failed:in_1:1",
    *,
    at: datetime = AT,
    concern: str = "invoice:in_1/unpaid",
    attributes: Mapping[str, Any] | None = None,
    amount: int | None = 4200,
    account_id: str = "main",
) -> Fact:
    """A fact as the planner sees it."""
    return Fact(
        account_id=account_id,
        key=key,
        kind=key.partition(":")[0],
        concern=concern,
        subject_id=concern.partition(":")[2].partition("/")[0],
        customer_id="cus_1",
        lane=2,
        occurred_at=at,
        amount=amount,
        exponent=2,
        currency="usd",
        event_id="evt_1",
        attributes=attributes if attributes is not None else {"is_subscription": True},
        person={"customer_id": "cus_1", "languages": ["en"], "addresses": []},
    )

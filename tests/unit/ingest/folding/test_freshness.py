"""How old news of each kind may be: what still matters is told after an outage of more than a day."""

import datetime

import pytest

from ingest_service.folding.effects import Draft
from ingest_service.folding.freshness import LADDER
from ingest_service.folding.resolving import Dropped, Holds, Known, Pending, resolve
from ingest_service.folding.tellers import effects
from ingest_service.planning.rules import LONGEST_WAIT
from paybell_sandbox.stripe.telling import tell
from tests.unit.ingest.folding.test_effects import ENDIVE, events

HOUR = datetime.timedelta(hours=1)
KNOWN = Known({}, {}, {})


def is_old(draft: Draft, at: datetime.datetime, age: datetime.timedelta) -> bool:
    """Whether it is old news after so long."""
    resolution = resolve(Pending(draft, at, at), KNOWN, at + age, Holds(), "US")
    return isinstance(resolution, Dropped) and "old news" in resolution.reason


@pytest.mark.parametrize(
    ("story", "key", "told_for"),
    [
        ("purchase", "payment_succeeded:pi_", 24 * HOUR),
        ("purchase_fails", "payment_failed:pi_", 24 * HOUR),
        ("renewal_paid", "payment_succeeded:in_", 24 * HOUR),
        ("refund_full", "refund_issued:", 72 * HOUR),
        ("renewal_fails", "payment_failed:in_", LADDER),
        ("single_bill_fails", "payment_failed:in_", LADDER),
        ("dispute_opened", "dispute_opened:", LADDER),
        ("review_opened", "fraud:", LADDER),
    ],
)
def test_each_kind_is_told_for_as_long_as_it_matters(story: str, key: str, told_for: datetime.timedelta) -> None:
    told = [(draft, event.created_at) for event in events(tell(story), ENDIVE) for draft in effects(event).drafts]
    draft, at = next((draft, at) for draft, at in told if draft.key.startswith(key))
    assert not is_old(draft, at, told_for)
    assert is_old(draft, at, told_for + HOUR)


def test_what_has_an_end_of_its_own_is_told_for_as_long_as_a_rule_may_have_a_step_to_come() -> None:
    assert LADDER == LONGEST_WAIT

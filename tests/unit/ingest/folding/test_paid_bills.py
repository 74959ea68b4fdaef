"""A bill that is paid: a receipt, or word that what had failed is settled after all."""

import pytest

from ingest_service.folding.tellers import effects
from paybell_sandbox.stripe.telling import tell
from tests.unit.ingest.folding.test_effects import SHAPES, events

DAYS = 86_400


@pytest.mark.parametrize("version", SHAPES)
def test_a_bank_debit_that_took_days_and_never_failed_is_no_recovery(version: str) -> None:
    told = tell("renewal_by_bank_debit", seed=3).then("bank_debit_arrives", after=5 * DAYS)
    drafts = [draft for event in events(told, version) for draft in effects(event).drafts]
    successes = [draft for draft in drafts if draft.key == f"payment_succeeded:{told.ids['invoice']}"]
    assert successes
    assert not any(draft.recovery for draft in successes)


@pytest.mark.parametrize("version", SHAPES)
def test_a_bill_that_is_paid_at_the_second_try_is_a_recovery_by_its_own_word(version: str) -> None:
    told = tell("renewal_fails", seed=3).then("customer_pays", after=5 * DAYS)
    drafts = [draft for event in events(told, version) for draft in effects(event).drafts]
    assert {draft.recovery for draft in drafts if draft.key == f"payment_succeeded:{told.ids['invoice']}"} == {True}

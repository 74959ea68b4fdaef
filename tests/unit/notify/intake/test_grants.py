"""What a request says about consent."""

import uuid
from typing import Any

import pytest

from notify_service.consent.verdicts import Verdicts
from notify_service.intake.grants import entries_of
from notify_service.intake.preparing import Prepared, prepare
from tests.unit.notify.intake.people import IN_FORCE, address, evidence, parsed, recipient

ADDRESS = uuid.UUID(int=1)


def said(**more: Any) -> list[tuple[str, str, str]]:
    """Channel, category and source of the entries that a request adds to an empty ledger."""
    item = prepare(parsed(**more), IN_FORCE)
    assert isinstance(item, Prepared)
    return [(one.channel, one.category, one.source) for one in entries_of(item, ADDRESS, Verdicts())]


@pytest.mark.parametrize(
    ("replaced", "given", "entries"),
    [
        (False, True, [("sms", "transactional", "given_in_transaction")]),
        (False, False, []),
        (True, False, []),  # it starts without consent, whatever its predecessor had
        (True, True, [("sms", "transactional", "given_in_transaction")]),  # a later payment carries it
    ],
)
def test_a_number_that_replaced_another_has_consent_only_from_a_payment_that_carries_it(
    replaced: bool, given: bool, entries: list[tuple[str, str, str]]
) -> None:
    person = recipient(address(replaced_another=replaced, given_in_transaction=given))
    assert said(recipient=person) == entries


def test_evidence_speaks_for_the_address_it_names_and_no_other() -> None:
    person = recipient(address("nonsense"), address(given_in_transaction=False))
    assert said(recipient=person, consent_evidence=[evidence(address_index=1)]) == [("all", "all", "checkout")]
    assert said(recipient=person, consent_evidence=[evidence(address_index=0)]) == []

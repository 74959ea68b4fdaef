"""Whatever stands in the header, the answer is yes or no; yes only for what one of the secrets signed lately."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.inbox.signature import TOLERANCE_SECONDS, is_signed
from paybell_sandbox.stripe.signing import signature

SECRET, NOW = "whsec_current", 1_790_000_000
BODY = b'{"id": "evt_1"}'


@given(st.text(), st.binary(max_size=64))
def test_no_header_and_no_body_is_an_error(header: str, body: bytes) -> None:
    assert not is_signed(body, header, [SECRET], NOW)
    assert not is_signed(body, f"t={NOW},v1={header}", [SECRET], NOW)


@pytest.mark.parametrize("age", [0, TOLERANCE_SECONDS, -TOLERANCE_SECONDS])
def test_a_signature_holds_within_five_minutes_either_way(age: int) -> None:
    assert is_signed(BODY, signature(BODY, SECRET, at=NOW - age), ["whsec_other", SECRET], NOW)


@pytest.mark.parametrize("age", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1])
def test_beyond_five_minutes_it_does_not(age: int) -> None:
    assert not is_signed(BODY, signature(BODY, SECRET, at=NOW - age), [SECRET], NOW)

"""The token in a callback's address."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_service.delivery.tokens import CallbackToken, fresh, status_address


@given(st.dates(date(1970, 1, 1), date(2149, 6, 6)), st.binary(min_size=16, max_size=16))
def test_what_is_written_is_read(day: date, token: bytes) -> None:
    """Account, day and token come back as they were."""
    made = CallbackToken("acme-eu", day, token)
    assert CallbackToken.read(str(made)) == made


@given(st.text(max_size=60))
def test_anything_else_is_nobodys(text: str) -> None:
    """No text makes it fail, and what it reads it would have written."""
    read = CallbackToken.read(text)
    assert read is None or str(read) == text


@pytest.mark.parametrize(
    "text", ["", "main", "main.", ".x", "main." + "A" * 23, "MAIN." + "A" * 24, "main." + "!" * 24]
)
def test_what_we_never_made_is_refused(text: str) -> None:
    """The form is strict."""
    assert CallbackToken.read(text) is None


def test_the_address_asks_twilio_to_call_again_on_any_failure() -> None:
    """By default it would do so only where it could not connect. 128 random bits cannot be guessed."""
    address = status_address("https://n.example/x/", CallbackToken("main", date(2026, 11, 23), fresh()))
    assert address.startswith("https://n.example/x/webhooks/twilio/status/main.")
    assert address.endswith("#rc=5&rp=all")
    assert len({fresh() for _ in range(1000)}) == 1000

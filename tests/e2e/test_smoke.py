"""`make smoke`: one message through whatever is up, and a clear word where nothing is."""

import asyncio
from pathlib import Path

import pytest

from paybell_sandbox import smoke
from paybell_sandbox.smoke import NotDrivenError, Stack
from tests.e2e.pair import SECRET, phone, running_pair

KEYS = {"STRIPE_API_KEY": "sk_test_x", "STRIPE_WEBHOOK_SECRETS": SECRET}


async def test_it_drives_a_text_through_a_stack_with_the_sandbox(
    ingest_database_url: str, notify_database_url: str
) -> None:
    async with running_pair(ingest_database_url, notify_database_url, posted_by_sandbox=True) as pair:
        stack = smoke.find({"SMOKE_SANDBOX_URL": pair.box.url, "SMOKE_TO": phone()}, {})
        said = await asyncio.to_thread(smoke.drive, stack)
    assert "the phone has: Acme: thank you for your purchase" in said


async def test_with_real_keys_a_signed_charge_goes_in_and_becomes_a_text(
    ingest_database_url: str, notify_database_url: str
) -> None:
    to = phone()
    async with running_pair(ingest_database_url, notify_database_url) as pair:
        environment = {"SMOKE_TO": to, "SMOKE_INGEST_URL": f"http://127.0.0.1:{pair.ingest.http_port}"}
        said = await asyncio.to_thread(smoke.drive, smoke.find(environment, KEYS))
        await pair.quiet()
        [text] = pair.texts(to)
    assert "$1.00" in text
    assert to not in said
    assert "ingest-service why evt_smoke" in said


async def test_a_wrong_secret_is_told_from_a_stack_that_is_down(
    ingest_database_url: str, notify_database_url: str
) -> None:
    async with running_pair(ingest_database_url, notify_database_url) as pair:
        url = f"http://127.0.0.1:{pair.ingest.http_port}"
        stack = Stack(url, "whsec_of_another_stack", livemode=False, sandbox_url=None, target=phone())
        with pytest.raises(NotDrivenError, match="signature"):
            await asyncio.to_thread(smoke.drive, stack)


def test_real_keys_without_a_number_are_refused() -> None:
    with pytest.raises(NotDrivenError, match="SMOKE_TO"):
        smoke.find({}, KEYS)


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(NotDrivenError, match=r"E\.164"):
        smoke.find({"SMOKE_TO": "12345"}, {})


def test_where_nothing_is_up_it_says_how_to_start_something() -> None:
    with pytest.raises(NotDrivenError, match="make run"):
        smoke.drive(smoke.find({"SMOKE_SANDBOX_URL": "http://127.0.0.1:9"}, {}))


def test_a_dotenv_counts_only_where_it_is_filled(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# STRIPE_API_KEY=no\nSTRIPE_API_KEY=\nTWILIO_FROM=+1\n")
    assert smoke.read_dotenv(tmp_path / ".env") == {"TWILIO_FROM": "+1"}

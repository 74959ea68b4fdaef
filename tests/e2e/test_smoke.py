"""`make smoke`: one message through whatever is up to its end, and a clear word where nothing is."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from paybell_sandbox.smoke.driving import drive
from paybell_sandbox.smoke.stack import Asking, NotDrivenError, Played, Real, find
from tests.e2e.pair import SECRET, Pair, phone, running_pair
from tests.integration.notify.service import key

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "STRIPE_API_KEY": "sk_test_x",
    "STRIPE_WEBHOOK_SECRETS": SECRET,
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "t",
    "TWILIO_FROM": "+14155550100",
}


def asking(pair: Pair, database: str) -> dict[str, str]:
    """How the pair is asked, and driven, as a stack somewhere else."""
    return {
        **os.environ,
        "SMOKE_INGEST_URL": f"http://127.0.0.1:{pair.ingest.http_port}",
        "SMOKE_WHY": f"{sys.executable} -m ingest_service.cli why",
        "INGEST_DATABASE_URL": database,
        "INGEST_DATA_KEYS": key("d1"),
        "INGEST_NOTIFY_TARGET": f"127.0.0.1:{pair.notify.grpc_port}",
        "GRPC_INSECURE": "1",
        "STRIPE_API_KEY": "sk_test_x",
    }


async def test_it_drives_a_text_through_a_stack_with_the_sandbox(
    ingest_database_url: str, notify_database_url: str
) -> None:
    async with running_pair(ingest_database_url, notify_database_url, posted_by_sandbox=True) as pair:
        said = await asyncio.to_thread(drive, Played(pair.box.url, phone()))
    assert "the phone has: Acme: thank you for your purchase" in said


async def test_with_real_keys_a_signed_charge_is_followed_until_its_text_is_sent(
    ingest_database_url: str, notify_database_url: str
) -> None:
    to = phone()
    async with running_pair(ingest_database_url, notify_database_url) as pair:
        environment = asking(pair, ingest_database_url) | {"SMOKE_TO": to}
        said = await asyncio.to_thread(drive, find(ROOT, environment, KEYS, None))
        [text] = pair.texts(to)
    assert "$1.00" in text
    assert to not in said
    assert "Message 1 to the customer was sent" in said
    assert "ingest_service.cli why evt_smoke" in said


async def test_with_real_keys_a_text_that_does_not_go_out_is_no_success(
    ingest_database_url: str, notify_database_url: str
) -> None:
    """The event is in and answered 200; the number cannot be one."""
    async with running_pair(ingest_database_url, notify_database_url) as pair:
        stack = find(ROOT, asking(pair, ingest_database_url) | {"SMOKE_TO": "+14155550"}, KEYS, None)
        with pytest.raises(NotDrivenError, match=r"no text went out:\n.*was not sent"):
            await asyncio.to_thread(drive, stack)


async def test_a_wrong_secret_is_told_from_a_stack_that_is_down(
    ingest_database_url: str, notify_database_url: str
) -> None:
    nobody = Asking(("false",), {}, "false")
    async with running_pair(ingest_database_url, notify_database_url) as pair:
        url = f"http://127.0.0.1:{pair.ingest.http_port}"
        with pytest.raises(NotDrivenError, match="signature"):
            await asyncio.to_thread(
                drive, Real(url, "whsec_of_another_stack", livemode=False, target=phone(), asking=nobody)
            )
    with pytest.raises(NotDrivenError, match="Nothing answers"):
        drive(Real(url, SECRET, livemode=False, target=phone(), asking=nobody))


def test_where_nothing_is_up_it_says_how_to_start_something() -> None:
    with pytest.raises(NotDrivenError, match="make run"):
        drive(Played("http://127.0.0.1:9", phone()))

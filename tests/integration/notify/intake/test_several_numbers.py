"""People with several numbers: the first that the message may go to is taken, and an opt-out is never gone around."""

import datetime
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from notify.v1 import consent_pb2, notification_pb2, recipient_pb2
from notify_service.settings import Settings
from tests.integration.notify.challenges.house import PHONE, house
from tests.integration.notify.service import Client, now, request, stamp

LANDLINE, MOBILE = "+442079460018", "+447400123456"
SMS, VOICE = recipient_pb2.CHANNEL_SMS, recipient_pb2.CHANNEL_VOICE
GRANTED, REVOKED = consent_pb2.CONSENT_VERDICT_GRANTED, consent_pb2.CONSENT_VERDICT_REVOKED


def reminder(
    identity: str, *said: tuple[int, Any, Any], numbers: Sequence[str] = (LANDLINE, MOBILE), **more: Any
) -> notification_pb2.NotificationRequest:
    """The last reminder, by call or else by text, to somebody with these numbers. `said`: of which number, what, on which channel."""
    moment = now()
    evidence = [
        consent_pb2.ConsentEvidence(
            address_index=index, verdict=verdict, source="checkout", channels=[channel], given_at=stamp(moment - datetime.timedelta(days=1)),
        )
        for index, verdict, channel in said
    ]  # fmt: skip
    addresses = [
        recipient_pb2.CandidateAddress(number=number, source=source, given_in_transaction=True)
        for number, source in zip(numbers, ("customer.phone", "charge.billing_details.phone"), strict=True)
    ]
    person = recipient_pb2.Recipient(
        person_id="cus_ana", role=recipient_pb2.RECIPIENT_ROLE_CUSTOMER, languages=["en-GB"], addresses=addresses
    )
    given: dict[str, Any] = {
        "recipient": person, "channels": [VOICE, SMS], "consent_evidence": evidence, "not_before": stamp(moment + datetime.timedelta(minutes=100)),
    }  # fmt: skip
    made: notification_pb2.NotificationRequest = request(identity, moment=moment, **(given | more))
    return made


async def to(settings: Settings, identity: str) -> tuple[str, str, list[str]]:
    """The kind of number a message goes to, its state, and its channels."""
    connection = await asyncpg.connect(settings.notify_database_url.get_secret_value())
    try:
        row = await connection.fetchrow(
            """SELECT a.number_type, n.state, n.channels FROM notification n
               JOIN address a ON a.account_id = n.account_id AND a.address_id = n.address_id WHERE n.request_id = $1""",
            identity,
        )
        return (row["number_type"], row["state"], row["channels"])
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ([], ("mobile", "queued", ["sms"])),
        ([(0, GRANTED, VOICE)], ("fixed_line", "queued", ["voice"])),
        ([(1, GRANTED, VOICE)], ("mobile", "queued", ["voice", "sms"])),
        ([(0, REVOKED, VOICE)], ("fixed_line", "suppressed", ["voice", "sms"])),
    ],
    ids=["no word about calls", "calls at the landline", "calls at the mobile", "no calls at the landline"],
)
async def test_a_landline_before_a_mobile_is_called_with_consent_and_left_without(
    caller: Client, quiet_settings: Settings, said: list[tuple[int, Any, Any]], taken: tuple[str, str, list[str]]
) -> None:
    asked = reminder("r-1", *said)
    dry = notification_pb2.NotificationRequest()
    dry.CopyFrom(asked)
    dry.request_id, dry.dry_run = "dry", True
    [preview] = await caller.submit(dry)
    await caller.submit(asked)
    assert await to(quiet_settings, "r-1") == taken
    assert (preview.WhichOneof("result") == "accepted") == (taken[1] == "queued"), preview


@pytest.mark.parametrize(("said", "state"), [([], "suppressed"), ([(0, GRANTED, VOICE)], "queued")])
async def test_a_landline_alone_is_called_only_with_consent(
    caller: Client, quiet_settings: Settings, said: list[tuple[int, Any, Any]], state: str
) -> None:
    alone = reminder("r-1", *said)
    del alone.recipient.addresses[1]
    await caller.submit(alone)
    assert (await to(quiet_settings, "r-1"))[:2] == ("fixed_line", state)


async def test_what_was_learned_before_decides_which_number_is_taken(caller: Client, quiet_settings: Settings) -> None:
    """Consent stands in the ledger, so a later request that says nothing of it goes the same way."""
    await caller.submit(reminder("r-1", (0, GRANTED, VOICE)))
    await caller.submit(reminder("r-2"))
    assert (await to(quiet_settings, "r-2"))[0] == "fixed_line"


async def test_a_stop_before_the_last_reminder_ends_the_call_that_was_agreed_to_and_the_text_behind_it(
    notify_database_url: str,
) -> None:
    """Consent to calls stands in the checkout's evidence, from before; a STOP to the first text is the later word."""
    async with house(notify_database_url) as h:
        await h.client.submit(request("first"))
        await h.wait_for(1, to=PHONE)
        await h.reply("STOP")
        [result] = await h.client.submit(reminder("last", (0, GRANTED, VOICE), numbers=(PHONE, MOBILE)))
        assert result.suppressed.reason == notification_pb2.REASON_OPTED_OUT
        row = await h.pool.fetchrow("SELECT state, reason FROM notification WHERE request_id = 'last'")
        assert row is not None
        assert tuple(row) == ("suppressed", "opted_out")
        assert len(await h.at_provider(to=PHONE)) == 1
        assert await h.at_provider(to=MOBILE) == []

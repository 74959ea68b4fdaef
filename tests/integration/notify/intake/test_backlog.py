"""A sender that is behind: who takes messages back is told at once, and nothing waits in a queue beyond a minute of its pace."""

import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from notify.v1 import consent_pb2, notification_pb2, outcome_pb2, recipient_pb2, service_pb2
from notify_service.settings import Settings
from paybell_sandbox.app import running as running_sandbox
from paybell_sandbox.settings import Settings as SandboxSettings
from tests.integration.notify import service
from tests.integration.notify.service import Client, now, request, stamp

BACK, HOLD, DROP = (
    notification_pb2.IF_NOT_NOW_HAND_BACK, notification_pb2.IF_NOT_NOW_HOLD, notification_pb2.IF_NOT_NOW_DROP,
)  # fmt: skip
SMS, VOICE = recipient_pb2.CHANNEL_SMS, recipient_pb2.CHANNEL_VOICE
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def quiet_settings(notify_database_url: str) -> Settings:
    """A sender of one segment a second, and nobody at the other end."""
    return service.settings(notify_database_url, "http://127.0.0.1:9", twilio_segments_per_second=1)


def until_of(result: service_pb2.SubmitResult) -> datetime.datetime:
    """When its next round makes sense."""
    return result.handed_back.until.ToDatetime(tzinfo=datetime.UTC)


async def fill(caller: Client, count: int, **more: Any) -> None:
    """Makes the sender late by so many messages, all of one concern."""
    results = await caller.submit(
        *(request(f"fill-{n}", concern="filling", if_not_now=HOLD, **more) for n in range(count))
    )
    assert {result.WhichOneof("result") for result in results} == {"accepted"}


async def empty(caller: Client) -> None:
    """Takes them away."""
    await caller.stub.CancelConcern(
        service_pb2.CancelConcernRequest(account_id="main", concern="filling", as_of=stamp(now() + MINUTE))
    )


async def test_what_comes_behind_a_minute_of_the_pace_is_handed_back_in_the_answer_until_a_real_time(
    caller: Client,
) -> None:
    """One segment a second: sixty-one texts have at most a minute before them, each of the others is told when it has."""
    batch = [request(f"r-{n}", if_not_now=BACK) for n in range(100)]
    before = now()
    results = await caller.submit(*batch)
    back = [result for result in results if result.WhichOneof("result") == "handed_back"]
    assert sum(result.WhichOneof("result") == "accepted" for result in results) == 61
    assert {result.handed_back.reason for result in back} == {notification_pb2.REASON_BACKLOG}
    untils = sorted(map(until_of, back))
    assert len(set(untils)) == len(back) == 39
    assert before < untils[0]
    assert untils[-1] < now() + MINUTE
    repeated = await caller.submit(*batch)
    assert [until_of(again) for again in repeated if again.HasField("handed_back")] == [until_of(one) for one in back]


async def test_a_backlog_is_each_requests_own_matter_and_an_urgent_one_has_less_of_it(caller: Client) -> None:
    await fill(caller, 200)
    back, hold, drop, urgent = await caller.submit(
        request("back", if_not_now=BACK),
        request("hold", if_not_now=HOLD),
        request("drop", if_not_now=DROP),
        request("urgent", if_not_now=BACK, lane=notification_pb2.LANE_FRAUD),
    )
    assert back.handed_back.reason == notification_pb2.REASON_BACKLOG
    assert until_of(back) > now()
    assert hold.WhichOneof("result") == urgent.WhichOneof("result") == "accepted"
    assert drop.suppressed.reason == notification_pb2.REASON_BACKLOG
    [later] = await caller.submit(
        request("later", if_not_now=BACK, not_before=stamp(now() + MINUTE), not_after=stamp(now() + 60 * MINUTE))
    )
    assert later.WhichOneof("result") == "accepted"
    asked = service_pb2.GetStoryRequest(account_id="main", request_id="back")
    [story] = (await caller.stub.GetStory(asked)).stories
    [told] = [entry for entry in story.entries if entry.name == "backlog"]
    assert "More than a minute of its sender's pace" in told.sentence
    assert story.notification.due_at.ToDatetime(tzinfo=datetime.UTC) == until_of(back)
    await empty(caller)
    [again] = await caller.submit(request("back", if_not_now=BACK, round=2))
    assert (again.WhichOneof("result"), again.round, again.duplicate) == ("accepted", 2, False)


async def test_without_a_pace_nothing_is_counted_and_nothing_is_handed_back(notify_database_url: str) -> None:
    configured = service.settings(notify_database_url, "http://127.0.0.1:9")
    async with service.running(configured) as (_, client):
        results = await client.submit(*(request(f"r-{n}", if_not_now=BACK) for n in range(200)))
        assert {result.WhichOneof("result") for result in results} == {"accepted"}


async def test_a_channel_that_failed_in_one_round_stays_away_in_every_later_one(
    notify_database_url: str, tmp_path: Path
) -> None:
    """Round 1: the text fails after it was accepted. Round 2: the calls are behind. Round 3 still calls, and does not text again."""
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text(yaml.safe_dump({"accounts": [{
        "id": "main", "twilio": {"account_sid": "AC" + "0" * 32, "auth_tokens": ["sandbox-token"]},
        "senders": [
            {"name": "sms", "channel": "sms", "from": "+14155550100"},
            {"name": "voice", "channel": "voice", "from": "+14155550100", "segments_per_second": 0.1},
        ],
    }]}))  # fmt: skip
    grant = consent_pb2.ConsentEvidence(
        verdict=consent_pb2.CONSENT_VERDICT_GRANTED, source="checkout", given_at=stamp(now())
    )

    def off(number: int) -> Any:
        """Somebody whose number takes no text any more."""
        return request("r-1", round=number, number="+14155550105", channels=[SMS, VOICE], if_not_now=BACK, consent_evidence=[grant])  # fmt: skip

    async with running_sandbox(SandboxSettings(listen="127.0.0.1:0", time_scale=0.05)) as sandbox:
        configured = service.settings(notify_database_url, sandbox.twilio_api_base, notify_accounts_file=accounts)
        async with service.running(configured) as (_, client):
            await client.submit(off(1))
            pull = service_pb2.PullOutcomesRequest(account_ids=["main"])
            pull.wait.FromSeconds(20)
            [first] = (await client.stub.PullOutcomes(pull)).outcomes
            assert first.kind == outcome_pb2.OUTCOME_KIND_HANDED_BACK
            assert first.handed_back.reason == notification_pb2.REASON_CHANNEL_FAILED
            await fill(client, 20, channels=[VOICE], consent_evidence=[grant])
            [second] = await client.submit(off(2))
            assert second.handed_back.reason == notification_pb2.REASON_BACKLOG
            await empty(client)
            [third] = await client.submit(off(3))
            assert (third.WhichOneof("result"), third.round) == ("accepted", 3)
            connection = await asyncpg.connect(notify_database_url)
            row = await connection.fetchrow(
                "SELECT channels, failed_channels FROM notification WHERE request_id = 'r-1'"
            )
            await connection.close()
            assert row is not None
            assert (row["channels"], row["failed_channels"]) == (["voice"], ["sms"])

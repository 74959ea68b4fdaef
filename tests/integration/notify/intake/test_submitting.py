"""What becomes of submitted requests, over gRPC and on real PostgreSQL."""

import asyncio
import datetime
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from notify.v1 import consent_pb2, notification_pb2, outcome_pb2, recipient_pb2, service_pb2, value_pb2
from notify_service.settings import Settings
from paybell_sandbox.app import RunningSandbox
from paybell_sandbox.app import running as running_sandbox
from paybell_sandbox.settings import Settings as SandboxSettings
from paybell_sandbox.twilio.network import NETWORK
from tests.integration.notify import service
from tests.integration.notify.service import Client, now, request, stamp


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    """Twilio, as the sandbox plays it."""
    async with running_sandbox(SandboxSettings(listen="127.0.0.1:0", time_scale=0.05)) as running:
        yield running


@pytest.fixture
def configured(notify_database_url: str, sandbox: RunningSandbox) -> Settings:
    """Settings of the service under test."""
    return service.settings(notify_database_url, sandbox.twilio_api_base)


@pytest.fixture
async def client(configured: Settings) -> AsyncIterator[Client]:
    """A caller of the running service."""
    async with service.running(configured) as (_, client):
        yield client


def texts(sandbox: RunningSandbox) -> list[str]:
    """What Twilio has taken, by its own account."""
    return [message["body"] for message in sandbox.app[NETWORK].judged()]


async def arrived(sandbox: RunningSandbox, count: int) -> list[str]:
    """Waits until Twilio has taken so many messages."""
    with sandbox.sandbox.watching() as changed:
        async with asyncio.timeout(10):
            while len(texts(sandbox)) < count:
                changed.clear()
                await changed.wait()
    return texts(sandbox)


async def test_a_submitted_request_arrives_at_twilio_as_one_text(client: Client, sandbox: RunningSandbox) -> None:
    [result] = await client.submit(request())
    assert result.accepted.state == notification_pb2.NOTIFICATION_STATE_QUEUED, result
    assert not result.duplicate
    [text] = await arrived(sandbox, 1)
    assert text.startswith("Acme: thank you, your payment of $49.00 has arrived.")
    assert " Ref " in text


async def test_the_same_request_fifty_times_at_once_gives_one_notification_and_fifty_equal_answers(
    client: Client, sandbox: RunningSandbox
) -> None:
    same = request()
    answers = await asyncio.gather(*(client.submit(same) for _ in range(50)))
    results = [result for [result] in answers]
    assert len({result.notification_id for result in results}) == 1
    assert sum(not result.duplicate for result in results) == 1
    assert {result.WhichOneof("result") for result in results} == {"accepted"}
    assert len(await arrived(sandbox, 1)) == 1


async def test_a_batch_has_a_result_for_each_item_in_order_and_a_bad_item_harms_no_other(client: Client) -> None:
    bad_value = request("r-2", values={})
    bad_field = request("r-3", concern="white space")
    no_number = request("r-4", number="")
    good = request("r-1")
    results = await client.submit(good, bad_value, bad_field, no_number, good)
    assert [result.WhichOneof("result") for result in results] == [
        "accepted",
        "rejected",
        "rejected",
        "suppressed",
        "accepted",
    ]
    assert results[1].rejected.field == "values.amount"
    assert results[1].rejected.remedy == "give a money"
    assert results[2].rejected.field == "concern"
    assert results[3].suppressed.reason == notification_pb2.REASON_NO_USABLE_NUMBER
    assert results[3].notification_id
    assert results[4].duplicate


async def test_equal_round_with_other_bytes_is_the_items_error_and_leaves_what_is_stored(client: Client) -> None:
    first = request("r-1", not_before=stamp(now() + datetime.timedelta(minutes=30)))
    [stored] = await client.submit(first)
    [other] = await client.submit(request("r-1", kind="another_kind"))
    assert other.rejected.field == "request_id"
    [again] = await client.submit(first)
    assert again.duplicate
    assert again.notification_id == stored.notification_id


async def test_a_next_round_is_taken_only_where_the_last_was_handed_back(client: Client, configured: Settings) -> None:
    later = stamp(now() + datetime.timedelta(minutes=30))
    await client.submit(request("r-1", not_before=later))
    [early] = await client.submit(request("r-1", round=2))
    assert early.rejected.field == "round"
    connection = await asyncpg.connect(configured.notify_database_url.get_secret_value())
    await connection.execute("UPDATE notification SET state = 'handed_back', reason = 'quiet_hours'")
    await connection.close()
    [second] = await client.submit(request("r-1", round=2, not_before=later))
    assert second.round == 2
    assert second.WhichOneof("result") == "accepted"
    [first_again] = await client.submit(request("r-1", round=1, not_before=later))
    assert (first_again.duplicate, first_again.round) == (True, 2)


async def test_a_cancel_stops_what_waits_and_refuses_what_was_true_before_it(
    client: Client, sandbox: RunningSandbox
) -> None:
    waiting = request("r-1", concern="invoice:in_1/unpaid", not_before=stamp(now() + datetime.timedelta(minutes=30)))
    [stored] = await client.submit(waiting)
    as_of = now()
    cancel = service_pb2.CancelConcernRequest(account_id="main", concern="invoice:in_1/unpaid", as_of=stamp(as_of))
    for _ in range(2):
        answer = await client.stub.CancelConcern(cancel)
        assert [(one.notification_id, one.effect) for one in answer.notifications] == [
            (stored.notification_id, service_pb2.CANCEL_EFFECT_CANCELLED)
        ]
    late = request("r-2", concern="invoice:in_1/unpaid", truth_read_at=stamp(as_of - datetime.timedelta(seconds=1)))
    fresh = request("r-3", concern="invoice:in_1/unpaid", truth_read_at=stamp(as_of + datetime.timedelta(seconds=1)))
    refused, taken = await client.submit(late, fresh)
    assert refused.suppressed.reason == notification_pb2.REASON_CONCERN_CANCELLED
    assert taken.WhichOneof("result") == "accepted"
    await arrived(sandbox, 1)


async def test_a_dry_run_shows_the_text_and_stores_nothing(client: Client, sandbox: RunningSandbox) -> None:
    [result] = await client.submit(request("r-1", dry_run=True))
    assert result.accepted.preview.text.startswith("Acme: thank you")
    assert result.accepted.preview.segments == 1
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await client.stub.GetNotification(service_pb2.GetNotificationRequest(account_id="main", request_id="r-1"))
    assert failed.value.code() is grpc.StatusCode.NOT_FOUND
    assert texts(sandbox) == []


async def test_marketing_needs_an_opt_in_and_evidence_of_one_is_enough(client: Client) -> None:
    marketing: dict[str, Any] = {
        "message_class": consent_pb2.MESSAGE_CLASS_MARKETING,
        "lane": notification_pb2.LANE_MARKETING,
    }
    evidence = consent_pb2.ConsentEvidence(
        verdict=consent_pb2.CONSENT_VERDICT_GRANTED, source="checkout", wording="Text me offers", wording_version="3",
        given_at=stamp(now()), classes=[consent_pb2.MESSAGE_CLASS_MARKETING], channels=[recipient_pb2.CHANNEL_SMS],
    )  # fmt: skip
    [without] = await client.submit(request("r-1", **marketing))
    [with_evidence] = await client.submit(request("r-2", consent_evidence=[evidence], **marketing))
    assert without.suppressed.reason == notification_pb2.REASON_NO_CONSENT
    assert with_evidence.WhichOneof("result") == "accepted"


async def test_a_story_tells_checks_attempts_and_receipts_without_number_or_text(
    client: Client, sandbox: RunningSandbox
) -> None:
    [result] = await client.submit(request("r-1"))
    await arrived(sandbox, 1)
    asked = service_pb2.GetStoryRequest(account_id="main", notification_id=result.notification_id)
    async with asyncio.timeout(10):
        while True:
            [story] = (await client.stub.GetStory(asked)).stories
            if story.attempts and story.attempts[0].state == "accepted":
                break
    assert [entry.name for entry in story.entries][:6] == [
        "request",
        "concern",
        "number",
        "country",
        "consent",
        "template",
    ]
    assert "4155552671" not in str(story)
    assert "thank you" not in str(story)
    assert story.notification.masked_number == "••••71"


async def test_outcomes_are_given_until_acknowledged(client: Client) -> None:
    await client.submit(request("r-1", number="+14155550114"))  # a landline, by the sandbox's word
    pull = service_pb2.PullOutcomesRequest(account_ids=["main"])
    pull.wait.FromSeconds(10)
    [outcome] = (await client.stub.PullOutcomes(pull)).outcomes
    assert outcome.kind == outcome_pb2.OUTCOME_KIND_ENDED
    assert outcome.ended.state == notification_pb2.NOTIFICATION_STATE_FAILED
    assert outcome.request_id == "r-1"
    reference = service_pb2.OutcomeRef(account_id="main", outcome_id=outcome.outcome_id)
    for _ in range(2):
        await client.stub.AckOutcomes(service_pb2.AckOutcomesRequest(outcomes=[reference]))
    assert not (await client.stub.PullOutcomes(service_pb2.PullOutcomesRequest(account_ids=["main"]))).outcomes


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request_id": ""}, "request_id"),
        ({"round": 0}, "round"),
        ({"account_id": "nobody"}, "account_id"),
        ({"kind": "Not A Kind"}, "kind"),
        ({"channels": []}, "channels"),
        ({"lane": 0}, "lane"),
        ({"message_class": 0}, "message_class"),
        ({"template": "unknown_template"}, "template"),
        ({"not_after": Timestamp()}, None),
        ({"values": {"amount": value_pb2.Value(text=value_pb2.Text(text="49"))}}, "values.amount"),
        (
            {"values": {"amount": value_pb2.Value(money=value_pb2.Money(currency="usd"))}},
            "values.amount.money.currency",
        ),
        ({"traceparent": "yes"}, "traceparent"),
    ],
)
async def test_a_wrong_field_is_named_with_a_remedy(client: Client, change: dict[str, Any], field: str | None) -> None:
    [result] = await client.submit(request("r-1", **change))
    if field is None:
        assert result.suppressed.reason == notification_pb2.REASON_EXPIRED
    else:
        assert (result.rejected.field, bool(result.rejected.reason), bool(result.rejected.remedy)) == (
            field,
            True,
            True,
        )


async def test_malformed_and_oversized_messages_get_a_clean_status(client: Client) -> None:
    submit: Any = client.channel.unary_unary("/notify.v1.NotificationService/SubmitNotifications")
    with pytest.raises(grpc.aio.AioRpcError) as malformed:
        await submit(b"\xff\xff +14155552671")
    assert malformed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert malformed.value.details() == "the message is not what notify.v1 says it is"
    with pytest.raises(grpc.aio.AioRpcError) as oversized:
        await submit(b"\x0a" * (1024 * 1024 + 1))
    assert oversized.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    with pytest.raises(grpc.aio.AioRpcError) as many:
        await client.submit(*(request(f"r-{number}") for number in range(501)))
    assert many.value.code() is grpc.StatusCode.INVALID_ARGUMENT

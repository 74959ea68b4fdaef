"""The story tells what became of each event, with reasons, also of those that made no message."""

import json
from datetime import UTC, timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ingest_service.edge.console_http import make_app
from ingest_service.planning import plans
from ingest_service.story.telling import Key, Telling, guess
from ingest_service.story.why import why
from ingest_service.submitting.notify_client import NotifyClient
from notify.v1.notification_pb2 import Notification, NotificationState, Reason
from notify.v1.service_pb2 import GetStoryResponse, SubmitResult
from notify.v1.story_pb2 import Stage, Story, StoryEntry, Verdict
from tests.integration.ingest.planning.rows import ACCOUNT, AT, Side
from tests.integration.ingest.planning.standin import Standin

Notify = tuple[Standin, NotifyClient]
SID = "SM" + "0" * 32


async def event(
    side: Side,
    event_id: str,
    type_: str,
    *,
    state: str = "folded",
    reason: str | None = None,
    fact: str | None = None,
    effect: str = "created",
) -> None:
    await side.pool.execute(
        "INSERT INTO event (account_id, event_id, type, lane, source, created_at, received_on, business_at, state, reason)"
        " VALUES ($1, $2, $3, 2, 'webhook', $4, '2026-11-23', $4, $5, $6)",
        ACCOUNT, event_id, type_, side.clock.now(), state, reason,
    )  # fmt: skip
    if fact is not None:
        await side.pool.execute("INSERT INTO fact_event VALUES ($1, $2, $3, $4)", ACCOUNT, fact, event_id, effect)


def notify_story(request_id: str) -> GetStoryResponse:
    entry = StoryEntry(
        stage=Stage.STAGE_GATE,
        verdict=Verdict.VERDICT_PASSED,
        name="consent",
        sentence="The customer gave this number in the payment.",
    )
    entry.at.FromDatetime(AT + timedelta(seconds=1))
    about = Notification(
        notification_id="n",
        request_id=request_id,
        state=NotificationState.NOTIFICATION_STATE_DELIVERED,
        masked_number="••••00",
        provider_sid=SID,
    )
    return GetStoryResponse(stories=[Story(notification=about, entries=[entry])])


@pytest.fixture
async def told(side: Side, notify: Notify) -> Telling:
    """A failed payment that was submitted, told of by two events."""
    standin, client = notify
    await side.fact()
    await event(side, "evt_1", "invoice.payment_failed", fact="payment_failed:in_1:1")
    await event(side, "evt_2", "charge.failed", fact="payment_failed:in_1:1", effect="enriched")
    await side.planning().turn()
    await side.submission(client).turn()
    standin.story_answer = notify_story((await side.step())["request_id"])
    return Telling(side.pool, [ACCOUNT], client)


async def test_the_same_story_is_found_by_event_concern_request_sid_and_object(side: Side, told: Telling) -> None:
    request_id = (await side.step())["request_id"]
    stories = [await told.story(guess(key)) for key in ("evt_1", "invoice:in_1/unpaid", request_id, SID, "in_1")]
    lines = [story["lines"] for story in stories if story is not None]
    assert len(lines) == 5
    assert all(each == lines[0] for each in lines)
    assert [line["where"] for line in lines[0]] == ["event", "event", "fact", "rule", "step", "notify", "step", "step"]
    sentences = [line["sentence"] for line in lines[0]]
    assert sentences[2] == "It means: a payment fails of 42.00 USD (payment_failed:in_1:1), told by 2 events"
    assert sentences[3] == 'Rule "failed_payment" (rules 1) speaks of it to the customer: a plan was made'
    assert sentences[4].startswith("Message 1 to the customer was given to notify")
    assert sentences[5] == "The customer gave this number in the payment."


async def test_a_story_holds_no_number_and_no_name(told: Telling) -> None:
    story = json.dumps(await told.story(Key("event", "evt_1")))
    assert "4155550100" not in story
    assert "Ada" not in story


async def test_ignored_set_aside_and_pointless_events_say_why(side: Side, notify: Notify) -> None:
    _, client = notify
    await event(side, "evt_a", "plan.created", state="ignored", reason="nothing is said about events of this type")
    await event(
        side, "evt_b", "invoice.paid", state="set_aside", reason="livemode is true, this account is in test mode"
    )
    await event(side, "evt_c", "invoice.payment_failed", fact="payment_failed:in_1:1")
    async with side.pool.acquire() as conn, conn.transaction():
        await plans.settle(conn, ACCOUNT, "invoice:in_1/unpaid", AT, "evt_paid")
    await side.fact()
    await side.planning().turn()
    telling = Telling(side.pool, [ACCOUNT], client)
    became = {each["event_id"]: each["became"] for each in await telling.events(None, 50)}
    assert became == {
        "evt_a": "ignored: nothing is said about events of this type",
        "evt_b": "set aside: livemode is true, this account is in test mode",
        "evt_c": "payment_failed planned: the matter was already settled, so nothing is said",
    }
    lines = await why(telling, "evt_b")
    assert any("set aside: livemode is true" in line for line in lines)


async def test_an_event_that_settles_says_so(side: Side, told: Telling) -> None:
    await event(side, "evt_void", "invoice.voided")
    await event(side, "evt_paid", "invoice.paid", fact="payment_recovered:in_1")
    await side.fact("payment_recovered:in_1", concern="invoice:in_1/recovered")
    async with side.pool.acquire() as conn, conn.transaction():
        await plans.settle(conn, ACCOUNT, "invoice:in_1/unpaid", AT, "evt_paid")
        await plans.settle(conn, ACCOUNT, "invoice:in_2/unpaid", AT, "evt_void")
    became = {each["event_id"]: each["became"] for each in await told.events(None, 50)}
    assert became["evt_void"] == "settles invoice:in_2/unpaid"
    assert became["evt_paid"] == "payment_recovered ready; settles invoice:in_1/unpaid"
    story = await told.story(guess("evt_paid"))
    assert story is not None
    assert any("The matter invoice:in_1/unpaid is settled by evt_paid" in line["sentence"] for line in story["lines"])
    whole = await told.story(guess("in_1"))
    assert whole is not None
    assert {fact["kind"] for fact in whole["facts"]} == {"payment_failed", "payment_recovered"}


async def test_a_customer_without_a_usable_number_is_visible(side: Side, notify: Notify) -> None:
    standin, client = notify
    answer = SubmitResult()
    answer.suppressed.reason = Reason.REASON_NO_USABLE_NUMBER
    standin.answers = [answer]
    await side.fact()
    await event(side, "evt_1", "invoice.payment_failed", fact="payment_failed:in_1:1")
    await side.planning().turn()
    await side.submission(client).turn()
    telling = Telling(side.pool, [ACCOUNT], client)
    assert any(
        "Message 1 to the customer was not sent: no usable number" in line for line in await why(telling, "evt_1")
    )
    assert "1 suppressed" in (await telling.events(None, 50))[0]["became"]


@pytest.mark.usefixtures("told")
async def test_a_story_is_told_without_notify_when_it_is_down(side: Side) -> None:
    alone = Telling(side.pool, [ACCOUNT], None)
    story = await alone.story(Key("event", "evt_1"))
    assert story is not None
    assert story["notify"] == "not asked"
    assert [line["where"] for line in story["lines"]].count("notify") == 0


async def test_the_console_answers_json_and_refuses_what_it_must(told: Telling) -> None:
    async with TestClient(TestServer(make_app(told, vendor_is_played=True))) as client:
        good = await client.get("/api/story", params={"event": "evt_1"}, headers={"Origin": "http://127.0.0.1:8070"})
        assert good.status == 200
        assert good.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:8070"
        assert (await good.json())["plans"][0]["steps"][0]["notification"]["state"] == "delivered"
        assert (await client.get("/api/story", params={"event": "evt_9"})).status == 404
        assert (await client.get("/api/story")).status == 400
        listed = await (await client.get("/api/events")).json()
        assert {each["event_id"] for each in listed["events"]} == {"evt_1", "evt_2"}
        assert (await client.get("/api/events", params={"since": "yesterday"})).status == 400
        assert (await client.get("/api/events", headers={"Host": "evil.example"})).status == 403
        since = (AT + timedelta(days=3650)).astimezone(UTC).isoformat()
        assert (await (await client.get("/api/events", params={"since": since})).json())["events"] == []


async def test_the_console_is_shut_while_the_vendors_are_real(told: Telling) -> None:
    async with TestClient(TestServer(make_app(told, vendor_is_played=False))) as client:
        answer = await client.get("/api/events")
        assert answer.status == 403
        assert "no sign-in" in (await answer.json())["error"]

"""Several accounts in one pair: test, live and connected, two Twilio accounts, the same Stripe ids and the same phone. Nothing leaks."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from notify.v1 import consent_pb2, notification_pb2, recipient_pb2
from paybell_sandbox.stripe import STRIPE
from paybell_sandbox.stripe.accounts import DEFAULT_ACCOUNT
from paybell_sandbox.twilio.network import NETWORK
from tests.e2e.accounts import (
    BROKEN,
    CONNECTED,
    LINKED,
    LIVE,
    MAIN,
    THREE,
    Business,
    Files,
    hanging_for,
    twilio_accounts,
    written,
)
from tests.e2e.pair import Pair, phone, running_pair, until
from tests.integration.notify.service import Client, now, request

DAY = 86_400


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The accounts files of both services."""
    return written(tmp_path)


@pytest.fixture
async def pair(ingest_database_url: str, notify_database_url: str, files: Files) -> AsyncIterator[Pair]:
    """Both services with four accounts; the fourth one's credentials are refused everywhere, and Stripe never answers it."""
    async with running_pair(
        ingest_database_url,
        notify_database_url,
        ingest={"ingest_accounts_file": files.ingest},
        notify={"notify_accounts_file": files.notify},
        sandbox={"twilio_more_accounts": twilio_accounts()},
        stripe_seen_through=lambda api_base: hanging_for(BROKEN.api_key, api_base),
    ) as pair:
        yield pair


async def happens(pair: Pair, story: str, one: Business, seed: str = "same", **given: Any) -> dict[str, str]:
    """Something happens in an account, with the same ids in each, and is told at its path."""
    ids, events = pair.play(story, seed=seed, **given, **one.whose)
    await pair.post_all(events, path=one.path, secret=one.secret)
    return ids


def sent(pair: Pair, to: str) -> dict[str, list[str]]:
    """Sender to the texts that came from there."""
    found: dict[str, list[str]] = {}
    for text in pair.box.app[NETWORK].judged():
        if text["direction"] == "outbound-api" and text["to"] == to:
            found.setdefault(text["from"], []).append(text["body"])
    return found


async def reply(pair: Pair, sender: str, to: str, body: str) -> None:
    """Somebody writes back."""
    given = {"from": sender, "to": to, "body": body}
    async with pair.http.post(f"{pair.box.url}/sandbox/inbound", json=given) as answer:
        assert answer.status == 201, await answer.text()
    await pair.box.app[NETWORK].until_quiet()

    async def handled() -> bool:
        return not await pair.notify_pool.fetchval(
            "SELECT count(*) FROM inbound WHERE account_id = ANY($1) AND state IN ('received', 'undated')",
            pair.accounts,
        )

    await until(handled, 10)


async def may_write(pair: Pair, one: Business, to: str, channel: "recipient_pb2.Channel.ValueType") -> str:
    """What notify says of a message to a colleague on this channel: "accepted", or the reason why not."""
    recipient = recipient_pb2.Recipient(
        person_id="team:1", role=recipient_pb2.RECIPIENT_ROLE_TEAM, addresses=[recipient_pb2.CandidateAddress(number=to, source="test")]
    )  # fmt: skip
    wanted = request(
        "may-1", moment=now() + timedelta(seconds=pair.offset), account_id=one.name, dry_run=True, channels=[channel],
        recipient=recipient, message_class=consent_pb2.MESSAGE_CLASS_TEAM,
    )  # fmt: skip
    async with grpc.aio.insecure_channel(f"127.0.0.1:{pair.notify.grpc_port}") as line:
        [result] = await Client(line).submit(wanted)
    kind = result.WhichOneof("result")
    return notification_pb2.Reason.Name(result.suppressed.reason) if kind == "suppressed" else str(kind)


async def test_each_fact_is_told_once_by_its_own_account_from_its_own_sender_in_its_own_words(pair: Pair) -> None:
    to = phone()
    ids = [await happens(pair, "renewal_fails", one, phone=to) for one in THREE]
    assert ids[0] == ids[1] == ids[2]
    await pair.quiet()
    told = sent(pair, to)
    assert set(told) == {one.sender for one in THREE}
    for one in THREE:
        [text] = told[one.sender]
        assert text.startswith(one.words), text
    accounts = {text.from_: text.account_sid for text in pair.box.app[NETWORK].messages.values() if text.to == to}
    assert accounts == {one.sender: one.twilio for one in THREE}

    await pair.advance(3 * DAY + 60)  # live's own rules have no reminder
    await pair.quiet()
    assert {sender: len(texts) for sender, texts in sent(pair, to).items()} == {
        MAIN.sender: 2,
        LIVE.sender: 1,
        LINKED.sender: 2,
    }
    looks = {
        (entry.account, entry.livemode, entry.answer)
        for entry in pair.box.app[STRIPE].api.log.entries
        if entry.path == f"/v1/invoices/{ids[0]['invoice']}"
    }
    assert looks == {(DEFAULT_ACCOUNT, False, 200), (CONNECTED, False, 200)}


async def test_limits_and_teams_are_each_accounts_own(pair: Pair, files: Files) -> None:
    for one in THREE:
        await happens(pair, "purchase", one, phone=phone(), amount=5_000)
    await pair.quiet()
    [(sender, [text])] = sent(pair, files.sales).items()
    assert sender == LIVE.sender
    assert text.startswith("Nordlicht")


async def test_a_stop_to_one_accounts_sender_stops_all_its_channels_and_no_other_account(pair: Pair) -> None:
    to = phone()
    sms, voice = recipient_pb2.CHANNEL_SMS, recipient_pb2.CHANNEL_VOICE
    for one in THREE:
        await happens(pair, "renewal_fails", one, phone=to)
    await pair.quiet()
    await reply(pair, to, LINKED.sender, "STOP")
    verdicts = {one.name: [await may_write(pair, one, to, channel) for channel in (sms, voice)] for one in THREE}
    assert verdicts == {"main": ["accepted"] * 2, "live": ["accepted"] * 2, "connected": ["REASON_OPTED_OUT"] * 2}

    # neither a word to another account's sender nor one to its neighbour at Twilio opens it again
    for other in (MAIN, LIVE):
        await reply(pair, to, other.sender, "START")
    assert await may_write(pair, LINKED, to, sms) == "REASON_OPTED_OUT"
    await pair.advance(3 * DAY + 60)
    await pair.quiet()
    assert {sender: len(texts) for sender, texts in sent(pair, to).items()} == {
        MAIN.sender: 2,
        LIVE.sender: 1,
        LINKED.sender: 1,
    }
    pair.box.sandbox.clock.offset = pair.offset
    await reply(pair, to, LINKED.sender, "START")  # opens its own channel again, for what it concerned
    await happens(pair, "purchase", LINKED, seed="later", phone=to)
    await pair.quiet()
    assert len(sent(pair, to)[LINKED.sender]) == 2
    assert await may_write(pair, LINKED, to, voice) == "REASON_OPTED_OUT"


async def test_an_event_at_another_accounts_path_is_refused_or_set_aside_and_told_to_nobody(pair: Pair) -> None:
    to = phone()
    _, events = pair.play("renewal_fails", phone=to, **LIVE.whose)
    assert {await pair.post(event, path=MAIN.path, secret=LIVE.secret) for event in events} == {400}
    for other in (MAIN, LINKED):
        await pair.post_all(events, path=other.path, secret=other.secret)
    _, theirs = pair.play("renewal_fails", phone=to, **LINKED.whose)
    for other in (MAIN, LIVE):
        await pair.post_all(theirs, path=other.path, secret=other.secret)
    await pair.quiet()
    rows = await pair.ingest_pool.fetch("SELECT DISTINCT account_id, state FROM event ORDER BY 1, 2")
    assert [tuple(row) for row in rows] == [(name, "set_aside") for name in ("connected", "live", "main")]
    assert sent(pair, to) == {}


async def test_a_story_of_one_account_never_shows_another_ones(pair: Pair) -> None:
    to = phone()
    ids = [await happens(pair, "renewal_fails", one, phone=to) for one in THREE]
    await pair.quiet()
    concern = f"invoice:{ids[0]['invoice']}/unpaid"
    sids = {text["from"]: text["sid"] for text in pair.box.app[NETWORK].judged() if text["to"] == to}
    for one in THREE:
        told = await pair.story(concern=concern, account=one.name)
        assert told["account"] == one.name
        shown = str(told)
        assert sids[one.sender] in shown
        assert not any(sids[other.sender] in shown for other in THREE if other is not one)
        assert "lines" in await pair.story(sid=sids[one.sender], account=one.name)
        for other in THREE:
            if other is not one:
                nothing = await pair.story(sid=sids[one.sender], account=other.name)
                assert "Nothing is known" in nothing["error"]
    assert "Nothing is known" in (await pair.story(concern=concern, account="nobody"))["error"]


@pytest.mark.timeout(120)
async def test_an_account_whose_credentials_are_refused_and_whose_stripe_hangs_slows_nobody_else(pair: Pair) -> None:
    async def seconds_until_told() -> float:
        to, began = phone(), time.monotonic()
        for one in (MAIN, LINKED):
            await happens(pair, "purchase", one, seed=to, phone=to)

        async def both() -> bool:
            return len(sent(pair, to)) == 2

        await until(both, 15)
        return time.monotonic() - began

    usual = await seconds_until_told()
    for _ in range(30):  # each is held, and Stripe is asked about it in vain
        _, events = pair.play("renewal_fails", phone=phone(), **BROKEN.whose)
        _, more = pair.play("purchase", phone=phone(), **BROKEN.whose)
        await pair.post_all([*events, *more], path=BROKEN.path, secret=BROKEN.secret)

    async with grpc.aio.insecure_channel(f"127.0.0.1:{pair.notify.grpc_port}") as line:
        await Client(line).submit(*(request(f"r-{number}", account_id=BROKEN.name) for number in range(30)))
    during = max(await asyncio.gather(*(seconds_until_told() for _ in range(3))))
    assert during < usual + 4.0, (usual, during)
    waiting = await pair.ingest_pool.fetchval(
        "SELECT count(*) FROM fact WHERE account_id = 'broken' AND state IN ('held', 'looking_up')"
    )
    assert waiting > 0
    queued = await pair.notify_pool.fetchval(
        "SELECT count(*) FROM notification WHERE account_id = 'broken' AND state = 'queued'"
    )
    assert queued > 0
    assert not any(BROKEN.brand in text for text in pair.texts())
    async with pair.http.get(f"http://127.0.0.1:{pair.notify.admin_port}/metrics") as answer:
        submitted = [line for line in (await answer.text()).splitlines() if line.startswith("notify_submitted_total")]
    assert {name for name in ("main", "connected", "broken") if any(f'"{name}"' in line for line in submitted)} == {
        "main",
        "connected",
        "broken",
    }
    metrics = await pair.metrics()
    assert 'ingest_steps_total{account_id="main"' in metrics


async def test_an_answer_to_one_accounts_question_acts_there_and_nowhere_else(pair: Pair) -> None:
    """Two accounts ask one phone about a payment of the same id; the answer goes to one of them."""
    to = phone()
    codes: dict[str, str] = {}
    for one in (MAIN, LINKED):
        await happens(pair, "purchase", one, phone=to)
        await happens(pair, "review_opened", one, introduce=True)

        async def asked(one: Business = one) -> bool:
            return any("Was it you?" in text for text in sent(pair, to).get(one.sender, []))

        await until(asked, 30)
        [question] = [text for text in sent(pair, to)[one.sender] if "Was it you?" in text]
        found = re.search(r"YES (\d{6})", question)
        assert found is not None, question
        codes[one.name] = found[1]
    assert len(set(codes.values())) == len(codes)

    # the code of one account is worth nothing at the number of another
    await reply(pair, to, MAIN.sender, f"no {codes['connected']}")
    await pair.quiet()
    assert acted(pair) == []
    await reply(pair, to, LINKED.sender, f"no {codes['connected']}")

    async def refunded() -> bool:
        return bool(acted(pair))

    await until(refunded, 30)
    await pair.quiet()
    assert acted(pair) == [("refunds.create", CONNECTED, False)]


def acted(pair: Pair) -> list[tuple[str, str, bool]]:
    """What Stripe was asked to do about money and reviews, and in which account and mode."""
    made = pair.box.app[STRIPE].api.log.found(method="POST")
    acts = ("refunds.create", "reviews.approve", "payment_intents.cancel")
    return [(one["operation"], one["account"], one["livemode"]) for one in made if one["operation"] in acts]

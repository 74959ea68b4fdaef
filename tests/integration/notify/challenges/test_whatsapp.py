"""WhatsApp: approved words outside its 24 hours, our own inside, another channel where there are none; and buttons that answer."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.notify.challenges.house import (
    CODED,
    CONFIRMED,
    OURS,
    OURS_TOO,
    PHONE,
    SMS,
    WHATSAPP,
    House,
    code_in,
    house,
)

CONTENT = "HX" + "c" * 32
HIM = f"whatsapp:{PHONE}"
US = f"whatsapp:{OURS}"


@pytest.fixture
def approved(tmp_path: Path) -> dict[str, Any]:
    """An account with one approved template."""
    entry = {
        "id": "main", "brand": "Acme", "twilio": {"account_sid": "AC" + "0" * 32, "auth_tokens": ["sandbox-token"]},
        "senders": [
            {"name": "sms", "channel": "sms", "from": OURS}, {"name": "voice", "channel": "voice", "from": OURS},
            {"name": "whatsapp", "channel": "whatsapp", "from": OURS},
        ],
        "whatsapp_templates": [
            {"template": "check", "language": "en", "content_sid": CONTENT, "variables": ["brand", "amount", "code", "reference"]}
        ],
    }  # fmt: skip
    path = tmp_path / "accounts.yaml"
    path.write_text(yaml.safe_dump({"accounts": [entry]}))
    return {"notify_accounts_file": path}


async def forms(h: House) -> list[dict[str, str]]:
    """What was asked of the provider for WhatsApp."""
    async with h.http.get(f"{h.box.url}/sandbox/requests") as got:
        requests = (await got.json())["requests"]
    found = [
        dict(one["form"]) for one in requests if one["path"].endswith("/Messages.json") and one["method"] == "POST"
    ]
    return [form for form in found if form["To"].startswith("whatsapp:")]


async def test_outside_its_day_whatsapp_gets_the_approved_words_with_code_and_reference(
    notify_database_url: str, approved: dict[str, Any]
) -> None:
    async with house(notify_database_url, **approved) as h:
        asking = h.question(channels=[WHATSAPP])
        await h.client.submit(asking)
        await h.text_of(asking.request_id)
        [form] = await forms(h)
        assert form["ContentSid"] == CONTENT
        assert "Body" not in form
        variables = json.loads(form["ContentVariables"])
        assert (variables["1"], variables["2"]) == ("Acme", "$49.00")
        await h.reply("Yes, it was me", sender=HIM, to=US, button=f"YES {variables['3']}")
        decision = await h.decision()
        assert (decision.answer, decision.strength, decision.channel) == (CONFIRMED, CODED, WHATSAPP)


async def test_within_a_day_of_the_persons_word_it_gets_our_own(
    notify_database_url: str, approved: dict[str, Any]
) -> None:
    async with house(notify_database_url, **approved) as h:
        await h.client.submit(h.question("ch-0", channels=[SMS]))  # so that the number is known
        await h.wait_for(1, to=PHONE)
        await h.reply("hello", sender=HIM, to=US)
        asking = h.question(channels=[WHATSAPP])
        await h.client.submit(asking)
        assert code_in((await h.text_of(asking.request_id))["body"])
        await h.move_clock(datetime.timedelta(hours=25))
        late = h.question("ch-2", channels=[WHATSAPP])
        late.challenge.answer_by.FromDatetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=30))
        late.not_after.FromDatetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=30))
        await h.client.submit(late)
        await h.text_of(late.request_id)
        assert [("Body" in form, "ContentSid" in form) for form in await forms(h)] == [(True, False), (False, True)]


async def test_without_approved_words_it_falls_back_before_any_call(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        asking = h.question(channels=[WHATSAPP, SMS])
        await h.client.submit(asking)
        text = await h.text_of(asking.request_id)
        assert text["kind"] == "sms"
        assert await forms(h) == []
        row = await h.pool.fetchrow("SELECT channels, failed_channels FROM notification")
        assert row is not None
        assert (row["channels"], row["failed_channels"]) == (["sms"], ["whatsapp"])
        checks = await h.pool.fetchval("SELECT checks FROM gate_check")
        assert "WhatsApp takes words of our own only within 24 hours" in checks


async def test_without_approved_words_and_another_channel_it_fails_and_nobody_was_asked(
    notify_database_url: str,
) -> None:
    async with house(notify_database_url) as h:
        await h.client.submit(h.question(channels=[WHATSAPP]))
        assert (await h.decision()).challenge_id == "ch-1"
        row = await h.pool.fetchrow("SELECT state, reason FROM notification")
        assert row is not None
        assert (row["state"], row["reason"]) == ("failed", "request_refused")
        assert await forms(h) == []


async def test_whoever_answers_from_an_old_whatsapp_id_answers_what_their_number_was_asked(
    notify_database_url: str, approved: dict[str, Any]
) -> None:
    """WhatsApp keeps the ids of before 2019: +52 55… is written to, and +521 55… writes."""
    async with house(notify_database_url, **approved) as h:
        asking = h.question(channels=[WHATSAPP], number="+525512345678")
        await h.client.submit(asking)
        await h.text_of(asking.request_id)
        [form] = await forms(h)
        code = json.loads(form["ContentVariables"])["3"]
        await h.reply(f"si {code}", sender="whatsapp:+5215512345678", to=US)
        assert (await h.decision()).answer == CONFIRMED


async def test_the_day_of_words_of_our_own_is_one_of_each_sender(
    notify_database_url: str, approved: dict[str, Any]
) -> None:
    """Who wrote to one of our numbers has opened WhatsApp's window for that one, and for no other."""
    file = approved["notify_accounts_file"]
    accounts = yaml.safe_load(file.read_text())
    accounts["accounts"][0]["senders"].append(
        {"name": "brand", "channel": "whatsapp", "from": OURS_TOO, "scope": "brand"}
    )
    file.write_text(yaml.safe_dump(accounts))
    async with house(notify_database_url, **approved) as h:
        await h.client.submit(h.question("ch-0", channels=[SMS]))  # so that the number is known
        await h.wait_for(1, to=PHONE)
        await h.reply("hello", sender=HIM, to=f"whatsapp:{OURS_TOO}")
        for challenge_id, scope in (("ch-1", ""), ("ch-2", "brand")):
            asking = h.question(challenge_id, channels=[WHATSAPP], sender_scope=scope)
            await h.client.submit(asking)
            await h.text_of(asking.request_id)
        found = {form["From"]: "Body" in form for form in await forms(h)}
        assert found == {US: False, f"whatsapp:{OURS_TOO}": True}

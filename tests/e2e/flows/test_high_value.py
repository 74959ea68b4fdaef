"""High-value alerts: from Stripe's event to the sales phone, to the next person, to the webhook of whoever takes it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.pair import Pair, phone, running_pair, until
from tests.integration.ingest.webhooks.receiver import Receiver, receiving

MINUTE = 60
SECRET = "for those who are called"
SHIPPED = Path(__file__).parents[3] / "ingest-service" / "rules.yaml"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody's fulfilment."""
    async with receiving() as one:
        yield one


@pytest.fixture
def team() -> list[str]:
    """Two people of sales."""
    return [phone(), phone()]


@pytest.fixture
async def pair(
    ingest_database_url: str,
    notify_database_url: str,
    tmp_path: Path,
    receiver: Receiver,
    team: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Pair]:
    """The pair with the shipped rules, two people in sales and the line of the webhook in force."""
    monkeypatch.setenv("INGEST_WEBHOOK_FULFILMENT_SECRET", SECRET)
    people = f'[{{name: Ada, number: "{team[0]}"}}, {{name: Bob, number: "{team[1]}"}}]'
    text = re.sub(r"  sales: .*", f"  sales: {{members: {people}}}", SHIPPED.read_text(), count=1)
    text = text.replace("    # answers: [", "    answers: [")
    text += f'\nwebhooks: {{fulfilment: {{url: "{receiver.url()}", secret_env: INGEST_WEBHOOK_FULFILMENT_SECRET}}}}\n'
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    async with running_pair(ingest_database_url, notify_database_url, ingest={"ingest_rules_file": file}) as running:
        yield running


async def reply(pair: Pair, sender: str, text: str) -> None:
    """Somebody answers by text."""
    body = {"from": sender, "to": "+14155550100", "body": text}
    async with pair.http.post(f"{pair.box.url}/sandbox/inbound", json=body) as answer:
        assert answer.status == 201, await answer.text()


async def test_the_next_one_is_asked_where_nobody_acknowledges_and_who_does_stops_it_and_calls_the_webhook(
    pair: Pair, team: list[str], receiver: Receiver
) -> None:
    buyer = phone()
    ids, events = pair.play("purchase", phone=buyer, amount=750_000)
    await pair.post_all(events)
    await pair.quiet()
    [asked] = pair.texts(team[0])
    assert "$7,500.00 came in" in asked
    assert "Reply YES" in asked
    assert pair.texts(team[1]) == []
    await pair.advance(16 * MINUTE)
    await pair.quiet()
    assert len(pair.texts(team[0])) == len(pair.texts(team[1])) == 1
    await reply(pair, team[1], "Yes")

    async def called() -> bool:
        return bool(receiver.got)

    await until(called, 30)
    [got] = receiver.got
    assert ids["payment_intent"] in got.body.decode()
    assert "Paybell-Signature" in got.headers
    assert not any(number in got.body.decode() for number in (*team, buyer))
    await pair.advance(3 * 60 * MINUTE)
    await pair.quiet()
    assert len(receiver.got) == 1
    assert len(pair.texts(team[0])) == 1
    assert any("thank you for your purchase" in text for text in pair.texts(buyer))
    story = await pair.story(kind="object", id=ids["payment_intent"])
    told = [line["sentence"] for line in story["lines"]]
    assert "It was acknowledged: the answer was yes" in told
    assert "The webhook fulfilment was called" in told


async def test_the_team_hears_what_was_charged_where_the_buyer_saw_another_currency(
    pair: Pair, team: list[str], receiver: Receiver
) -> None:
    buyer = phone()
    _, events = pair.play(
        "purchase", phone=buyer, amount=750_000, presentment_currency="eur", presentment_amount=690_000
    )
    await pair.post_all(events)
    await pair.quiet()
    [thanked], [asked] = pair.texts(buyer), pair.texts(team[0])
    assert "6,900.00" in thanked
    assert "$7,500.00 came in" in asked
    await reply(pair, team[0], "yes")

    async def called() -> bool:
        return bool(receiver.got)

    await until(called, 30)
    told = json.loads(receiver.got[0].body)
    assert (told["amount"], told["exponent"], told["currency"]) == (750_000, 2, "usd")


@pytest.mark.parametrize("said", ["yes {code}", "OK", "{code}"])
async def test_the_first_one_may_acknowledge_and_the_next_one_hears_nothing(
    pair: Pair, team: list[str], said: str
) -> None:
    _, events = pair.play("purchase", phone=phone(), amount=750_000)
    await pair.post_all(events)
    await pair.quiet()
    [asked] = pair.texts(team[0])
    code = re.search(r"Reply YES (\d{4})", asked)
    assert code is not None
    await reply(pair, team[0], said.format(code=code[1]))

    async def settled() -> bool:
        found: int = await pair.ingest_pool.fetchval(
            "SELECT count(*) FROM concern WHERE part_of IS NOT NULL AND state = 'settled'"
        )
        return found == 1

    await until(settled, 30)
    await pair.advance(60 * MINUTE)
    await pair.quiet()
    assert pair.texts(team[1]) == []

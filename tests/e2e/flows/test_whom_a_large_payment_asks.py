"""Who hears of a large payment first, and how a call is answered: from Stripe's event to the phone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.pair import ACACIA, ENDIVE, Pair, phone, running_pair, until

SHIPPED = Path(__file__).parents[3] / "ingest-service" / "rules.yaml"


@pytest.fixture
def team() -> list[str]:
    """Two people of sales."""
    return [phone(), phone()]


@pytest.fixture
async def pair(
    ingest_database_url: str, notify_database_url: str, tmp_path: Path, team: list[str], request: pytest.FixtureRequest
) -> AsyncIterator[Pair]:
    """The pair with the shipped rules and two people in sales, who are called where a test asks for it."""
    people = f'[{{name: Ada, number: "{team[0]}"}}, {{name: Bob, number: "{team[1]}"}}]'
    text = re.sub(r"  sales: .*", f"  sales: {{members: {people}}}", SHIPPED.read_text(), count=1)
    channels = getattr(request, "param", "sms")
    text = text.replace(
        "channels: [sms], template: team_high_value", f"channels: [{channels}], template: team_high_value"
    )
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    async with running_pair(
        ingest_database_url, notify_database_url, ingest={"ingest_rules_file": file},
        notify={"twilio_voice_from": "+14155550100"},
    ) as running:  # fmt: skip
        yield running


@pytest.mark.parametrize("version", [ACACIA, ENDIVE])
async def test_the_account_executive_whom_the_customers_metadata_names_is_asked_first(
    pair: Pair, team: list[str], version: str
) -> None:
    metadata = {"account_executive": "bob"}
    _, events = pair.play("purchase", version=version, phone=phone(), amount=750_000, metadata=metadata)
    await pair.post_all(events)
    await pair.quiet()
    [asked] = pair.texts(team[1])
    assert "$7,500.00 came in" in asked
    assert pair.texts(team[0]) == []
    await pair.advance(16 * 60)
    await pair.quiet()
    assert len(pair.texts(team[0])) == 1


@pytest.mark.parametrize("pair", ["voice"], indirect=True)
async def test_a_key_that_is_pressed_in_a_call_takes_the_payment_and_calls_nobody_else(
    pair: Pair, team: list[str]
) -> None:
    _, events = pair.play("purchase", phone=phone(), amount=750_000)
    await pair.post_all(events)

    async def calls(to: str, **query: str) -> list[dict[str, object]]:
        async with pair.http.get(f"{pair.box.url}/sandbox/messages", params={"kind": "call", "to": to} | query) as got:
            return list((await got.json())["messages"])

    async def rings() -> bool:
        return bool(await calls(team[0], status="ringing"))

    await until(rings, 30)
    [call] = await calls(team[0])
    act = f"{pair.box.url}/sandbox/calls/{call['sid']}"
    async with pair.http.post(f"{act}/answer", json={}) as got:
        assert got.status == 200, await got.text()

    async def listens() -> bool:
        return bool((await calls(team[0]))[0]["listening"])

    await until(listens, 30)
    assert "7,500" in " ".join(str(words) for words in (await calls(team[0]))[0]["said"])  # type: ignore[attr-defined]
    async with pair.http.post(f"{act}/press", json={"digits": "1"}) as got:
        assert got.status == 200, await got.text()

    async def settled() -> bool:
        found: int = await pair.ingest_pool.fetchval(
            "SELECT count(*) FROM concern WHERE part_of IS NOT NULL AND state = 'settled'"
        )
        return found == 1

    await until(settled, 30)
    await pair.advance(16 * 60)
    await pair.quiet()
    assert await calls(team[1]) == []

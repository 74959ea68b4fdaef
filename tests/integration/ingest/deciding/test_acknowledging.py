"""Whoever acknowledges an alert ends it for the others, calls what the rules name, once, and leaves the customer's receipt alone."""

import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from ingest_service.planning import rules_store
from ingest_service.story.telling import Key, Telling
from notify.v1.notification_pb2 import Reason
from notify.v1.service_pb2 import SubmitResult, Suppressed
from tests.integration.ingest.deciding.desk import Desk

QUARTER = datetime.timedelta(minutes=15)
RULES = """
limits: {high_value: {usd: 5000}}
teams:
  sales: {members: [{name: Ada, number: "+14155550101"}, {name: Bob, number: "+14155550102"}, {name: Cy, number: "+14155550103"}]}
  finance: {members: [{name: Fi, number: "+14155550104"}]}
webhooks: {fulfilment: {url: "https://hooks.example.com/x", secret_env: INGEST_WEBHOOK_FULFILMENT_SECRET}}
flows:
  - {flow: receipt, on: payment_succeeded, steps: [{template: payment_succeeded, after: 2h}]}
  - flow: high_value
    on: payment_succeeded
    when: above.high_value
    to: team:sales
    first: customer_metadata.account_executive
    one_after_the_other: 15m
    nobody: team:finance
    answers:
      - {answer: "yes", do: [acknowledge, {call_webhook: fulfilment}]}
      - {answer: ["no", unclear, silence, unreachable], do: nothing}
    steps: [{template: team_high_value}]
"""


@pytest.fixture
async def alerts(desk: Desk, tmp_path: Path) -> Desk:
    """With these rules in force."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    async with desk.pool.acquire() as conn:
        await rules_store.apply(conn, "main", file, desk.house.sealer, by="test")
    return desk


async def bought(desk: Desk, **given: Any) -> dict[str, str]:
    """A large purchase was made and told."""
    ids = desk.play("purchase", amount=750_000, **given)
    await desk.tell()
    await desk.say()
    return ids


def numbers(desk: Desk) -> list[str]:
    """Who was asked, in order, by the last digits."""
    asked = [each for each in desk.standin.received if each.template == "team_high_value"]
    return [each.recipient.addresses[0].number[-1] for each in asked]


def challenges(desk: Desk) -> list[str]:
    """Their questions."""
    return [each.challenge.challenge_id for each in desk.standin.received if each.template == "team_high_value"]


async def pass_(desk: Desk, length: datetime.timedelta = QUARTER) -> None:
    """Lets time pass, and what is due go."""
    desk.clock.ahead += length
    await desk.say()


async def calls(desk: Desk) -> list[Any]:
    """The webhooks that are to be called."""
    return [orjson.loads(row["body"]) for row in await desk.pool.fetch("SELECT body FROM webhook_call")]


async def states(desk: Desk) -> list[str]:
    """The steps of the alert."""
    rows = await desk.pool.fetch(
        "SELECT s.state FROM step AS s JOIN plan AS p USING (account_id, plan_id) WHERE p.flow = 'high_value' ORDER BY s.number"
    )
    return [row["state"] for row in rows]


async def test_one_after_the_other_is_asked_until_one_acknowledges_and_nobody_after(alerts: Desk) -> None:
    ids = await bought(alerts)
    assert numbers(alerts) == ["1"]
    await pass_(alerts)
    assert numbers(alerts) == ["1", "2"]
    await alerts.answer("yes", "bare")
    await alerts.decide()
    await alerts.cancels()
    await pass_(alerts, 8 * QUARTER)
    assert numbers(alerts) == ["1", "2"]
    assert await states(alerts) == ["submitted", "submitted", "cancelled", "cancelled"]
    matter = f"payment:{ids['payment_intent']}/receipt_high_value"
    assert [cancel.concern for cancel in alerts.standin.cancels] == [matter]
    assert [each.concern for each in alerts.standin.received if each.template == "payment_succeeded"] == [
        f"payment:{ids['payment_intent']}/receipt"
    ]


async def test_an_acknowledgement_calls_the_webhook_once_with_ids_and_money_and_no_person(alerts: Desk) -> None:
    ids = await bought(alerts)
    await pass_(alerts)
    first, second = challenges(alerts)
    at = alerts.clock.now()
    await alerts.answer("yes", "bare", challenge_id=second, at=at)
    await alerts.answer("yes", "coded", challenge_id=first)  # at the same time
    await alerts.decide()
    await alerts.answer("yes", "coded", challenge_id=first)
    await alerts.decide()
    [told] = await calls(alerts)
    person = alerts.stripe.need(ids["customer"])
    assert told["fact"]["subject"] == ids["payment_intent"]
    assert told["fact"]["customer"] == ids["customer"]
    assert (told["amount"], told["exponent"], told["currency"], told["answer"]) == (750_000, 2, "usd", "yes")
    assert told["at"] == at.isoformat(timespec="seconds")
    assert person["phone"] not in str(told)
    assert person["name"] not in str(told)
    assert "Ada" not in str(told)


@pytest.mark.parametrize("answer", ["no", "unclear", "silence", "unreachable"])
async def test_anything_else_leaves_it_to_the_next_one(alerts: Desk, answer: str) -> None:
    await bought(alerts)
    await alerts.answer(answer, "none" if answer in ("silence", "unreachable") else "bare")
    await alerts.decide()
    await pass_(alerts)
    assert numbers(alerts) == ["1", "2"]
    assert await calls(alerts) == []
    assert alerts.standin.cancels == []
    assert {row["outcome"] for row in await alerts.pool.fetch("SELECT outcome FROM decision")} == {"nothing"}
    await alerts.answer("yes", "keypress")
    await alerts.decide()
    assert len(await calls(alerts)) == 1
    await pass_(alerts, 8 * QUARTER)
    assert numbers(alerts) == ["1", "2"]


async def test_all_are_asked_then_another_team_and_then_it_is_over(alerts: Desk) -> None:
    await bought(alerts)
    for _ in range(4):
        await pass_(alerts)
    assert numbers(alerts) == ["1", "2", "3", "4"]
    assert alerts.texts()[-1] == ("team_high_value", "nobody")
    assert len(set(challenges(alerts))) == 4
    for challenge_id in challenges(alerts):
        await alerts.answer("silence", "none", challenge_id=challenge_id)
    await alerts.decide()
    assert await calls(alerts) == []
    rows = await alerts.pool.fetch("SELECT state, outcome FROM decision")
    assert {(row["state"], row["outcome"]) for row in rows} == {("done", "nothing")}


async def test_a_yes_that_comes_late_or_after_a_no_still_counts(alerts: Desk) -> None:
    await bought(alerts)
    await alerts.answer("no", "bare")
    await alerts.decide()
    await alerts.answer("yes", "bare")
    await alerts.decide()
    assert (await alerts.decision())["outcome"] == "acknowledged"
    assert len(await calls(alerts)) == 1
    await pass_(alerts, 4 * QUARTER)
    assert numbers(alerts) == ["1"]


async def test_one_whom_notify_may_not_write_to_stops_nobody_else(alerts: Desk) -> None:
    refused = SubmitResult(suppressed=Suppressed(reason=Reason.REASON_OPTED_OUT))
    alerts.standin.answers = [refused]
    await bought(alerts)
    await alerts.answer("unreachable", "none")
    await alerts.decide()
    await pass_(alerts)
    assert numbers(alerts) == ["1", "2"]
    assert await states(alerts) == ["suppressed", "submitted", "waiting", "waiting"]


async def test_the_account_executive_is_asked_first_and_the_story_says_so(alerts: Desk) -> None:
    ids = alerts.play("purchase", amount=750_000)
    alerts.stripe.need(ids["customer"])["metadata"]["account_executive"] = "cy"
    alerts.known_since(ids["customer"])
    alerts.events[-1]["created"] = int(alerts.clock.now().timestamp())
    await alerts.tell()
    await alerts.say()
    assert numbers(alerts) == ["3"]
    telling = Telling(alerts.pool, ["main"], None)
    for key in (
        Key("object", ids["payment_intent"]),
        Key("concern", f"payment:{ids['payment_intent']}/receipt_high_value"),
    ):
        story = await telling.story(key)
        assert story is not None
        told = [line["sentence"] for line in story["lines"]]
        assert any("customer_metadata.account_executive names who is asked first" in line for line in told)
    await alerts.answer("yes", "bare")
    await alerts.decide()
    story = await telling.story(Key("object", ids["payment_intent"]))
    assert story is not None
    told = [line["sentence"] for line in story["lines"]]
    assert "It was acknowledged: the answer was yes" in told
    assert "The webhook fulfilment is to be called" in told


async def test_a_payment_below_the_limit_opens_no_matter_of_its_own(alerts: Desk) -> None:
    alerts.play("purchase", amount=4200)
    await alerts.tell()
    await alerts.say()
    assert numbers(alerts) == []
    assert await alerts.pool.fetchval("SELECT count(*) FROM concern WHERE part_of IS NOT NULL") == 0


async def test_whoever_settles_a_matter_settles_what_is_part_of_it(alerts: Desk, tmp_path: Path) -> None:
    file = tmp_path / f"{uuid4()}.yaml"
    file.write_text(
        'teams: {sales: {members: [{name: Ada, number: "+14155550101"}, {name: Bob, number: "+14155550102"}]}}\n'
        "flows: [{flow: alert, on: payment_failed, to: team:sales, one_after_the_other: 2h, steps: [{template: team_high_value}]}]\n"
    )
    async with alerts.pool.acquire() as conn:
        await rules_store.apply(conn, "main", file, alerts.house.sealer, by="test")
    alerts.play("renewal_fails")
    await alerts.tell()
    await alerts.say()
    assert numbers(alerts) == ["1"]
    alerts.play("customer_pays")
    await alerts.tell()
    await pass_(alerts, 12 * QUARTER)
    assert numbers(alerts) == ["1"]
    rows = await alerts.pool.fetch("SELECT state FROM concern WHERE part_of IS NOT NULL")
    assert [row["state"] for row in rows] == ["settled"]
    await alerts.decide()
    assert (await alerts.question())["state"] == "over"

"""The table: how the payment stands, what was answered, how surely, when, about how much; and exactly what Stripe is asked to do."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from ingest_service.database import shipped
from ingest_service.planning import rules_store
from tests.integration.ingest.deciding.desk import Desk

APPROVE = ("reviews.approve", "approve_review-1")
CAPTURE = ("payment_intents.capture", "capture-1")
CANCEL = ("payment_intents.cancel", "cancel_payment-1")
REFUND = ("refunds.create", "refund_as_fraud-1")
BLOCK = ("radar.value_list_items.create", "block_card-1")
SAFE, STOPPED, HELD = ("fraud_result", "default"), "fraud_result", ("fraud_result", "held")
MUCH = 50_001

TABLE: list[tuple[str, str, str, dict[str, Any], list[tuple[str, str]], list[tuple[str, str]]]] = [
    # standing, answer, strength, oddity, calls, texts after the question
    ("captured", "yes", "coded", {}, [APPROVE], [SAFE]),
    ("captured", "yes", "keypress", {}, [APPROVE], [SAFE]),
    ("captured", "yes", "bare", {}, [], [HELD]),
    ("captured", "no", "coded", {}, [REFUND, BLOCK], [(STOPPED, "refunded")]),
    ("captured", "no", "keypress", {}, [REFUND, BLOCK], [(STOPPED, "refunded")]),
    ("captured", "no", "bare", {}, [], [HELD]),
    ("captured", "unclear", "bare", {}, [], [HELD]),
    ("captured", "silence", "none", {}, [], []),
    ("captured", "unreachable", "none", {}, [], []),
    ("uncaptured", "yes", "coded", {}, [APPROVE], [SAFE]),
    ("uncaptured", "yes", "bare", {}, [], [HELD]),
    ("uncaptured", "no", "coded", {}, [CANCEL, BLOCK], [(STOPPED, "cancelled")]),
    ("uncaptured", "no", "bare", {}, [CANCEL], [(STOPPED, "cancelled")]),
    ("uncaptured", "silence", "none", {}, [], []),
    ("blocked", "yes", "coded", {}, [], [("fraud_result", "try_again")]),
    ("blocked", "yes", "bare", {}, [], [("fraud_result", "try_again")]),
    ("blocked", "no", "coded", {}, [BLOCK], [(STOPPED, "blocked")]),
    ("blocked", "no", "bare", {}, [], [(STOPPED, "blocked")]),
    ("blocked", "silence", "none", {}, [], []),
    ("warning", "yes", "coded", {}, [], [SAFE]),
    ("warning", "no", "coded", {}, [REFUND, BLOCK], [(STOPPED, "refunded")]),
    ("warning", "silence", "none", {}, [], []),
    # above the limit, and in a currency that has none, a person decides whatever is answered
    ("captured", "no", "coded", {"amount": MUCH}, [], [HELD]),
    ("captured", "yes", "coded", {"amount": MUCH}, [], [HELD]),
    ("uncaptured", "no", "bare", {"amount": MUCH}, [], [HELD]),
    ("captured", "no", "coded", {"currency": "sek"}, [], [HELD]),
    # after its time
    ("captured", "no", "coded", {"late": True}, [], [HELD]),
    ("uncaptured", "no", "bare", {"late": True}, [], [HELD]),
    # what happened between question and answer
    ("captured", "no", "coded", {"then": "dispute_opened"}, [], [HELD]),
    ("captured", "yes", "coded", {"then": "dispute_opened"}, [], [HELD]),
    ("captured", "no", "coded", {"then": "refund_full"}, [], []),
    ("captured", "yes", "coded", {"then": "refund_full"}, [], []),
    ("captured", "no", "coded", {"then": "refund_two_parts"}, [], [HELD]),
    ("captured", "yes", "coded", {"then": "review_closed"}, [], [SAFE]),
    ("captured", "no", "coded", {"then": "review_closed"}, [], [HELD]),
    ("uncaptured", "no", "coded", {"then": "authorisation_cancelled"}, [], [(STOPPED, "cancelled")]),
    ("uncaptured", "no", "coded", {"then": "purchase_captured"}, [REFUND, BLOCK], [(STOPPED, "refunded")]),
    ("uncaptured", "no", "bare", {"then": "purchase_captured"}, [], [HELD]),
    ("blocked", "yes", "coded", {"then": "buyer_succeeds"}, [], []),
    ("blocked", "no", "coded", {"then": "buyer_succeeds"}, [], [HELD]),
    # whose number it is
    ("captured", "yes", "coded", {"number": "with"}, [], [HELD]),
    ("captured", "no", "coded", {"number": "with"}, [REFUND, BLOCK], [(STOPPED, "refunded")]),
    ("captured", "no", "coded", {"number": "changed"}, [], [HELD]),
    ("captured", "yes", "coded", {"number": "changed"}, [], [HELD]),
    ("uncaptured", "no", "bare", {"number": "changed"}, [], [HELD]),
]  # fmt: skip


async def suspected(desk: Desk, standing: str, odd: dict[str, Any]) -> dict[str, str]:
    """A payment under suspicion, told in every event; the customer is known for long, but where the number is odd."""
    given = {name: odd[name] for name in ("amount", "currency") if name in odd}
    if standing == "blocked":
        ids = desk.play("charge_blocked", **given)
    else:
        ids = desk.play("purchase_authorised" if standing == "uncaptured" else "purchase", **given)
        ids |= desk.play("early_fraud_warning" if standing == "warning" else "review_opened")
    match odd.get("number"):
        case "with":
            pass
        case "changed":
            desk.known_since(ids["customer"], phone="+14155550199")
            desk.play("phone_changed", customer=ids["customer"])
        case _:
            desk.known_since(ids["customer"])
    await desk.tell()
    return ids


@pytest.mark.parametrize(
    ("standing", "answer", "strength", "odd", "calls", "texts"), TABLE,
    ids=["-".join([row[0], row[1], row[2], *map(str, row[3].values())]) for row in TABLE],
)  # fmt: skip
async def test_what_stripe_is_asked_to_do(
    desk: Desk, standing: str, answer: str, strength: str, odd: dict[str, Any],
    calls: list[tuple[str, str]], texts: list[tuple[str, str]],
) -> None:  # fmt: skip
    await suspected(desk, standing, odd)
    await desk.say()
    questions = [each for each in desk.texts() if each[0] == "fraud_question"]
    assert questions == [("fraud_question", standing)]
    if "then" in odd:
        desk.play(odd["then"])  # its events are still on their way when the answer comes
    late = datetime.timedelta(hours=25) if odd.get("late") else datetime.timedelta()
    before = len(desk.standin.received)
    await desk.answer(answer, strength, at=desk.clock.now() + late)
    await desk.decide()
    made = desk.writes_made()
    assert [(operation, key) for operation, key, _ in made] == calls
    said = [each for each in desk.texts()[before:] if each[0].startswith("fraud")]
    assert said == texts
    for operation, _, params in made:
        if operation == "refunds.create":
            assert (params["reason"], params["amount"]) == ("fraudulent", str((await desk.question())["amount"]))
            assert params["metadata"]["challenge_id"] == (await desk.decision())["challenge_id"]
        if operation == "payment_intents.cancel":
            assert params["cancellation_reason"] == "fraudulent"
    await desk.decide()
    assert len(desk.writes_made()) == len(calls), "a decision acts once"


async def test_what_is_held_is_taken_where_the_rules_say_so(desk: Desk, tmp_path: Path) -> None:
    line = "state: [captured, uncaptured], do: approve_review}"
    text = shipped("rules.yaml").read_text()
    assert line in text
    file = tmp_path / "rules.yaml"
    file.write_text(text.replace(line, "state: uncaptured, do: [approve_review, capture]}"))
    async with desk.pool.acquire() as conn:
        await rules_store.apply(conn, "main", file, desk.house.sealer, by="test")
    ids = await suspected(desk, "uncaptured", {})
    await desk.say()
    await desk.answer("yes")
    await desk.decide()
    assert [each[:2] for each in desk.writes_made()] == [APPROVE, CAPTURE]
    assert desk.stripe.need(ids["payment_intent"])["status"] == "succeeded"


async def test_a_charge_without_a_payment_intent_is_refunded_by_itself(desk: Desk) -> None:
    ids = desk.play("purchase") | desk.play("early_fraud_warning")
    desk.known_since(ids["customer"])
    desk.stripe.need(ids["charge"])["payment_intent"] = None
    [warning] = desk.stripe.kinds["radar.early_fraud_warning"]
    warning["payment_intent"] = None
    desk.told = len(desk.stripe.events)
    desk.stripe.emit("radar.early_fraud_warning.created", warning)
    await desk.tell()
    await desk.say()
    assert (await desk.question())["concern"] == f"payment:{ids['charge']}/fraud"
    await desk.answer("no")
    await desk.decide()
    [refund, _] = desk.writes_made()
    assert refund[2]["charge"] == ids["charge"]

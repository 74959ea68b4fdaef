"""A suspicious payment, from Stripe's review over the phone to what Stripe is asked to do: the loop closed, with the shipped rules."""

import re
from typing import Any

import pytest

from paybell_sandbox.stripe import STRIPE
from paybell_sandbox.twilio import replies
from paybell_sandbox.twilio.network import NETWORK
from tests.e2e.pair import Pair, phone, until

OURS = "+14155550100"


async def suspected(
    pair: Pair, to: str, *, bought: str = "purchase", suspicion: str = "review_opened", **given: Any
) -> tuple[dict[str, str], str]:
    """A payment that somebody doubts, and the code that the phone shows."""
    first = pair.play(bought, phone=to, amount=4_900)[1] if bought else []
    ids, doubt = pair.play(suspicion, **(given or {"introduce": True}))
    await pair.post_all(first + doubt)

    async def asked() -> bool:
        return any("Was it you?" in text for text in pair.texts(to))

    await until(asked, 30)
    await pair.quiet()  # the receipt is there too: what comes next is an answer's
    [question] = [text for text in pair.texts(to) if "Was it you?" in text]
    found = re.search(r"YES (\d{6})", question)
    assert found is not None, question
    return ids, found[1]


async def answered(pair: Pair, to: str, text: str) -> None:
    """The phone answers, and everything that follows is done."""
    before = len(pair.texts(to))
    await replies.receive(pair.box.app[NETWORK], to, OURS, text)

    async def told() -> bool:
        return len(pair.texts(to)) > before

    await until(told, 30)
    await pair.quiet()


def done_at_stripe(pair: Pair) -> list[str]:
    """What Stripe was asked to do about money and reviews."""
    made = pair.box.app[STRIPE].api.log.found(method="POST")
    acts = ("refunds.create", "reviews.approve", "payment_intents.cancel", "payment_intents.capture")
    return [one["operation"] for one in made if one["operation"] in acts]


@pytest.mark.parametrize(
    ("words", "asked", "hears"),
    [
        ("yes {code}", ["reviews.approve"], "confirmed"),
        ("NO, {code}!", ["refunds.create"], "refund"),
        ("{code} nein", ["refunds.create"], "refund"),
        ("no", [], "looking at"),
        ("yes", [], "looking at"),
    ],
)
async def test_an_answer_does_at_stripe_what_its_strength_allows(
    pair: Pair, words: str, asked: list[str], hears: str
) -> None:
    to = phone()
    _, code = await suspected(pair, to)
    await answered(pair, to, words.format(code=code))
    assert done_at_stripe(pair) == asked
    assert any(hears in text.lower() for text in pair.texts(to)), pair.texts(to)


@pytest.mark.parametrize(
    ("bought", "suspicion", "words", "asked", "hears"),
    [
        ("purchase", "early_fraud_warning", "no {code}", ["refunds.create"], "refund"),
        ("purchase", "early_fraud_warning", "yes {code}", [], "confirmed"),
        ("purchase_authorised", "review_opened", "no", ["payment_intents.cancel"], "will not be charged"),
        ("purchase_authorised", "review_opened", "yes {code}", ["reviews.approve"], "confirmed"),
        ("", "charge_blocked", "yes {code}", [], "try again"),
        ("", "charge_blocked", "no {code}", [], "stays stopped"),
    ],
)
async def test_what_is_doubted_and_how_it_stands_decide_what_an_answer_does(
    pair: Pair, bought: str, suspicion: str, words: str, asked: list[str], hears: str
) -> None:
    to = phone()
    given = {} if bought else {"phone": to}
    _, code = await suspected(pair, to, bought=bought, suspicion=suspicion, **given)
    await answered(pair, to, words.format(code=code))
    assert done_at_stripe(pair) == asked
    assert hears in pair.texts(to)[-1].lower()


async def test_silence_does_nothing_at_stripe_and_finance_hears_of_it(pair: Pair, finance: str) -> None:
    to = phone()
    await suspected(pair, to)
    await pair.advance(5 * 3_600)

    async def told() -> bool:
        return any("nobody answered in time" in text for text in pair.texts(finance))

    await until(told, 30)
    await pair.quiet()
    assert done_at_stripe(pair) == []
    assert len([text for text in pair.texts(to) if "Was it you?" in text]) == 1


async def test_yes_but_call_me_is_asked_back_once_and_then_a_persons_to_decide(pair: Pair, finance: str) -> None:
    to = phone()
    _, code = await suspected(pair, to)
    await answered(pair, to, f"yes {code} but call me")
    assert done_at_stripe(pair) == []
    assert code in pair.texts(to)[-1], "asked back, with the code"
    await answered(pair, to, "I said call me")

    async def told() -> bool:
        return bool(pair.texts(finance))

    await until(told, 30)
    assert done_at_stripe(pair) == []

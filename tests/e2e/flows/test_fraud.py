"""A suspicious payment, from Stripe's review over the phone to what Stripe is asked to do: the loop closed, with the shipped rules."""

import re
from typing import Any

import pytest

from paybell_sandbox.stripe import STRIPE
from paybell_sandbox.twilio import replies
from paybell_sandbox.twilio.network import NETWORK
from tests.e2e.pair import Pair, phone, until

OURS = "+14155550100"


async def suspected(pair: Pair, to: str, **given: Any) -> tuple[dict[str, str], str]:
    """A review of a payment, and the code that the phone shows."""
    _, bought = pair.play("purchase", phone=to, amount=4_900)
    ids, review = pair.play("review_opened", introduce=True, **given)
    await pair.post_all(bought + review)

    async def asked() -> bool:
        return any("Was it you?" in text for text in pair.texts(to))

    await until(asked, 30)
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
    return [one["operation"] for one in made if one["operation"].split(".")[0] in ("refunds", "reviews")]


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

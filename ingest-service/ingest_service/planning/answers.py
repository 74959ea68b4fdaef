"""What an answer to a question leads to: words, the limits of each action, and the choice of the first line that fits. Pure.

A question is general: who is asked, about what, and which actions its answers may have stand in the rules. What an action may never be
bound to stands here, and a rules file that breaks it is refused: nothing that moves money hangs on an answer without the code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final


class Answer(StrEnum):
    """What was answered."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"  # the person wants to talk to somebody, or wrote what cannot be read
    SILENCE = "silence"
    UNREACHABLE = "unreachable"  # the question could not be put


class Strength(StrEnum):
    """How sure it is that the person asked gave the answer."""

    NONE = "none"  # nobody answered
    BARE = "bare"  # the words alone: a sender's number can be forged
    CODED = "coded"
    KEYPRESS = "keypress"


class Standing(StrEnum):
    """How a payment stands. Rules may name the first three: about the others there is nothing left to ask."""

    UNCAPTURED = "uncaptured"
    CAPTURED = "captured"
    BLOCKED = "blocked"
    DISPUTED = "disputed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    OTHER = "other"


class Action(StrEnum):
    """What may be done about an answer."""

    APPROVE_REVIEW = "approve_review"
    CAPTURE = "capture"
    CANCEL_PAYMENT = "cancel_payment"
    REFUND_AS_FRAUD = "refund_as_fraud"
    BLOCK_CARD = "block_card"
    TELL_CUSTOMER = "tell_customer"
    ASK_TEAM = "ask_team"
    ACKNOWLEDGE = "acknowledge"
    CALL_WEBHOOK = "call_webhook"
    NOTHING = "nothing"


NAMED_STANDINGS: Final = (Standing.UNCAPTURED, Standing.CAPTURED, Standing.BLOCKED)
SURE: Final = frozenset({Strength.CODED, Strength.KEYPRESS})
GIVEN: Final = frozenset({Answer.YES, Answer.NO, Answer.UNCLEAR})
"""Answers that somebody gave; the others are the want of one."""


@dataclass(frozen=True, slots=True)
class ActionKind:
    """An action and what it may hang on; None: anything.

    Attributes:
        does: what is done, as it stands in a sentence: "refund it as fraud".
        at_stripe: whether Stripe is called.
        moves_money: whether money moves or what is held is released, so that the reply code must be the long one.
    """

    does: str
    at_stripe: bool = False
    moves_money: bool = False
    answers: frozenset[Answer] | None = None
    strengths: frozenset[Strength] | None = None
    standings: frozenset[Standing] | None = None


ACTIONS: Final[Mapping[Action, ActionKind]] = {
    Action.APPROVE_REVIEW: ActionKind(
        "approve the review", at_stripe=True, moves_money=True, answers=frozenset({Answer.YES}), strengths=SURE,
        standings=frozenset({Standing.UNCAPTURED, Standing.CAPTURED}),
    ),
    Action.CAPTURE: ActionKind(
        "take the money that is held", at_stripe=True, moves_money=True, answers=frozenset({Answer.YES}), strengths=SURE,
        standings=frozenset({Standing.UNCAPTURED}),
    ),
    Action.CANCEL_PAYMENT: ActionKind(
        "let go of the money that is held", at_stripe=True, answers=frozenset({Answer.NO, Answer.SILENCE}),
        standings=frozenset({Standing.UNCAPTURED}),
    ),
    Action.REFUND_AS_FRAUD: ActionKind(
        "refund it as fraud", at_stripe=True, moves_money=True, answers=frozenset({Answer.NO}), strengths=SURE,
        standings=frozenset({Standing.CAPTURED}),
    ),
    Action.BLOCK_CARD: ActionKind(
        "put the card on Stripe's block list", at_stripe=True, answers=frozenset({Answer.NO}), strengths=SURE,
        standings=frozenset(NAMED_STANDINGS),
    ),
    Action.TELL_CUSTOMER: ActionKind("tell the customer", answers=frozenset({Answer.YES, Answer.NO})),
    Action.ASK_TEAM: ActionKind("ask a person to decide"),
    Action.ACKNOWLEDGE: ActionKind("ask nobody else", answers=frozenset({Answer.YES})),
    Action.CALL_WEBHOOK: ActionKind("call a webhook"),
    Action.NOTHING: ActionKind("do nothing"),
}  # fmt: skip
"""A further action is a line here, a call in deciding/judging.py, and the sentence that `check` says."""


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One line of `answers:`. An empty tuple fits anything; `up_to` fits amounts of the named currencies only."""

    answers: tuple[Answer, ...]
    strengths: tuple[Strength, ...]
    standings: tuple[Standing, ...]
    up_to: Mapping[str, int] | None
    actions: tuple[Action, ...]
    line: int = 0
    webhooks: tuple[str, ...] = ()  # by name; what call_webhook calls

    def fits(self, situation: "Situation") -> bool:
        """True where every part of the line fits."""
        return (
            situation.answer in self.answers
            and (not self.strengths or situation.strength in self.strengths)
            and (not self.standings or situation.standing in self.standings)
            and within(self.up_to, situation)
        )


@dataclass(frozen=True, slots=True)
class Asks:
    """How a flow asks.

    Attributes:
        answer_within: time to answer from the moment the question is with the person.
        answer_by: the last moment, counted from the fact.
        up_to: the highest amounts (minor units) by currency that an answer may act on; None: any amount.
        each: whoever is asked has a question of their own, one after the other, until somebody says yes.
    """

    answer_within: timedelta
    answer_by: timedelta
    moves_money: bool
    up_to: Mapping[str, int] | None
    answers: tuple[AnswerLine, ...]
    each: bool = False

    def json(self) -> dict[str, Any]:
        """As a plan keeps it."""
        return {
            "answer_within": self.answer_within.total_seconds(),
            "answer_by": self.answer_by.total_seconds(),
            "moves_money": self.moves_money,
            "up_to": dict(self.up_to) if self.up_to is not None else None,
            "each": self.each,
            "answers": [
                {
                    "answer": list(line.answers), "strength": list(line.strengths), "state": list(line.standings),
                    "up_to": dict(line.up_to) if line.up_to is not None else None, "do": list(line.actions),
                    "webhooks": list(line.webhooks),
                }
                for line in self.answers
            ],
        }  # fmt: skip

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Asks":
        """The reverse."""
        return cls(
            timedelta(seconds=kept["answer_within"]),
            timedelta(seconds=kept["answer_by"]),
            kept["moves_money"],
            kept["up_to"],
            tuple(
                AnswerLine(
                    tuple(map(Answer, line["answer"])),
                    tuple(map(Strength, line["strength"])),
                    tuple(map(Standing, line["state"])),
                    line["up_to"],
                    tuple(map(Action, line["do"])),
                    webhooks=tuple(line.get("webhooks", ())),
                )
                for line in kept["answers"]
            ),
            kept.get("each", False),
        )


@dataclass(frozen=True, slots=True)
class Situation:
    """What an answer is judged by. Amount in minor units, currency as "usd"; both None where the question is about no money."""

    answer: Answer
    strength: Strength
    standing: Standing
    amount: int | None = None
    currency: str | None = None


def within(up_to: Mapping[str, int] | None, situation: Situation) -> bool:
    """Whether the amount is one that may be acted on. A currency that has no limit of its own is above it."""
    if up_to is None:
        return True
    limit = up_to.get((situation.currency or "").lower())
    return limit is not None and situation.amount is not None and situation.amount <= limit


def choose(lines: Sequence[AnswerLine], situation: Situation) -> tuple[Action, ...]:
    """The actions of the first line that fits. What no line speaks of, a person decides."""
    line = fitting(lines, situation)
    return line.actions if line is not None else (Action.ASK_TEAM,)


def fitting(lines: Sequence[AnswerLine], situation: Situation) -> AnswerLine | None:
    """The first line that fits."""
    return next((line for line in lines if line.fits(situation)), None)


ACKNOWLEDGEMENT: Final = (
    AnswerLine((Answer.YES,), (), (), None, (Action.ACKNOWLEDGE,)),
    AnswerLine((Answer.NO, Answer.UNCLEAR, Answer.SILENCE, Answer.UNREACHABLE), (), (), None, (Action.NOTHING,)),
)
"""What answers do where a team is asked one after the other, and the rules say nothing else."""


def act_at_stripe(actions: Sequence[Action]) -> bool:
    """Whether any of these calls Stripe."""
    return any(ACTIONS[action].at_stripe for action in actions)

"""What is done about an answer: the table of docs/fraud.md as a function of what was asked, what was answered and what stands. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from ingest_service.deciding.asking import Question
from ingest_service.deciding.trust import Trust
from ingest_service.folding.parse import Suspect
from ingest_service.planning.answers import (
    ACTIONS,
    GIVEN,
    Action,
    Answer,
    Situation,
    Standing,
    Strength,
    act_at_stripe,
    choose,
    fitting,
    within,
)

LATE: Final = timedelta(minutes=5)
"""So much later than the last moment an answer may have been given: notify's clock and ours are not one."""

Outcome = Literal["safe", "stopped", "acknowledged", "held", "nothing"]


@dataclass(frozen=True, slots=True)
class Call:
    """One write at Stripe: the same object, amount and key however often it is repeated."""

    action: Action
    object_id: str
    key: str
    amount: int | None = None

    def json(self) -> dict[str, Any]:
        """As the decision keeps it."""
        return {"action": self.action, "object": self.object_id, "key": self.key, "amount": self.amount}

    @classmethod
    def of_json(cls, kept: Any) -> "Call":
        """The reverse."""
        return cls(Action(kept["action"]), kept["object"], kept["key"], kept["amount"])


@dataclass(frozen=True, slots=True)
class Given:
    """The answer, and what came of it so far.

    Attributes:
        further: another answer that came later and contradicts this one.
        chosen: what a person decided, in place of the rules.
        calls: what Stripe was asked to do before; empty where nothing left yet.
        others: the question is one of several about a matter: another is still to be asked or answered, or was acknowledged.
        number_changed: the person's number was replaced since the payment, or lately.
    """

    answer: Answer
    strength: Strength
    answered_at: datetime
    further: str | None = None
    chosen: tuple[Action, ...] = ()
    generation: int = 1
    calls: tuple[Call, ...] = ()
    number_changed: bool = False
    others: bool = False

    @property
    def acknowledges(self) -> bool:
        """Whether it says yes, be it after something else."""
        return Answer.YES in (self.answer, self.further)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What shall be done, and what it comes to once it is. `done`: cancelled, refunded, blocked, or "" where nothing moved.

    `webhooks`: by name; they are called once it is done.
    """

    outcome: Outcome
    why: str
    calls: tuple[Call, ...] = ()
    done: str = ""
    webhooks: tuple[str, ...] = ()


_WANT: Final = {
    Answer.UNCLEAR: "the answer could not be read, or the person wants to talk to somebody",
    Answer.SILENCE: "nobody answered in time",
    Answer.UNREACHABLE: "the question could not be put: none of its messages went",
}
_SAID: Final = {answer: _WANT.get(answer) or f"the answer was {answer}" for answer in Answer}
_CLOSED: Final = "the review was closed ({})"
_APPROVED: Final = _CLOSED.format("approved")
_HOW: Final = {
    Strength.BARE: "without the code, and a number can be forged",
    Strength.CODED: "with the code",
    Strength.KEYPRESS: "by a key press",
    Strength.NONE: "from nobody",
}


def judge(asked: Question, given: Given, seen: Suspect | None) -> Verdict:
    """Decides. `seen`: the payment as Stripe says it stands now; None where it is gone, or the question is about none."""
    if asked.asks.each and not given.chosen:
        if not given.acknowledges and given.others:
            return Verdict("nothing", f"{_SAID[given.answer]}: it is for the others who are asked")
        if given.acknowledges:  # whoever takes it takes it, whatever was said before or behind
            given = replace(given, answer=Answer.YES, further=None)
    if given.further is not None:
        return Verdict("held", f"the answer was {given.answer}, and then {given.further}: one contradicts the other")
    if asked.charge_id and seen is None:
        return Verdict("held", "at Stripe the payment no longer exists")
    if seen is None:
        return _of_no_payment(asked, given)
    if given.calls and any(took_effect(call, seen) for call in given.calls):
        # what was begun has taken effect: the same keys again give Stripe's first answers
        return Verdict(_outcome(given), "it was begun before", given.calls, _done(given.calls))
    changed = _no_longer_as_asked(asked, given, seen)
    if changed is not None:
        return changed
    if not given.chosen and given.answered_at > asked.answer_by + LATE:
        return Verdict("held", "the answer came after its time")
    situation = Situation(given.answer, given.strength, Standing(seen.standing), asked.amount, asked.currency)
    actions = given.chosen or choose(asked.asks.answers, situation)
    if not act_at_stripe(actions):
        return _calling(asked, given, situation, _without_stripe(actions, given, seen))
    gate = None if given.chosen else _gate(asked, given, situation)
    return gate if gate is not None else _calling(asked, given, situation, _acting(asked, given, seen, actions))


def _calling(asked: Question, given: Given, situation: Situation, verdict: Verdict) -> Verdict:
    """The verdict with the webhooks that the answer's line names. A person who decides names none, and what is held calls none."""
    line = None if given.chosen or verdict.outcome == "held" else fitting(asked.asks.answers, situation)
    return verdict if line is None else replace(verdict, webhooks=line.webhooks)


def _of_no_payment(asked: Question, given: Given) -> Verdict:
    situation = Situation(given.answer, given.strength, Standing.OTHER)
    actions = given.chosen or choose(asked.asks.answers, situation)
    if act_at_stripe(actions):
        return Verdict("held", "the question is about no payment, so there is nothing to do at Stripe")
    if (
        not given.chosen
        and given.answered_at > asked.answer_by + LATE
        and given.answer in GIVEN
        and not asked.asks.each
    ):
        return Verdict("held", "the answer came after its time")
    return _calling(asked, given, situation, _without_stripe(actions, given, None))


def _no_longer_as_asked(asked: Question, given: Given, seen: Suspect) -> Verdict | None:
    """Why nothing may be done any more although somebody answered; None where the payment is what was asked about."""
    stands = _other_than_asked(asked, seen)
    if stands is None:
        return None
    held = Verdict("held", f"{stands}, which is not what was asked about")
    nothing = Verdict("nothing", f"{stands}: there is nothing left to do")
    if given.chosen:
        return held
    match given.answer:
        case Answer.SILENCE | Answer.UNREACHABLE:
            return nothing
        case Answer.YES if stands == _APPROVED:
            return Verdict("safe", f"{stands}, as the answer says")
        case Answer.YES if seen.paid_since:
            return nothing
        case Answer.NO if seen.standing == "cancelled":
            return Verdict("stopped", f"{stands} already", done="cancelled")
        case _:  # of a refund the customer hears whoever made it
            return nothing if seen.standing in ("refunded", "cancelled") else held


def _other_than_asked(asked: Question, seen: Suspect) -> str | None:
    match seen.standing:
        case "disputed":
            return "the payment is disputed"
        case "refunded" | "cancelled":
            return f"the payment has been {seen.standing}"
        case "other":
            return "the payment did not go through"
        case _:
            pass
    if seen.given_back:
        return "a part of the payment has been refunded"
    if seen.amount != asked.amount or seen.charge.currency != asked.currency:
        return "the amount is another one"
    if seen.paid_since:
        return "the payment went through by another attempt"
    if seen.review_open is False:  # also one that was opened after the question was
        return _CLOSED.format(seen.review_closed_reason or "no reason given")
    return None


def _without_stripe(actions: Sequence[Action], given: Given, seen: Suspect | None) -> Verdict:
    if Action.NOTHING in actions:
        return Verdict("nothing", "a person decided so" if given.chosen else "the rules say so")
    if Action.ACKNOWLEDGE in actions or tuple(actions) == (Action.CALL_WEBHOOK,):
        outcome: Outcome = "acknowledged" if given.answer == Answer.YES else "nothing"
        return Verdict(outcome, _SAID[given.answer])
    if Action.TELL_CUSTOMER in actions:
        done = "blocked" if seen is not None and seen.standing == "blocked" else ""
        if given.answer == Answer.NO:
            return Verdict("stopped", "the answer was no, and there is nothing to give back", done=done)
        return Verdict("safe", f"the answer was {given.answer}")
    return Verdict("held", _WANT.get(given.answer) or f"the answer was {given.answer}, {_HOW[given.strength]}")


def _gate(asked: Question, given: Given, situation: Situation) -> Verdict | None:
    if not within(asked.asks.up_to, situation):
        return Verdict(
            "held", f"the answer was {given.answer}, and the amount is above what an answer may decide about"
        )
    if asked.trust == Trust.CHANGED or given.number_changed:
        return Verdict("held", f"the answer was {given.answer}, from a number that changed since the payment or lately")
    if asked.trust == Trust.GIVEN_WITH and given.answer == Answer.YES:
        return Verdict("held", "the answer was yes, from a number that is known from this very payment only")
    return None


def _acting(asked: Question, given: Given, seen: Suspect, actions: Sequence[Action]) -> Verdict:
    calls: list[Call] = []
    for action in actions:
        kind = ACTIONS[action]
        if kind.standings is not None and Standing(seen.standing) not in kind.standings:
            return Verdict("held", f"one cannot {kind.does}: the payment is {seen.standing}")
        key = f"paybell-{asked.challenge_id}-{action}-{given.generation}"
        match action:
            case Action.APPROVE_REVIEW:
                if seen.review and seen.review_open:
                    calls.append(Call(action, seen.review, key))
            case Action.CAPTURE | Action.CANCEL_PAYMENT:
                if not seen.charge.payment_intent:
                    return Verdict("held", f"one cannot {kind.does}: the payment has no payment intent")
                calls.append(Call(action, seen.charge.payment_intent, key))
            case Action.REFUND_AS_FRAUD:
                calls.append(Call(action, seen.charge.payment_intent or seen.charge.id, key, asked.amount))
            case Action.BLOCK_CARD:
                calls.append(Call(action, seen.charge.id, key))
            case Action.TELL_CUSTOMER | Action.ASK_TEAM | Action.NOTHING | Action.ACKNOWLEDGE | Action.CALL_WEBHOOK:
                pass
    done = _done(calls) or ("blocked" if seen.standing == "blocked" else "")
    why = "a person decided so" if given.chosen else f"the answer was {given.answer}"
    return Verdict(_outcome(given), why, tuple(calls), done)


def _outcome(given: Given) -> Outcome:
    if given.chosen:
        return "safe" if {Action.APPROVE_REVIEW, Action.CAPTURE} & set(given.chosen) else "stopped"
    return "safe" if given.answer == Answer.YES else "stopped"


def _done(calls: Sequence[Call]) -> str:
    actions = {call.action for call in calls}
    if Action.REFUND_AS_FRAUD in actions:
        return "refunded"
    return "cancelled" if Action.CANCEL_PAYMENT in actions else ""


def took_effect(call: Call, seen: Suspect) -> bool:
    """Whether the payment stands as this call leaves it: somebody (we, most likely) has done what it does."""
    match call.action:
        case Action.REFUND_AS_FRAUD:
            return seen.given_back >= seen.amount > 0
        case Action.CANCEL_PAYMENT:
            return seen.standing == "cancelled" or seen.payment_status == "canceled"
        case Action.CAPTURE:
            return seen.charge.captured
        case Action.APPROVE_REVIEW:
            return seen.review_open is False and seen.review_closed_reason == "approved"
        case _:
            return False

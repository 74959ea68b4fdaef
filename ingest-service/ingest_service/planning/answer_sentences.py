"""Explains in plain English how a flow asks and what its answers do. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from ingest_service.folding.money import exponent
from ingest_service.planning import durations
from ingest_service.planning.answers import ACTIONS, Action, Answer, AnswerLine, Asks, Strength

_ANSWERS = {
    Answer.YES: "yes",
    Answer.NO: "no",
    Answer.UNCLEAR: "something unclear",
    Answer.SILENCE: "silence",
    Answer.UNREACHABLE: "nobody to be reached",
}
_STRENGTHS = {Strength.BARE: "without the code", Strength.CODED: "with the code", Strength.KEYPRESS: "by a key press"}


def explain_asks(asks: Asks, *, team: bool = False) -> str:
    """The question and its answers, as sentences of one paragraph."""
    time = f"It asks, and an answer counts for {durations.say(asks.answer_within)} after the message is out"
    last = f"at most until {durations.say(asks.answer_by)} after it happened"
    code = "; the reply code has 6 digits" if asks.moves_money else ""
    sentences = [f"{time}, {last}{code}.", *map(_line, asks.answers)]
    if asks.up_to is not None:
        sentences.append(f"Above {_sums(asks.up_to)}, and in every other currency, a person decides.")
    if team:
        return " ".join(sentences)
    sentences.append(
        "An answer from a number that changed since the payment or lately never acts, nor does a yes from one that is known "
        "from this payment only: a person decides."
    )
    return " ".join(sentences)


def _line(line: AnswerLine) -> str:
    said = _or([_ANSWERS[answer] for answer in line.answers])
    parts = [said, *_conditions(line)]
    return f"On {', '.join(parts)}: {_and([*_does(line)])}{_told(line)}."


def _does(line: AnswerLine) -> Iterator[str]:
    for action in line.actions:
        if action == Action.CALL_WEBHOOK:
            yield f"call the webhook{'' if len(line.webhooks) == 1 else 's'} {_and(line.webhooks)}"
        else:
            yield ACTIONS[action].does


def _conditions(line: AnswerLine) -> Iterator[str]:
    if line.strengths:
        yield _or([_STRENGTHS[strength] for strength in line.strengths if strength in _STRENGTHS])
    if line.standings:
        yield f"while it is {_or(list(line.standings))}"
    if line.up_to is not None:
        yield f"up to {_sums(line.up_to)}"


def _sums(limits: Mapping[str, int]) -> str:
    return ", ".join(
        f"{Decimal(amount).scaleb(-exponent(currency))} {currency.upper()}" for currency, amount in limits.items()
    )


def _told(line: AnswerLine) -> str:
    told = any(ACTIONS[action].at_stripe for action in line.actions)
    return ", and say what was done" if told else ""


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

"""What a reply does to the open questions of the number it came from. Pure.

Only questions that this number was asked, by the sender that it answers, are weighed. A sender's number can be forged: the words alone
are a weak answer, the code a strong one, and a wrong code never closes anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from notify_service.challenges.agreeing import Agreement
from notify_service.challenges.reading import Reading, Word

Answer = Literal["confirmed", "denied", "unclear", "silence", "unreachable"]
Strength = Literal["bare", "coded", "keypress_human"]
WRONG_CODES: Final = 3
"""After so many wrong codes nothing that was asked is confirmed by an answer: only a person may."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open question that the reply may answer. `clarified`: whether we have asked back once.

    `moves_money`: only a plain yes or no answers it; to any other agreement is a yes, too.
    """

    challenge_id: str
    code: str
    wrong_codes: int
    clarified: bool
    moves_money: bool = True

    def __repr__(self) -> str:
        return f"Candidate({self.challenge_id})"


@dataclass(frozen=True, slots=True)
class Answered:
    """It decides this question."""

    challenge_id: str
    answer: Answer
    strength: Strength


@dataclass(frozen=True, slots=True)
class AskBack:
    """It is unclear, and we have not asked back about this question yet."""

    challenge_id: str
    strength: Strength


@dataclass(frozen=True, slots=True)
class WrongCode:
    """It holds a code that is none of these questions'. `ask_back`: which of them to ask back about."""

    challenge_ids: tuple[str, ...]
    ask_back: str | None


Weighed = Answered | AskBack | WrongCode


def weigh(reading: Reading, newest_first: Sequence[Candidate], agreed: Agreement = Agreement.NONE) -> Weighed:
    """What the reply does to these questions; there is at least one."""
    named = [one for one in newest_first if one.code in reading.numbers]
    if len(named) == 1:
        return _one(reading, named[0], "coded", agreed)
    if named:
        return _unclear(reading, _to_ask_back(named), "coded")
    if any(_like_a_code(number, one.code) for number in reading.numbers for one in newest_first):
        unclarified = [one for one in newest_first if not one.clarified and not reading.wants_quiet]
        return WrongCode(
            tuple(one.challenge_id for one in newest_first), unclarified[0].challenge_id if unclarified else None
        )
    if len(newest_first) == 1:
        return _one(reading, newest_first[0], "bare", agreed)
    return _unclear(reading, _to_ask_back(newest_first), "bare")


def limited(answer: Answer, strength: Strength, wrong_codes: int) -> tuple[Answer, Strength]:
    """What an answer is worth after so many wrong codes: a code proves nothing any more, and nothing is confirmed.

    A no stands: it protects.
    """
    if wrong_codes < WRONG_CODES:
        return answer, strength
    weaker: Strength = "bare" if strength == "coded" else strength
    return ("unclear" if answer == "confirmed" else answer), weaker


def _one(reading: Reading, question: Candidate, strength: Strength, agreed: Agreement) -> Answered | AskBack:
    # a number alone says nothing but that it is the code
    agrees = agreed is Agreement.WORD or (agreed is Agreement.NUMBER and strength == "coded")
    if reading.word is Word.NEITHER and not (agrees and not question.moves_money):
        return _unclear(reading, question, strength)
    given: Answer = "denied" if reading.word is Word.NO else "confirmed"
    return Answered(question.challenge_id, *limited(given, strength, question.wrong_codes))


def _unclear(reading: Reading, question: Candidate, strength: Strength) -> Answered | AskBack:
    """Asked back once; never where the person may want to hear no more of us: then a person decides at once."""
    worth = limited("unclear", strength, question.wrong_codes)
    if question.clarified or reading.wants_quiet:
        return Answered(question.challenge_id, *worth)
    return AskBack(question.challenge_id, worth[1])


def _to_ask_back(questions: Sequence[Candidate]) -> Candidate:
    return next((one for one in questions if not one.clarified), questions[0])


def _like_a_code(number: str, code: str) -> bool:
    """Whether somebody may have meant a code: of six digits one may be missing or too many."""
    return abs(len(number) - len(code)) <= (1 if len(code) > 4 else 0)

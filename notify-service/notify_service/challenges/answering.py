"""Takes a reply as an answer to the questions that its number was asked, within the transaction that handles the reply (SQL)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, assert_never
from uuid import UUID

from notify_service.accounts import Sender
from notify_service.challenges import audit, store
from notify_service.challenges.agreeing import agreement
from notify_service.challenges.asked_by import Heard, asked_by
from notify_service.challenges.audit import Entry
from notify_service.challenges.codes import Codes, NoCodeError
from notify_service.challenges.deciding import Given, decide, keep_late, tell_again, worth_telling
from notify_service.challenges.reading import Reading, Word, read
from notify_service.challenges.store import Question
from notify_service.challenges.weighing import Answered, AskBack, Candidate, Strength, WrongCode, weigh
from notify_service.delivery.ports import Outcomes

CLARIFY: Final = "challenge_clarify"
"""The template that we ask back with."""
ANSWERS_A_DAY: Final = 3
"""So often a number hears from us on our own account: two machines that answer each other stop there."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Understood:
    """What a reply was taken as, for people and for counting. It holds no words, number or code."""

    sentence: str
    counts: tuple[tuple[str, Mapping[str, str]], ...] = ()
    decided: bool = False
    asks_back: bool = False


@dataclass(frozen=True)
class Answers:
    """One account's answers. `senders`: the account's, by name; `committed`: told of what is on disk, to count it and to wake whoever waits for it."""

    account_id: str
    senders: Mapping[str, Sender]
    codes: Codes
    outcomes: Outcomes
    now: Callable[[], datetime]
    committed: Callable[[Understood], None] = lambda _understood: None

    async def asked(self, conn: Any, address_id: UUID, heard: Heard) -> list[str]:
        """The questions, open or decided not long ago, that this number was asked by the sender that it writes to."""
        found = await store.asked(conn, self.account_id, address_id, self.now())
        names = asked_by(self.senders, heard)
        return sorted(challenge_id for challenge_id, senders in found.items() if senders & names)

    async def hear(
        self, conn: Any, address_id: UUID, heard: Heard, asked: Sequence[str], at: datetime
    ) -> Understood | None:
        """What the reply says to these questions; None where it is about none. `at`: when it came, in business time."""
        if not asked:
            return None
        now, reading = self.now(), read(heard.text)
        waiting = await store.lock_waiting(conn, self.account_id, asked)
        questions = await store.lock(conn, self.account_id, asked)
        open_ones: list[tuple[Question, str]] = []
        for challenge_id, question in list(questions.items()):
            if not question.open:
                continue
            there = await store.messages(conn, self.account_id, challenge_id)
            if at >= question.deadline(there.asked_at):  # nobody has looked at it since its time passed
                silence = Given("silence", now)
                await decide(
                    conn, self.account_id, question, waiting.get(challenge_id, []), silence, self.outcomes, now
                )
                questions[challenge_id] = replace(question, state="decided", answer="silence", decided_at=now)
            elif (code := self._code(question)) is not None:
                open_ones.append((question, code))
        newest_first = sorted(open_ones, key=lambda one: one[0].created_at, reverse=True)
        named = any(code in reading.numbers for _, code in newest_first)
        if heard.shared and not named and not self._names_decided(questions, reading):
            if reading.numbers:
                return None  # a code of another account's, most likely
            # it is asked back, with the code: each account may have asked
            reading = replace(reading, word=Word.NEITHER)
        said = _Reply(heard, address_id, reading, at, waiting)
        if newest_first and not (reading.numbers and not named and self._names_decided(questions, reading)):
            return await self._weigh(conn, dict(questions), newest_first, said, now)
        return await self._late(conn, [one for one in questions.values() if not one.open], said)

    async def _weigh(
        self,
        conn: Any,
        questions: Mapping[str, Question],
        newest_first: Sequence[tuple[Question, str]],
        said: "_Reply",
        now: datetime,
    ) -> Understood:
        candidates = [
            Candidate(one.challenge_id, code, one.wrong_codes, one.asking_back is not None, one.moves_money)
            for one, code in newest_first
        ]
        weighed = weigh(said.reading, candidates, agreement(said.heard.text))
        match weighed:
            case Answered(challenge_id, answer, strength):
                given = said.given(answer, strength)
                return await self._decide(conn, questions[challenge_id], said, given, now)
            case AskBack(challenge_id, strength):
                return await self._ask_back(conn, questions[challenge_id], said, strength, now)
            case WrongCode(ids, back):
                for challenge_id in ids:
                    await store.wrong_code(conn, self.account_id, challenge_id)
                    await audit.append(conn, self.account_id, challenge_id, said.entry("wrong_code"))
                asks = back is not None and await self._may_ask_back(conn, said.address_id, now)
                if back is not None and asks:
                    await store.ask_back(conn, self.account_id, back, said.address_id, said.heard.channel)
                counts = (("challenge_wrong_code", {"account": self.account_id}),)
                return Understood("It held a code that is not the question's.", counts, asks_back=asks)
            case _:
                assert_never(weighed)

    async def _decide(self, conn: Any, question: Question, said: "_Reply", given: Given, now: datetime) -> Understood:
        waiting = said.waiting.get(question.challenge_id, [])
        await audit.append(conn, self.account_id, question.challenge_id, said.entry("answer", given))
        await decide(conn, self.account_id, question, waiting, given, self.outcomes, now)
        labels = {"account": self.account_id, "answer": given.answer, "strength": given.strength or ""}
        return Understood(_SENTENCES[given.answer] + _HOW[given.strength], (("challenge", labels),), decided=True)

    async def _ask_back(
        self, conn: Any, question: Question, said: "_Reply", strength: Strength, now: datetime
    ) -> Understood:
        if not await self._may_ask_back(conn, said.address_id, now):
            return await self._decide(conn, question, said, said.given("unclear", strength), now)
        await audit.append(conn, self.account_id, question.challenge_id, said.entry("unclear"))
        await store.ask_back(conn, self.account_id, question.challenge_id, said.address_id, said.heard.channel)
        return Understood("It could not be read as an answer: the question is asked once more.", asks_back=True)

    async def _may_ask_back(self, conn: Any, address_id: UUID, now: datetime) -> bool:
        since = now - _DAY
        return await store.answers_of_ours(conn, self.account_id, address_id, CLARIFY, since) < ANSWERS_A_DAY

    async def _late(self, conn: Any, decided: Sequence[Question], said: "_Reply") -> Understood | None:
        """Keeps a yes or no to a question that is decided: to the one whose code it holds, else to the newest."""
        if not decided:
            return None
        newest_first = sorted(decided, key=lambda one: one.created_at, reverse=True)
        named = next((one for one in newest_first if self._code(one) in said.reading.numbers), None)
        if named is None and said.reading.word is Word.NEITHER:
            return None  # a word about something else
        question = named or newest_first[0]
        strength: Strength = "coded" if named is not None and named.wrong_codes < 3 else "bare"
        match said.reading.word:
            case Word.YES:
                given = said.given("confirmed", strength)
            case Word.NO:
                given = said.given("denied", strength)
            case _:
                given = said.given("unclear", strength)
        await keep_late(conn, self.account_id, question, given)
        tells = worth_telling(question, given)
        if tells:
            await tell_again(conn, self.account_id, question, given, self.outcomes)
        counts = (("challenge_late", {"account": self.account_id, "told": str(tells).lower()}),)
        what = "the same, with the code" if given.answer == question.answer else "something else"
        more = f" It says {what}, and was passed on." if tells else ""
        return Understood(f"It came after the question was decided.{more}", counts, decided=tells)

    def _code(self, question: Question) -> str | None:
        try:
            return self.codes.code(
                self.account_id, question.challenge_id, question.code_number, moves_money=question.moves_money,
                key_id=question.code_key_id,
            )  # fmt: skip
        except NoCodeError:
            return None

    def _names_decided(self, questions: Mapping[str, Question], reading: Reading) -> bool:
        return any(not one.open and self._code(one) in reading.numbers for one in questions.values())


@dataclass(frozen=True, slots=True)
class _Reply:
    """A reply on its way through the questions."""

    heard: Heard
    address_id: UUID
    reading: Reading
    at: datetime
    waiting: Mapping[str, Sequence[UUID]]

    def given(self, answer: Any, strength: Strength) -> Given:
        return Given(answer, self.at, strength, self.heard.channel, self.heard.sid)

    def entry(self, kind: audit.Kind, given: Given | None = None) -> Entry:
        answer, strength = (given.answer, given.strength) if given is not None else (None, None)
        return Entry(kind, self.at, answer, strength, self.heard.channel, self.heard.sid)


_SENTENCES: Final = {
    "confirmed": "It was read as a yes",
    "denied": "It was read as a no",
    "unclear": "It could not be read as an answer",
}
_HOW: Final[Mapping[str | None, str]] = {
    "coded": ", with the question's code.", "bare": ", without a code that counts.", "keypress_human": ", by a key press.", None: ".",
}  # fmt: skip

"""Calls that ask, and keys that are pressed in them (SQL).

The provider asks for what to say once it knows who took the call: a person hears the question, everybody else a neutral sentence without
amount and code. A key is a person's only where a person took the call. What a key does is committed before the call goes on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

import structlog

from notify_service import crashpoints
from notify_service.challenges import audit, store
from notify_service.challenges.audit import Entry
from notify_service.challenges.deciding import Given, decide, keep_late, tell_again, worth_telling
from notify_service.challenges.weighing import Answer, limited
from notify_service.delivery import call_words
from notify_service.delivery.ports import Clock, Outcomes, Vault
from notify_service.delivery.tally import Count, Tally
from notify_service.delivery.tokens import CallbackToken
from notify_service.sealing import UnsealableError
from notify_service.words.speech import Prompt

_log = structlog.get_logger()
HUMAN: Final = "human"
YES, NO, AGAIN, STOP_CALLS = "1", "2", "9", "7"
MOST_TURNS: Final = 4
"""So often a call says its words; then it hangs up."""

_FIND = """
SELECT a.notification_id, a.number, a.created_on, a.address_id, a.sid, a.answered_by, n.challenge_id, n.round, n.concern,
       b.data_key_id, b.ciphertext
FROM attempt a
JOIN notification n ON n.account_id = a.account_id AND n.notification_id = a.notification_id
LEFT JOIN notification_body b ON b.account_id = a.account_id AND b.created_on = a.created_on AND b.notification_id = a.notification_id
     AND b.round = n.round
WHERE a.account_id = $1 AND a.created_on = $2 AND a.token = $3 AND a.channel = 'voice'
"""
_ANSWERED_BY = """
UPDATE attempt SET answered_by = coalesce(answered_by, $4) WHERE account_id = $1 AND created_on = $2 AND token = $3 RETURNING answered_by
"""

_SAME = """
SELECT 1 FROM challenge_event
WHERE account_id = $1 AND challenge_id = $2 AND kind = 'decided' AND provider_sid = $3 AND answer = $4
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the provider tells of a call: who took it, which key was pressed (None: nothing was asked yet), and how often it spoke."""

    sid: str
    answered_by: str
    digits: str | None
    turn: int


class StopsCalls(Protocol):
    """The ledger, as calls need it."""

    async def revoke_calls(self, conn: Any, account_id: str, address_id: UUID, *, at: datetime, sid: str) -> None:
        """No more calls to this address, within the caller's transaction."""
        ...


@dataclass(frozen=True)
class Calls:
    """One account's calls. `address_of`: where a call's keys go, for a token and how often it will have spoken."""

    account_id: str
    brand: str
    language: str
    pool: Any
    clock: Clock
    vault: Vault
    consent: StopsCalls
    outcomes: Outcomes
    count: Count
    address_of: Callable[[CallbackToken, int], str]
    told: Callable[[], None] = field(default=lambda: None)

    async def go_on(self, token: CallbackToken, heard: Heard) -> str:
        """What the call says next."""
        async with self.pool.acquire(timeout=2) as conn:
            row = await conn.fetchrow(_FIND, self.account_id, token.created_on, token.token)
            if row is None or (row["sid"] is not None and row["sid"] != heard.sid):
                _log.warning("call.unknown", account_id=self.account_id, sid=heard.sid)
                return call_words.nothing()
            by = await conn.fetchval(
                _ANSWERED_BY, self.account_id, token.created_on, token.token, heard.answered_by or None
            )
        text, language = self._words(row)
        action = self.address_of(token, heard.turn + 1)
        asks = row["challenge_id"] is not None
        if asks and (by != HUMAN or not text):
            self.count("call_not_human", {"account": self.account_id}, 1)
            return self._say("machine", language)
        match heard.digits:
            case None:
                return call_words.question(text, language, self.brand, action) if asks else call_words.nothing()
            case "":
                return self._say("nothing", language) if asks else call_words.nothing()
            case key if key == STOP_CALLS:
                return await self._stop_calls(row, heard, language)
            case _ if heard.turn >= MOST_TURNS:
                pass
            case key if key == AGAIN:
                speak = call_words.question if asks else call_words.message
                return speak(text, language, self.brand, action)
            case _:
                pass
        return await self._answer(row, heard, text, language, action) if asks else call_words.nothing()

    async def _answer(self, row: Mapping[str, Any], heard: Heard, text: str, language: str, action: str) -> str:
        keys: Mapping[str, Answer] = {YES: "confirmed", NO: "denied"}
        answer = keys.get(heard.digits or "", "unclear")
        if answer == "unclear" and heard.turn <= 1:  # said once more before it counts
            return call_words.question(text, language, self.brand, action, unclear=True)
        now, tally = self.clock.now(), Tally(self.outcomes)
        async with self.pool.acquire(timeout=2) as conn, conn.transaction():
            says, counted = await self._decide(conn, row["challenge_id"], answer, heard.sid, tally, now)
        crashpoints.reach("call.after_answer")
        tally.committed(self.count)
        for what, labels in counted:
            self.count(what, {"account": self.account_id, **labels}, 1)
        _log.info("call.answered", account_id=self.account_id, sid=heard.sid, says=says)
        self.told()
        return self._say(says, language)

    async def _decide(
        self, conn: Any, challenge_id: str, answer: Answer, sid: str, outcomes: Outcomes, now: datetime
    ) -> tuple[Prompt, list[tuple[str, dict[str, str]]]]:
        account_id = self.account_id
        waiting = await store.lock_waiting(conn, account_id, [challenge_id])
        question = (await store.lock(conn, account_id, [challenge_id]))[challenge_id]
        worth, strength = limited(answer, "keypress_human", question.wrong_codes)
        given = Given(worth, now, strength, "voice", sid)
        there = await store.messages(conn, account_id, challenge_id)
        says: Mapping[str, Prompt] = {"confirmed": "yes", "denied": "no", "unclear": "unclear"}
        if question.open and now < question.deadline(there.asked_at):
            await audit.append(conn, account_id, challenge_id, Entry("answer", now, worth, strength, "voice", sid))
            await decide(conn, account_id, question, waiting.get(challenge_id, []), given, outcomes, now)
            return says[answer], [("challenge", {"answer": worth, "strength": strength})]
        if question.open:  # nobody has looked at it since its time passed
            await decide(
                conn, account_id, question, waiting.get(challenge_id, []), Given("silence", now), outcomes, now
            )
            question = (await store.lock(conn, account_id, [challenge_id]))[challenge_id]
        if await conn.fetchval(_SAME, account_id, challenge_id, sid, worth):
            return says[answer], []  # the provider asks again for what it did not get
        await keep_late(conn, account_id, question, given)
        tells = worth_telling(question, given)
        if tells:
            await tell_again(conn, account_id, question, given, outcomes)
        return "over", [("challenge_late", {"told": str(tells).lower()})]

    async def _stop_calls(self, row: Mapping[str, Any], heard: Heard, language: str) -> str:
        async with self.pool.acquire(timeout=2) as conn, conn.transaction():
            await self.consent.revoke_calls(
                conn, self.account_id, row["address_id"], at=self.clock.now(), sid=heard.sid
            )
        self.count("calls_stopped", {"account": self.account_id}, 1)
        return self._say("stopped", language)

    def _say(self, which: Prompt, language: str) -> str:
        return call_words.last_words(which, language, self.brand)

    def _words(self, row: Mapping[str, Any]) -> tuple[str, str]:
        if row["ciphertext"] is None:
            return "", self.language
        try:
            words = self.vault.body(self.account_id, row).get("voice")
        except UnsealableError:
            _log.error("call.body_unreadable", account_id=self.account_id)
            return "", self.language
        return (words.text, words.language) if words is not None else ("", self.language)

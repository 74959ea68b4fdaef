"""Looks at open questions: decides those whose time has passed, or whom nobody could be asked. Replicas may do so beside each other."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from notify_service.challenges import store
from notify_service.challenges.deciding import Given, decide
from notify_service.challenges.weighing import Answer
from notify_service.delivery.ports import Clock, Outcomes
from notify_service.delivery.tally import Count, Tally

_log = structlog.get_logger()
_MOST: Final = 50
_REPLIES_FIRST: Final = timedelta(seconds=1)


class Watching:
    """One account's open questions. `told`: called after a commit that told somebody of something."""

    def __init__(
        self, account_id: str, pool: Any, clock: Clock, outcomes: Outcomes, count: Count, told: Callable[[], None]
    ) -> None:
        self._account_id = account_id
        self._pool = pool
        self._clock = clock
        self._outcomes = outcomes
        self._count = count
        self._told = told

    async def turn(self) -> int:
        """Looks at what is due; how many questions were decided."""
        now = self._clock.now()
        async with self._pool.acquire() as conn:
            due = await store.due(conn, self._account_id, now, _MOST)
        return sum([await self._look(challenge_id) for challenge_id in due])

    async def _look(self, challenge_id: str) -> bool:
        now, tally = self._clock.now(), Tally(self._outcomes)
        async with self._pool.acquire() as conn, conn.transaction():
            answer = await self._decide(conn, challenge_id, tally, now)
        if answer is None:
            return False
        tally.committed(self._count)
        self._count("challenge", {"account": self._account_id, "answer": answer, "strength": ""}, 1)
        _log.info("challenge.decided", account_id=self._account_id, challenge_id=challenge_id, answer=answer)
        self._told()
        return True

    async def _decide(self, conn: Any, challenge_id: str, outcomes: Outcomes, now: datetime) -> Answer | None:
        account_id = self._account_id
        waiting = await store.lock_waiting(conn, account_id, [challenge_id])
        question = (await store.lock(conn, account_id, [challenge_id], only_free=True)).get(challenge_id)
        if question is None or not question.open:
            return None  # somebody else looks at it, or did
        there = await store.messages(conn, account_id, challenge_id)
        deadline = question.deadline(there.asked_at)
        answer: Answer
        if there.alive == 0:
            answer = "unreachable"
        elif now < deadline:
            await store.looked(conn, account_id, challenge_id, there.asked_at, deadline)
            return None
        elif await store.unread_replies(conn, account_id, deadline):
            await store.looked(conn, account_id, challenge_id, there.asked_at, now + _REPLIES_FIRST)
            return None
        else:
            answer = "silence" if there.maybe else "unreachable"
        await decide(conn, account_id, question, waiting.get(challenge_id, []), Given(answer, now), outcomes, now)
        return answer

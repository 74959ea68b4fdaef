"""The outcome feed: what notify tells later is applied once, in one transaction, and then acknowledged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import structlog

from ingest_service import crashpoints
from ingest_service.beat import Beat, silent
from ingest_service.clock import Clock
from ingest_service.deciding import decision_store
from ingest_service.deciding.decision_store import Received
from ingest_service.planning import plans
from ingest_service.planning.answers import Answer as Said
from ingest_service.planning.answers import Strength
from ingest_service.submitting import counters
from ingest_service.submitting.notify_client import NotifyClient
from ingest_service.submitting.results import STATE_OF_ENDED, reason_word, state_word
from notify.v1.challenge_pb2 import Answer, AnswerStrength, Decision
from notify.v1.outcome_pb2 import Outcome, OutcomeKind
from notify.v1.recipient_pb2 import Channel

log = structlog.get_logger()

MOST: Final = 500
WAIT: Final = timedelta(seconds=25)
ACCOUNTS_A_PULL: Final = 500


@dataclass(frozen=True, slots=True)
class Applicable:
    """An outcome as the tables keep it. `payload` holds no personal data."""

    outcome_id: UUID
    kind: str
    request_id: str
    round: int
    effect: str  # ended, handed_back, corrected, answered, recorded
    payload: dict[str, Any]
    occurred_at: datetime
    state: str = ""  # the step's new state, where it ends
    reason: str = ""
    until: datetime | None = None
    answer: Received | None = None


@dataclass(slots=True)
class Outcomes:
    """Pulls and applies the outcomes of these accounts."""

    pool: asyncpg.Pool
    account_ids: Sequence[str]
    notify: NotifyClient
    clock: Clock
    _first: int = field(default=0, init=False)

    async def turn(self, wait: timedelta = WAIT, beat: Beat = silent) -> int:
        """Waits for outcomes, applies and acknowledges them; tells how many came. May raise what NotifyClient raises."""
        asked = self._next_accounts()
        outcomes = await self.notify.pull(asked, MOST, wait * len(asked) / len(self.account_ids))
        beat()
        by_account: dict[str, list[Outcome]] = {}
        for outcome in outcomes:
            by_account.setdefault(outcome.account_id, []).append(outcome)
        for account_id in sorted(by_account):
            readable = [each for each in map(read, by_account[account_id]) if each is not None]
            async with self.pool.acquire() as conn, conn.transaction():
                await apply(conn, account_id, readable, self.clock.now())
            beat()
        if outcomes:
            crashpoints.reach("in.before_ack")
            await self.notify.acknowledge((outcome.account_id, outcome.outcome_id) for outcome in outcomes)
        return len(outcomes)

    def _next_accounts(self) -> Sequence[str]:
        """Whose outcomes are asked for: all at once where notify takes so many, else in turn, each waiting for less."""
        behind = self._first + ACCOUNTS_A_PULL
        asked = self.account_ids[self._first : behind]
        self._first = behind if behind < len(self.account_ids) else 0
        return asked


def read(outcome: Outcome) -> Applicable | None:
    """Reads one outcome; what this version does not know is kept as recorded. None where it has no id of ours to keep it by."""
    try:
        outcome_id = UUID(outcome.outcome_id)
    except ValueError:
        return None
    at = outcome.occurred_at.ToDatetime(UTC)
    head = (outcome_id, outcome.WhichOneof("outcome") or "unknown", outcome.request_id, outcome.round)
    match outcome.WhichOneof("outcome"):
        case "ended":
            ended = outcome.ended
            words = {"state": state_word(ended.state), "reason": reason_word(ended.reason)}
            payload: dict[str, Any] = {
                **words,
                "provider_code": ended.provider_code,
                "provider_sid": ended.provider_sid,
            }
            state = STATE_OF_ENDED.get(ended.state)
            if state is None:
                return Applicable(*head, "recorded", payload, at)
            effect = "corrected" if outcome.kind == OutcomeKind.OUTCOME_KIND_CORRECTED else "ended"
            return Applicable(*head, effect, payload, at, state=state, reason=_why(ended.reason, ended.provider_code))
        case "handed_back":
            back = outcome.handed_back
            until = back.until.ToDatetime(UTC)
            payload = {"reason": reason_word(back.reason), "until": until.isoformat()}
            return Applicable(*head, "handed_back", payload, at, reason=reason_word(back.reason), until=until)
        case "decision":
            answer = _answer(outcome.decision, at)
            payload = {
                "challenge_id": answer.challenge_id,
                "answer": answer.answer,
                "strength": answer.strength,
                "provider_sid": answer.provider_sid,
            }
            return Applicable(*head, "answered", payload, at, answer=answer)
        case _:
            return Applicable(*head, "recorded", {"kind": int(outcome.kind)}, at)


_ANSWERS: Final[dict[int, Said]] = {
    Answer.ANSWER_CONFIRMED: Said.YES,
    Answer.ANSWER_DENIED: Said.NO,
    Answer.ANSWER_SILENCE: Said.SILENCE,
    Answer.ANSWER_UNREACHABLE: Said.UNREACHABLE,
}
_STRENGTHS: Final[dict[int, Strength]] = {
    AnswerStrength.ANSWER_STRENGTH_CODED: Strength.CODED,
    AnswerStrength.ANSWER_STRENGTH_KEYPRESS_HUMAN: Strength.KEYPRESS,
}


def _answer(made: Decision, at: datetime) -> Received:
    """What this version does not know counts as unclear, and as no stronger than the words alone."""
    answer = _ANSWERS.get(made.answer, Said.UNCLEAR)
    given = answer not in (Said.SILENCE, Said.UNREACHABLE)
    strength = _STRENGTHS.get(made.strength, Strength.BARE) if given else Strength.NONE
    channel = Channel.Name(made.channel).removeprefix("CHANNEL_").lower() if made.channel in Channel.values() else ""
    answered_at = made.answered_at.ToDatetime(UTC) if made.HasField("answered_at") else at
    by = "recipient" if given else "notify"
    return Received(made.challenge_id, answer, strength, channel, made.provider_sid[:64], answered_at, by)


def _why(reason: int, provider_code: int) -> str:
    words = reason_word(reason) if reason else ""
    return f"{words} {provider_code}".strip() if provider_code else words


async def apply(conn: asyncpg.Connection, account_id: str, outcomes: Sequence[Applicable], now: datetime) -> None:
    """Applies what was not applied before. At most five statements beside those of answers; applying again changes nothing."""
    if not outcomes:
        return
    rows = [
        (
            each.outcome_id,
            each.kind,
            each.request_id,
            each.round,
            each.effect,
            orjson.dumps(each.payload).decode(),
            each.occurred_at,
        )
        for each in sorted(outcomes, key=lambda each: (each.occurred_at, each.outcome_id.bytes))
    ]
    inserted = await conn.fetch(_INSERT, account_id, *(list(column) for column in zip(*rows, strict=True)))
    new_ids = {row["outcome_id"] for row in inserted}
    new = [each for each in outcomes if each.outcome_id in new_ids]
    # before any step is touched: whoever ends a decision locks its question first, too
    answers = sorted((each.answer for each in new if each.answer is not None), key=lambda each: each.answered_at)
    await decision_store.receive(conn, account_id, answers, now)
    back = [each for each in new if each.effect == "handed_back"]
    if back:
        columns = [each.request_id for each in back], [each.round for each in back], [each.until for each in back]
        await conn.execute(_HANDED_BACK, account_id, *columns, [each.reason for each in back])
    # a correction that came with the end it corrects must have the last word
    for effect, statement in (("ended", _ENDED), ("corrected", _CORRECTED)):
        ends = {
            each.request_id: each for each in sorted(new, key=lambda each: each.occurred_at) if each.effect == effect
        }
        if ends:
            request_ids, last = list(ends), list(ends.values())
            rounds, states = [each.round for each in last], [each.state for each in last]
            await conn.execute(
                statement, account_id, request_ids, rounds, states, [each.reason or None for each in last]
            )
    touched = [each.request_id for each in new if each.effect not in ("recorded", "answered")]
    if touched:
        plan_ids = [row["plan_id"] for row in await conn.fetch(_PLANS, account_id, touched)]
        await plans.close_finished(conn, account_id, plan_ids, now)
    for each in new:
        counters.OUTCOMES.labels(account_id, each.kind, each.effect).inc()
        if each.state:
            counters.step_ended(account_id, each.state, each.payload["reason"])
    log.info("outcomes.batch", account_id=account_id, count=len(new), repeated=len(outcomes) - len(new))


_INSERT = """
INSERT INTO outcome_applied (account_id, outcome_id, kind, request_id, round, effect, payload, occurred_at)
SELECT $1, o.outcome_id, o.kind, o.request_id, o.round, o.effect, o.payload::jsonb, o.occurred_at
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::timestamptz[])
    AS o (outcome_id, kind, request_id, round, effect, payload, occurred_at)
ON CONFLICT DO NOTHING
RETURNING outcome_id
"""

# the round may end before its submit call was answered here: a frozen step counts as submitted
_HANDED_BACK = """
WITH back AS MATERIALIZED (
    SELECT step.plan_id, step.number, o.until, o.reason, o.until >= step.not_after AS too_late
    FROM step JOIN unnest($2::text[], $3::integer[], $4::timestamptz[], $5::text[]) AS o (request_id, round, until, reason)
        ON step.request_id = o.request_id AND step.round = o.round
    WHERE step.account_id = $1 AND step.state IN ('submitted', 'frozen')
    ORDER BY step.plan_id, step.number
    FOR UPDATE OF step
)
UPDATE step SET state = CASE WHEN b.too_late THEN 'expired' ELSE 'waiting' END, due_at = CASE WHEN b.too_late THEN NULL ELSE b.until END,
    round = CASE WHEN b.too_late THEN step.round ELSE step.round + 1 END, frozen = NULL, tries = 0, lease = NULL,
    leased_until = '-infinity', reason = b.reason, updated_at = now()
FROM back AS b WHERE step.account_id = $1 AND step.plan_id = b.plan_id AND step.number = b.number
"""

_END = """
WITH ended AS MATERIALIZED (
    SELECT step.plan_id, step.number, o.state, o.reason
    FROM step JOIN unnest($2::text[], $3::integer[], $4::text[], $5::text[]) AS o (request_id, round, state, reason)
        ON step.request_id = o.request_id AND step.round = o.round
    WHERE step.account_id = $1 AND step.state IN ({states})
    ORDER BY step.plan_id, step.number
    FOR UPDATE OF step
)
UPDATE step SET state = e.state, reason = e.reason, due_at = NULL, lease = NULL, leased_until = '-infinity', updated_at = now()
FROM ended AS e WHERE step.account_id = $1 AND step.plan_id = e.plan_id AND step.number = e.number
"""
# what we gave up on (cancelled, past its use) while its answer was lost may have been sent all the same: notify knows
_ENDED = _END.format(states="'submitted', 'frozen', 'cancelled', 'expired'")
_CORRECTED = _END.format(states="'submitted', 'frozen', 'cancelled', 'sent', 'failed', 'expired', 'suppressed'")

_PLANS = "SELECT DISTINCT plan_id FROM step WHERE account_id = $1 AND request_id = ANY ($2::text[])"

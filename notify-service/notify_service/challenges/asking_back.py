"""Asks back, once for a question: how to answer, with the code. A message like any other, through intake and gates (SQL).

That we want to ask back is on disk with the reply that was unclear; the message's id is derived from the question, so that a crash in
between sends it once. Its caller asked nothing of it and is told nothing of it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

import orjson
import structlog
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from notify.v1 import challenge_pb2, consent_pb2, notification_pb2, recipient_pb2
from notify_service.challenges import audit, store
from notify_service.challenges.answering import CLARIFY
from notify_service.challenges.audit import Entry
from notify_service.delivery.ports import Clock
from notify_service.intake.fields import RejectedError
from notify_service.intake.parsing import parse
from notify_service.intake.request import OWN, Request, notification_id
from notify_service.intake.results import Rejected, Result
from notify_service.sealing import UnsealableError

_log = structlog.get_logger()
_MOST: Final = 20

_WANTED = """
SELECT c.challenge_id, c.caller, c.concern, c.moves_money, c.answer_within, c.answer_by, c.asked_at, c.back_channel, n.labels, n.person_id,
       n.role, n.message_class, n.lane, n.sender_scope, n.language, n.truth_read_at, a.address_id, a.data_key_id, a.ciphertext, a.region
FROM challenge c
JOIN address a ON a.account_id = c.account_id AND a.address_id = c.back_address
CROSS JOIN LATERAL (
    SELECT * FROM notification n WHERE n.account_id = c.account_id AND n.address_id = c.back_address AND n.challenge_id = c.challenge_id
    ORDER BY n.business_created_at DESC, n.notification_id LIMIT 1
) n
WHERE c.account_id = $1 AND c.asking_back = 'wanted' ORDER BY c.challenge_id LIMIT $2
"""
_DONE = """
UPDATE challenge SET asking_back = 'done' WHERE account_id = $1 AND challenge_id = $2 AND asking_back = 'wanted' RETURNING 1
"""


class Numbers(Protocol):
    """Opens numbers."""

    def number(self, account_id: str, row: Any) -> str:
        """E.164, from a row of address. Raises UnsealableError."""
        ...


Submit = Callable[[Sequence[Request | Rejected]], Awaitable[list[Result]]]


class AskingBack:
    """One account's asking back. `submit`: intake's."""

    def __init__(self, account_id: str, pool: Any, clock: Clock, numbers: Numbers, submit: Submit) -> None:
        self._account_id = account_id
        self._pool = pool
        self._clock = clock
        self._numbers = numbers
        self._submit = submit

    async def turn(self) -> int:
        """Asks back where it is wanted; how often."""
        async with self._pool.acquire() as conn:
            wanted = await conn.fetch(_WANTED, self._account_id, _MOST)
        return sum([await self._ask(row) for row in wanted])

    async def _ask(self, row: Any) -> bool:
        now = self._clock.now()
        try:
            request = self._request(row, now)
        except (RejectedError, UnsealableError) as error:
            _log.warning("challenge.not_asked_back", account_id=self._account_id, error=type(error).__name__)
        else:
            [result] = await self._submit([request])
            if isinstance(result, Rejected):
                _log.warning("challenge.not_asked_back", account_id=self._account_id, error=result.field)
        async with self._pool.acquire() as conn, conn.transaction():
            await store.lock(conn, self._account_id, [row["challenge_id"]])
            if await conn.fetchval(_DONE, self._account_id, row["challenge_id"]) is None:
                return False  # another replica did, or it was decided meanwhile
            entry = Entry("asked_back", now, channel=row["back_channel"])
            await audit.append(conn, self._account_id, row["challenge_id"], entry)
        return True

    def _request(self, row: Any, now: datetime) -> Request:
        """As a caller would submit it, so that it means the same."""
        asked_at = row["asked_at"] or now
        last = min(row["answer_by"], asked_at + row["answer_within"])
        number = self._numbers.number(self._account_id, row)
        within = Duration()
        within.FromTimedelta(row["answer_within"])
        message = notification_pb2.NotificationRequest(
            request_id="own", round=1, account_id=self._account_id, sender_scope=row["sender_scope"], concern=row["concern"], kind=CLARIFY,
            labels=orjson.loads(row["labels"]),
            recipient=recipient_pb2.Recipient(
                person_id=row["person_id"], role=recipient_pb2.RecipientRole.Value(f"RECIPIENT_ROLE_{row['role'].upper()}"),
                languages=[row["language"]] if row["language"] else [],
                addresses=[recipient_pb2.CandidateAddress(number=number, source="reply", region_hints=[])],
            ),
            message_class=consent_pb2.MessageClass.Value(f"MESSAGE_CLASS_{row['message_class'].upper()}"), lane=row["lane"],
            channels=[recipient_pb2.Channel.Value(f"CHANNEL_{row['back_channel'].upper()}")], not_after=_stamp(last),
            truth_read_at=_stamp(row["truth_read_at"]), if_not_now=notification_pb2.IF_NOT_NOW_HOLD,
            if_unresolved=notification_pb2.IF_UNRESOLVED_HOLD, template=CLARIFY,
            challenge=challenge_pb2.Challenge(
                challenge_id=row["challenge_id"], answer_within=within, answer_by=_stamp(row["answer_by"]), moves_money=row["moves_money"]
            ),
        )  # fmt: skip
        own = f"{OWN}clarify:{row['challenge_id']}"
        identity = notification_id(row["caller"], self._account_id, own)
        # equal bytes whenever it is made: what is not derived from the question's rows does not count
        return replace(
            parse(message, row["caller"], now), request_id=own, notification_id=identity, content_hash=bytes(32)
        )


def _stamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made

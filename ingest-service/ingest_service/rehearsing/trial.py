"""Asks notify what it would make of messages: the real request, as a dry run. Nothing is stored or sent by it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ingest_service.rehearsing.simulation import End, Message
from ingest_service.submitting.freezing import Freezable, request
from ingest_service.submitting.notify_client import NotifyClient, TryLater, batches
from ingest_service.submitting.results import reason_word
from notify.v1.service_pb2 import SubmitResult

TRIES: Final = 4
FURTHEST_END: Final = timedelta(days=34)
"""notify takes requests whose end is at most 35 days ahead."""
LEAST_USE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What notify would make of one message.

    Attributes:
        kind: ``sent``, ``suppressed`` or ``rejected``.
        reason: why not, in one word (suppressed) or in a sentence (rejected).
    """

    kind: str
    reason: str = ""
    channel: str = ""
    text: str = ""
    language: str = ""
    segments: int = 0


@dataclass(slots=True)
class Trial:
    """Tries messages of these accounts. What was asked once is not asked again: two sets of rules mostly say the same.

    Attributes:
        tried: called with how many messages were answered.
    """

    notify: NotifyClient
    zones: Mapping[str, ZoneInfo]
    now: datetime
    tried: Callable[[int], None] = lambda _: None
    _known: dict[bytes, Answer] = field(default_factory=dict)

    async def answers(self, messages: Sequence[Message], account_id: str) -> list[Answer]:
        """notify's answer to each message, in order.

        Raises:
            TryLater, ConfigureAccount, DoNotRepeat: notify cannot be asked.
        """
        asked = [self._bytes(message, account_id) for message in messages]
        fresh = sorted({each for each in asked if isinstance(each, bytes)} - self._known.keys())
        for batch in batches([len(each) for each in fresh]):
            sent = [fresh[index] for index in batch]
            for each, result in zip(sent, await self._submit(sent), strict=True):
                self._known[each] = read(result)
            self.tried(len(batch))
        answers = [each if isinstance(each, Answer) else self._known[each] for each in asked]
        self._known = {each: self._known[each] for each in asked if isinstance(each, bytes)}  # of one page at most
        return answers

    async def _submit(self, sent: Sequence[bytes]) -> list[SubmitResult]:
        for tries in range(1, TRIES):
            try:
                return await self.notify.submit(sent)
            except TryLater:
                await asyncio.sleep(0.1 * 2**tries)
        return await self.notify.submit(sent)

    def _bytes(self, message: Message, account_id: str) -> bytes | Answer:
        """The bytes of the request as it would be frozen, but for its times: notify is asked now about what was of use then."""
        plan, step = message.plan, message.step
        try:
            made = request(
                Freezable(
                    account_id=account_id,
                    plan_id=str(plan.plan_id),
                    request_id=step.request_id,
                    round=1,
                    concern=plan.concern,
                    flow=plan.flow,
                    lane=plan.lane,
                    number=step.number,
                    not_after=step.not_after,
                    truth_read_at=message.at,
                    fact=plan.fact,
                    variant=plan.variant,
                    blueprint=step.blueprint,
                    default_zone=self.zones[account_id],
                )
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            return Answer("rejected", f"no request can be made of it ({type(error).__name__})")
        left = step.not_after - message.at if message.end in (End.DUE, End.TO_COME) else LEAST_USE
        made.not_after.FromDatetime(self.now + min(max(left, LEAST_USE), FURTHEST_END))
        made.truth_read_at.FromDatetime(self.now)
        made.dry_run = True
        return made.SerializeToString(deterministic=True)


def read(result: SubmitResult) -> Answer:
    """Reads one item's answer to a dry run."""
    match result.WhichOneof("result"):
        case "accepted" if result.accepted.HasField("preview"):
            told = result.accepted.preview
            channel = {1: "sms", 2: "voice", 3: "whatsapp"}.get(int(told.channel), str(int(told.channel)))
            return Answer("sent", "", channel, told.text, told.language, told.segments)
        case "suppressed":
            return Answer("suppressed", reason_word(result.suppressed.reason))
        case "rejected":
            wrong = result.rejected
            return Answer("rejected", f"notify rejects {wrong.field}: {wrong.reason}. {wrong.remedy}")
        case other:
            return Answer("rejected", f"notify did not answer with a preview ({other}): update notify-service")

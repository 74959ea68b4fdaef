"""Asks notify what it would make of messages: the real request, as a dry run. Nothing is stored or sent by it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import orjson

from ingest_service.links.link import LinkMaker
from ingest_service.rehearsing.simulation import Message, due_step
from ingest_service.submitting.notify_client import NotifyClient, TryLater, batches
from ingest_service.submitting.preparing import frozen_bytes, webhook_call
from ingest_service.submitting.results import reason_word
from notify.v1.notification_pb2 import NotificationRequest
from notify.v1.service_pb2 import SubmitResult

TRIES: Final = 4
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
        links: makes the payment links that texts would hold; none is stored, so they lead to a page that knows nothing of them.
        tried: called with how many messages were answered.
    """

    notify: NotifyClient
    zones: Mapping[str, ZoneInfo]
    now: datetime
    links: LinkMaker | None = None
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
        step = due_step(account_id, message.plan, message.step)
        call = webhook_call(step, message.at)
        if call is not None:
            return Answer("sent", "", "webhook", str(orjson.loads(call.body)["text"]))
        try:
            link = self.links.make(step, message.at) if self.links is not None else None
            frozen = frozen_bytes(step, message.at, self.zones[account_id], link.url if link is not None else "")
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            return Answer("rejected", f"no request can be made of it ({type(error).__name__})")
        made = NotificationRequest.FromString(frozen)
        later = self.now - message.at
        made.not_after.FromDatetime(_at_least(made.not_after.ToDatetime(UTC) + later, self.now))
        made.truth_read_at.FromDatetime(self.now)
        if made.HasField("challenge"):
            made.challenge.answer_by.FromDatetime(_at_least(made.challenge.answer_by.ToDatetime(UTC) + later, self.now))
        made.dry_run = True
        return made.SerializeToString(deterministic=True)


def _at_least(moment: datetime, now: datetime) -> datetime:
    """A moment that notify takes, whatever the past was like."""
    return max(moment, now + LEAST_USE)


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

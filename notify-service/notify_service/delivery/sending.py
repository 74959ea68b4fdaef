"""The loop that sends for one account: claims what the free slots and the pace allow, and calls the provider at once.

A claimed row's call starts immediately or the row is released, so that a death leaves unknown only what was in flight.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import structlog

from notify_service import crashpoints
from notify_service.loops import Loops
from notify_service.wake import Bell

from . import call_words
from .batching import Batches
from .breaker import Breaker, Slots
from .call_outcome import Accepted, CallOutcome, NotSent, Refused, Unknown
from .claim import UNANSWERED, Batch, Claimer, CommitUnansweredError, Waiting
from .deadline import Deadline
from .deciding import Claimed
from .events import Answered, Event
from .lanes import LANES, share
from .pace import Purse, take
from .ports import Clock
from .senders import Sender
from .tokens import CallbackToken, call_address, status_address
from .twilio_client import Asked, Inline, TwilioClient

_log = structlog.get_logger()
_POLL_SECONDS = 1.0
_TAKEN_SECONDS = 0.01
_ASK_AGAIN_SECONDS = 0.1
_LOOK = 500
"""Rows looked at in each lane to judge how much waits."""


@dataclass(slots=True)
class Lanes:
    """What one sender may still do in this process."""

    slots: Slots
    breaker: Breaker
    purse: Purse = field(default_factory=Purse)


class Sending:
    """The sending loop of one account. `record` takes what calls came to; `bell` is rung by whoever has news."""

    def __init__(
        self,
        *,
        claimer: Claimer,
        client: TwilioClient,
        pool: Any,
        clock: Clock,
        record: Batches[Event],
        bell: Bell,
        public_url: str | None,
        slots: int = 64,
        time_scale: float = 1.0,
        count: Callable[[str, dict[str, str]], None] = lambda _name, _labels: None,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._bell = bell
        self.account_breaker = Breaker(time_scale)
        self._claimer = claimer
        self._client = client
        self._pool = pool
        self._clock = clock
        self._record = record
        self._public_url = public_url
        self._count = count
        self._told = told
        self._senders = {name: Lanes(Slots.of(slots), Breaker(time_scale)) for name in claimer.account.senders()}
        self._calls: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._wait = 0.0

    @property
    def account_id(self) -> str:
        """Whose loop it is."""
        return self._claimer.account.account_id

    def halted(self) -> dict[str, str]:
        """What does not send at present, and why: "" is the account, otherwise a sender's name."""
        found = {name: lanes.breaker.cause for name, lanes in self._senders.items()} | {"": self.account_breaker.cause}
        return {name: cause for name, cause in found.items() if cause is not None}

    def heard(self, sender: str, status: str, code: int) -> None:
        """What became of an accepted message of a sender: it may halt the sender or the account, or end such a halt."""
        moment, jitter = time.monotonic(), random.random()  # noqa: S311 (spreads retries, guards nothing)
        lanes = self._senders.get(sender)
        halted = self.account_breaker.heard(status, code, "account", moment, jitter)
        if lanes is not None:
            halted = lanes.breaker.heard(status, code, "sender", moment, jitter) or halted
        if halted:
            self._count("halted", {"account": self.account_id, "sender": sender, "code": str(code)})
            _log.error("sender.halted", account_id=self.account_id, sender=sender, code=code)

    async def run(self, loops: Loops) -> None:
        """Sends until the process is to stop; then lets calls under way finish and be recorded."""
        try:
            while not loops.stopping.is_set() and not self._stopping:
                if await loops.turn(f"sending {self.account_id}", self.look) and self._wait > 0:
                    await self._bell.wait(self._wait)
        finally:
            await asyncio.shield(self.drain())

    async def look(self) -> None:
        """One turn, for the loop."""
        self._wait = await self.turn()

    def stop(self) -> None:
        """No further claim. What is under way finishes."""
        self._stopping = True
        self._bell.ring()

    async def drain(self) -> None:
        """Returns when every call under way has been recorded."""
        self._stopping = True
        while self._calls:
            await asyncio.wait(set(self._calls))

    async def turn(self) -> float:
        """Claims once for every sender with something due. Seconds until it makes sense to look again; 0: at once."""
        now = self._clock.now()
        if self.account_breaker.allowed(time.monotonic(), 1) == 0:
            return _POLL_SECONDS / 4
        async with self._pool.acquire() as conn:
            waiting = await self._claimer.waiting(conn, now, LANES, _LOOK)
        wait, claimed_any = _POLL_SECONDS, False
        for name, sender in self._claimer.account.senders().items():
            here = [w for w in waiting if w.sender == name]
            if any(w.count for w in here):
                claimed, again = await self._claim(sender, here, now)
                claimed_any = claimed_any or claimed
                wait = min(wait, again)
            due = [w.next_due for w in here if w.next_due is not None]
            if due:
                wait = min(wait, max((min(due) - now).total_seconds(), 0.005))
        return 0.0 if claimed_any else wait

    async def _claim(self, sender: Sender, waiting: list[Waiting], now: datetime) -> tuple[bool, float]:
        lanes = self._senders[sender.name]
        moment = time.monotonic()
        free = self.account_breaker.allowed(moment, lanes.breaker.allowed(moment, lanes.slots.free(moment)))
        if free == 0:
            return False, _POLL_SECONDS / 4
        claimed: Batch | CommitUnansweredError | None = None
        start_before = Deadline.after(self._claimer.times.timeout)
        try:
            async with self._pool.acquire() as conn:
                if sender.pace is not None:
                    free, again = await self._paced(conn, sender, lanes.purse, waiting, free)
                    if free == 0:
                        return False, again
                slots = share(free, {w.lane: w.count for w in waiting})
                start_before = Deadline.after(self._claimer.times.timeout)
                try:
                    claimed = await self._claimer.claim(conn, sender, slots, now)
                except CommitUnansweredError as error:
                    claimed = error
        except UNANSWERED:
            if claimed is None:
                raise  # else the connection broke when it was given back: what was claimed is claimed all the same
        batch = claimed if isinstance(claimed, Batch) else await self._find_out(claimed, start_before)
        if batch.others:
            self._told()  # their outcomes are committed now
        for state in batch.others:
            self._count("not_sent_at_claim", {"account": self.account_id, "state": state})
        for call in batch.calls:
            lanes.purse.spend(call.segments)
            lanes.slots.taken(1)
            lanes.breaker.starting()
            self.account_breaker.starting()
            self._begin(self._call(call, lanes, start_before))
        if batch.calls or batch.others:
            return True, 0.0
        return False, _TAKEN_SECONDS  # somebody else holds what is due: it is theirs, or free in a moment

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _find_out(self, unanswered: CommitUnansweredError, start_before: Deadline) -> Batch:
        """Reads again whether the claim was committed, as long as its calls may start. Later its calls are not made.

        An attempt that turns out to exist then is recorded as never started, so that its message goes again at once.

        Raises:
            CommitUnansweredError: where it was not committed, or cannot be found out in time.
        """
        while start_before.left() > 0:
            try:
                async with asyncio.timeout(start_before.left()), self._pool.acquire() as conn, conn.transaction():
                    batch = await self._claimer.committed(conn, unanswered.batch)
            except UNANSWERED as error:
                _log.warning("claim.still_unanswered", account_id=self.account_id, error=type(error).__name__)
                await asyncio.sleep(min(_ASK_AGAIN_SECONDS, max(start_before.left(), 0.0)))
                continue
            if not batch.calls:
                raise unanswered
            return batch
        for call in unanswered.batch.calls:
            self._begin(self._keep(call, NotSent("not_started")))
        raise unanswered

    async def _paced(
        self, conn: Any, sender: Sender, purse: Purse, waiting: list[Waiting], free: int
    ) -> tuple[int, float]:
        """How many messages the pace lets go, and when there is more."""
        assert sender.pace is not None
        segments = sum(w.segments for w in waiting)
        messages = sum(w.count for w in waiting)
        left = purse.left(time.monotonic())
        again = 0.0
        if left < 1:
            taken, again = await take(conn, self.account_id, sender.name, sender.pace, segments - left)
            purse.put(taken, time.monotonic())
            left = purse.left(time.monotonic())
        if left <= 0:
            return 0, again
        return min(free, max(1, int(left * messages / max(segments, 1)))), again

    async def _call(self, call: Claimed, lanes: Lanes, start_before: Deadline) -> None:
        outcome: CallOutcome | None = None
        try:
            if start_before.left() <= 0:
                outcome = NotSent("not_started")
            else:
                outcome = await self._post(call)
                crashpoints.reach("tw.after_accept")
        except Exception as error:  # noqa: BLE001 (a defect must not take the slot with it)
            # A defect of ours. Whether bytes left is not known, so it is treated as any other unknown.
            outcome = Unknown("no_answer")
            _log.error("attempt.defect", account_id=self.account_id, error=type(error).__name__)
        finally:
            moment, jitter = time.monotonic(), random.random()  # noqa: S311 (spreads retries, guards nothing)
            seen = outcome if outcome is not None else Unknown("no_answer")
            lanes.slots.seen(seen, moment, jitter)
            lanes.breaker.seen(seen, "sender", moment, jitter)
            self.account_breaker.seen(seen, "account", moment, jitter)
            self._bell.ring()
        self._tell(call, outcome)
        await self._keep(call, outcome)

    async def _keep(self, call: Claimed, outcome: CallOutcome) -> None:
        try:
            await self._record.add(Answered(call.key, outcome))
        except Exception as error:  # noqa: BLE001 (the row says intent; the resolver finds out what became of it)
            _log.error("attempt.not_recorded", account_id=self.account_id, error=type(error).__name__)
        self._bell.ring()

    async def _post(self, call: Claimed) -> CallOutcome:
        callback = token = None
        if self._public_url is not None:
            token = CallbackToken(self.account_id, call.key.created_on, call.token)
            callback = status_address(self._public_url, token)
        if call.sender.channel == "voice":
            return await self._client.create_call(
                to=call.to, sender=call.sender.origin, says=self._says(call, token), status_callback=callback
            )
        prefix = "whatsapp:" if call.sender.channel == "whatsapp" else ""
        return await self._client.create_message(
            to=prefix + call.to,
            sender=call.sender.origin,
            body=call.words.text if call.words.content is None else call.words.content,
            status_callback=callback,
            validity_seconds=_validity(call.useful_until, self._clock.now()),
        )

    def _says(self, call: Claimed, token: CallbackToken | None) -> Inline | Asked:
        """A message is said to whoever takes the call; what is asked depends on whether a person does."""
        if token is None or self._public_url is None:
            return Inline(call_words.message(call.words.text, call.words.language, self._claimer.account.brand, None))
        if call.asks:
            return Asked(call_address(self._public_url, token))
        keys = call_address(self._public_url, token, 1)
        return Inline(call_words.message(call.words.text, call.words.language, self._claimer.account.brand, keys))

    def _tell(self, call: Claimed, outcome: CallOutcome) -> None:
        kind, code = _kind(outcome)
        self._count("attempt", {"account": self.account_id, "channel": call.sender.channel, "outcome": kind})
        _log.info(
            "attempt.called",
            account_id=self.account_id,
            notification_id=str(call.key.notification_id),
            attempt=call.key.number,
            channel=call.sender.channel,
            outcome=kind,
            code=code,
            sid=outcome.sid if isinstance(outcome, Accepted) else "",
        )


def _kind(outcome: CallOutcome) -> tuple[Literal["accepted", "refused", "not_sent", "unknown"], int]:
    match outcome:
        case Accepted():
            return "accepted", 0
        case Refused(code, _):
            return "refused", code
        case NotSent():
            return "not_sent", 0
        case Unknown(_, http_status):
            return "unknown", http_status


def _validity(useful_until: datetime, now: datetime) -> int | None:
    """Seconds after which Twilio shall drop what it still holds; None where its own 36,000 are less."""
    left = int((useful_until - now).total_seconds())
    return None if left >= 36_000 else max(left, 6)

"""Twilio and the carriers behind it: what they have taken, who has opted out, what becomes of it."""

import asyncio
import datetime
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import web

from paybell_sandbox.sandbox import Sandbox
from paybell_sandbox.twilio import numbers, recording, segments
from paybell_sandbox.twilio.callbacks import Callbacks, delivery
from paybell_sandbox.twilio.shapes import API_VERSION, Call, Message

CARRIER_SECONDS = {"queued": 0.05, "sent": 0.3, "delivered": 0.9, "undelivered": 0.9, "failed": 0.3, "read": 2.0}
"""How long after the step before a message comes to this status."""

ACCOUNT_CALLBACK_FIELDS = (
    "MessageSid",
    "SmsSid",
    "MessageStatus",
    "SmsStatus",
    "AccountSid",
    "ApiVersion",
    "From",
    "To",
)


class Network:
    """Everything Twilio knows."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Knows nothing yet."""
        self.sandbox = sandbox
        self.messages: dict[str, Message] = {}
        self.calls: dict[str, Call] = {}
        self.opted_out: set[tuple[str, str]] = set()
        """(recipient, sender or Messaging Service) pairs that 21610 is answered for."""
        self._callbacks: Callbacks | None = None
        self._held: dict[str, asyncio.Event] = {}

    async def open(self, app: web.Application) -> AsyncIterator[None]:
        """Holds the connections to the services while the application runs."""
        recording.setup_log(app)
        async with aiohttp.ClientSession() as session:
            self._callbacks = Callbacks(self.sandbox, session)
            yield

    @property
    def callbacks(self) -> Callbacks:
        """The sender of webhooks."""
        if self._callbacks is None:
            raise RuntimeError("the sandbox's application is not running")
        return self._callbacks

    def sid(self, prefix: str) -> str:
        """A new id: two letters and 32 hexadecimal digits."""
        return f"{prefix}{self.sandbox.random.getrandbits(128):032x}"

    def business(self) -> datetime.datetime:
        """Business time."""
        return self.sandbox.clock.now()

    def announce(self, thing: Message | Call) -> None:
        """Tells the page."""
        self.sandbox.publish("call" if isinstance(thing, Call) else "message", thing.judged())

    # ------------------------------------------------------------------------------------------------------- messages

    def accept_message(
        self,
        *,
        to: str,
        sender: str | None,
        service: str | None,
        body: str,
        status_callback: str = "",
        direction: str = "outbound-api",
        num_media: int = 0,
    ) -> Message:
        """Takes a message; what becomes of it begins at once."""
        message = Message(
            sid=self.sid("MM" if num_media else "SM"),
            account_sid=self.sandbox.settings.twilio_account_sid,
            to=to,
            from_=sender or "+14155550100",
            body=body,
            direction=direction,
            status="accepted" if service else "queued",
            created=self.sandbox.clock.real_now(),
            business_at=self.business(),
            num_segments=segments.count(body),
            messaging_service_sid=service,
            status_callback=status_callback,
            num_media=num_media,
        )
        self.messages[message.sid] = message
        self._note(message, message.status)
        early = self.sandbox.faults.pick("twilio", "callback", plain_number(to), ("early",))
        self.sandbox.spawn(self._carry(message, early is not None))
        return message

    def receive_message(self, *, sender: str, to: str, body: str) -> Message:
        """Takes a text from a phone."""
        message = Message(
            sid=self.sid("SM"),
            account_sid=self.sandbox.settings.twilio_account_sid,
            to=to,
            from_=sender,
            body=body,
            direction="inbound",
            status="received",
            created=self.sandbox.clock.real_now(),
            business_at=self.business(),
            num_segments=segments.count(body),
        )
        self.messages[message.sid] = message
        self._note(message, "received")
        return message

    def _note(self, message: Message, status: str) -> None:
        message.status = status
        message.updated = self.sandbox.clock.real_now()
        if status == "sent":
            message.sent = message.updated
        message.history.append({"status": status, "business_at": self.business().isoformat()})
        self.announce(message)

    async def _carry(self, message: Message, early: bool) -> None:
        behaviour = numbers.behaviour(plain_number(message.to))
        statuses = [*(["queued", "sending"] if message.status == "accepted" else []), *behaviour.statuses]
        waiting: list[tuple[Message, str]] = []
        for number, status in enumerate(statuses):
            if not (early and number == 0):
                await asyncio.sleep(self.sandbox.waiting(CARRIER_SECONDS.get(status, 0.05)))
            if message.status == "canceled":
                return
            if status in ("undelivered", "failed"):
                message.error_code = behaviour.error_code
            self._note(message, status)
            if message.status_callback and behaviour.statuses:
                await self._report(message, status, waiting)
        for _, status in waiting:
            self.sandbox.spawn(self._post_status(message, status, 0.0))

    async def _report(self, message: Message, status: str, waiting: list[tuple[Message, str]]) -> None:
        rule = self.sandbox.faults.pick(
            "twilio", "callback", plain_number(message.to), ("lose", "double", "delay", "reorder")
        )
        match rule.act if rule else None:
            case "lose":
                return
            case "reorder":
                waiting.append((message, status))
            case "delay":
                self.sandbox.spawn(self._post_status(message, status, rule.seconds if rule else 0.0))
            case "double":
                self.sandbox.spawn(self._post_status(message, status, 0.0))
                self.sandbox.spawn(self._post_status(message, status, 0.0))
            case _:
                self.sandbox.spawn(self._post_status(message, status, 0.0))

    async def _post_status(self, message: Message, status: str, delay: float) -> None:
        await asyncio.sleep(self.sandbox.waiting(delay))
        form = {
            "MessageSid": message.sid, "SmsSid": message.sid, "MessageStatus": status, "SmsStatus": status,
            "AccountSid": message.account_sid, "ApiVersion": API_VERSION, "From": message.from_ or "", "To": message.to,
        }  # fmt: skip
        if message.messaging_service_sid:
            form["MessagingServiceSid"] = message.messaging_service_sid
        if status in ("undelivered", "failed") and message.error_code:
            form["ErrorCode"] = str(message.error_code)
        if status == "delivered" and message.channel == "sms":
            form["RawDlrDoneDate"] = self.sandbox.clock.real_now().strftime("%y%m%d%H%M")
        if message.channel == "whatsapp":
            form |= {"ChannelPrefix": "whatsapp", "ChannelInstallSid": "XE" + "0" * 32, "EventType": status.upper()}
        answer = await self.callbacks.post(message.status_callback, form)
        message.deliveries.append(delivery(message.status_callback, answer, status, self.business().isoformat()))
        self.announce(message)

    def judged(self) -> list[dict[str, Any]]:
        """Every message and call, oldest first."""
        things: list[Message | Call] = [*self.messages.values(), *self.calls.values()]
        return [thing.judged() for thing in sorted(things, key=lambda thing: thing.created)]

    def forget(self) -> None:
        """Knows nothing again."""
        self.messages.clear()
        self.calls.clear()
        self.opted_out.clear()


def plain_number(address: str) -> str:
    """An address without its channel: ``whatsapp:+1…`` is ``+1…``."""
    return address.rpartition(":")[2]


NETWORK: web.AppKey[Network] = web.AppKey("twilio_network", Network)

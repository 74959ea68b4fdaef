"""What Twilio knows: the messages and calls it has taken, and who has opted out."""

import asyncio
import datetime
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import aiohttp
from aiohttp import web

from paybell_sandbox.sandbox import Sandbox
from paybell_sandbox.settings import TwilioAccount
from paybell_sandbox.twilio import segments, senders
from paybell_sandbox.twilio.addresses import plain_number
from paybell_sandbox.twilio.callbacks import Callbacks
from paybell_sandbox.twilio.shapes import Call, Message


class Network:
    """Everything Twilio knows."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Knows nothing yet."""
        self.sandbox = sandbox
        self.messages: dict[str, Message] = {}
        """What the API shows; the judge also sees what was deleted."""
        self.calls: dict[str, Call] = {}
        self.opted_out: set[tuple[str, str]] = set()
        """(recipient, sender or Messaging Service) pairs that 21610 is answered for."""
        self._all: list[Message | Call] = []
        self._of_number: dict[str, list[Message | Call]] = defaultdict(list)
        self._callbacks: Callbacks | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._beside: set[asyncio.Task[None]] = set()

    async def open(self, _app: web.Application) -> AsyncIterator[None]:
        """Holds the connections to the services while the application runs."""
        connector = aiohttp.TCPConnector(limit=0)  # the slots of Callbacks limit them; waiting there costs no time-out
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            self._callbacks = Callbacks(self.sandbox, session)
            yield

    @property
    def callbacks(self) -> Callbacks:
        """The sender of webhooks."""
        if self._callbacks is None:
            raise RuntimeError("the sandbox's application is not running")
        return self._callbacks

    @staticmethod
    def sid(prefix: str) -> str:
        """A new id: two letters and 32 hexadecimal digits. Never the same again, whatever the seed: the services remember ids."""
        return prefix + secrets.token_hex(16)

    def business(self) -> datetime.datetime:
        """Business time."""
        return self.sandbox.clock.now()

    def announce(self, thing: Message | Call) -> None:
        """Tells the page."""
        self.sandbox.publish("call" if isinstance(thing, Call) else "message", thing.judged())

    def wrong(self, line: dict[str, Any], what: str, **where: Any) -> None:
        """Marks a delivery whose answer a service must not give, and notes it for the judge."""
        line["violation"] = what
        self.sandbox.violation(what, path=line["path"], **where)

    def add(self, thing: Message | Call) -> None:
        """Keeps a message or call, found again by the numbers at both ends."""
        if isinstance(thing, Call):
            self.calls[thing.sid] = thing
        else:
            self.messages[thing.sid] = thing
        self._all.append(thing)
        for number in {plain_number(thing.to), plain_number(thing.from_ or "")}:
            self._of_number[number].append(thing)

    def account(self, account_sid: str) -> TwilioAccount:
        """One of the accounts there are."""
        return self.sandbox.settings.twilio_accounts[account_sid]

    def owner(self, to: str) -> str:
        """The account that a number is of; the first one where it is nobody's."""
        accounts = self.sandbox.settings.twilio_accounts
        return next((sid for sid, account in accounts.items() if senders.receives(account, to)), next(iter(accounts)))

    def receive_message(self, *, sender: str, to: str, body: str) -> Message:
        """Takes a text from a phone."""
        now = self.sandbox.clock.real_now()
        message = Message(
            sid=self.sid("SM"),
            account_sid=self.owner(to),
            to=to,
            from_=sender,
            body=body,
            direction="inbound",
            status="received",
            created=now,
            sent=now,
            business_at=self.business(),
            num_segments=segments.count(body),
        )
        self.add(message)
        self.come_to(message, "received")
        return message

    def come_to(self, message: Message, status: str) -> None:
        """A message reaches a status."""
        message.status = status
        message.updated = self.sandbox.clock.real_now()
        if message.sent is None and status in ("sent", "undelivered"):
            message.sent = message.updated
        message.history.append({"status": status, "business_at": self.business().isoformat()})
        self.announce(message)

    def under_way(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs something beside that ends by itself soon, so that one can wait until nothing is under way."""
        task = self.beside(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs something beside that may take long: a ringing call, a scheduled message."""
        task = self.sandbox.spawn(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return task

    async def until_quiet(self) -> None:
        """Returns when no message and no callback is on its way any more. A ringing call is none of them."""
        while self._under_way:
            await asyncio.wait(list(self._under_way))

    def things(self, number: str | None = None) -> Iterator[Message | Call]:
        """Every message and call, oldest first; those from and to one number where it is given."""
        return iter(self._all if number is None else self._of_number.get(plain_number(number), []))

    def service_towards(self, phone: str) -> str | None:
        """The Messaging Service that wrote to a phone last."""
        for thing in reversed(self._of_number.get(plain_number(phone), [])):
            if isinstance(thing, Message) and thing.direction == "outbound-api" and thing.to == phone:
                return thing.messaging_service_sid
        return None

    def judged(self) -> list[dict[str, Any]]:
        """Every message and call, oldest first."""
        return [thing.judged() for thing in self._all]

    def forget(self) -> None:
        """Knows nothing again, and drops what is on its way."""
        for task in self._beside:
            task.cancel()
        for known in (self.messages, self.calls, self.opted_out, self._all, self._of_number):
            known.clear()


NETWORK: web.AppKey[Network] = web.AppKey("twilio_network", Network)

"""What becomes of a message after Twilio took it: queued, sent, delivered or not, and told of by callbacks."""

import asyncio
import contextlib
import datetime
from dataclasses import dataclass
from typing import Final

from paybell_sandbox.twilio import numbers, reports, segments, senders
from paybell_sandbox.twilio.addresses import plain_number
from paybell_sandbox.twilio.network import Network
from paybell_sandbox.twilio.shapes import API_VERSION, Message

ACTS: Final = ("early",)

SECONDS_TO: Final = {
    "queued": 0.05,
    "sending": 0.05,
    "sent": 0.3,
    "delivered": 0.9,
    "undelivered": 0.9,
    "failed": 0.3,
    "read": 2.0,
}
"""How long after the step before a message comes to this status."""

EARLY_SECONDS: Final = 5.0
"""How long the answer to a create call waits for a callback that is to be early."""

WHATSAPP_WINDOW: Final = datetime.timedelta(hours=24)
OUTSIDE_WINDOW: Final = 63016

_NOT_CALLED_BACK: Final = frozenset({"sending"})


@dataclass(frozen=True)
class Wanted:
    """A message that somebody asks Twilio to send.

    Attributes:
        template: whether the words come from an approved content template.
        send_at: when it is to go, in real time; None for at once.
    """

    account_sid: str
    to: str
    sender: str | None
    service: str | None
    body: str
    status_callback: str = ""
    num_media: int = 0
    template: bool = False
    send_at: datetime.datetime | None = None
    direction: str = "outbound-api"


def take(network: Network, wanted: Wanted) -> Message:
    """Takes a message; what becomes of it begins at once."""
    first = "scheduled" if wanted.send_at else "accepted" if wanted.service else "queued"
    message = Message(
        sid=network.sid("MM" if wanted.num_media else "SM"),
        account_sid=wanted.account_sid,
        to=wanted.to,
        from_=wanted.sender or senders.chosen(network.account(wanted.account_sid), wanted.to, wanted.service or ""),
        body=wanted.body,
        direction=wanted.direction,
        status=first,
        created=network.sandbox.clock.real_now(),
        business_at=network.business(),
        num_segments=segments.count(wanted.body),
        messaging_service_sid=wanted.service,
        status_callback=wanted.status_callback,
        num_media=wanted.num_media,
    )
    if network.sandbox.faults.pick("twilio", "callback", plain_number(wanted.to), ACTS) is not None:
        message.early = asyncio.Event()
    network.add(message)
    network.come_to(message, first)
    statuses, code = _fate(network, wanted)
    if wanted.send_at is None:
        network.under_way(_carry(network, message, statuses, code))
    else:
        network.beside(_carry_at(network, message, statuses, code, wanted.send_at))
    return message


async def told_early(message: Message) -> None:
    """Where the faults want it, holds the answer to the create call back until the first callback was answered."""
    if message.early is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EARLY_SECONDS):
                await message.early.wait()


def cancel(network: Network, message: Message) -> None:
    """A scheduled message does not go."""
    network.come_to(message, "canceled")
    reports.send(network, message, "canceled", _form(network, message, "canceled"))
    reports.flush(network, message)


def _fate(network: Network, wanted: Wanted) -> tuple[tuple[str, ...], int]:
    behaviour = numbers.behaviour(plain_number(wanted.to))
    if not wanted.to.startswith("whatsapp:"):
        return behaviour.statuses, behaviour.error_code
    if not wanted.template and not _in_window(network, wanted.to, wanted.sender):
        return ("failed",), OUTSIDE_WINDOW
    read = ("read",) if behaviour.statuses[-1:] == ("delivered",) else ()
    return (*behaviour.statuses, *read), behaviour.error_code


def _in_window(network: Network, phone: str, sender: str | None) -> bool:
    """WhatsApp lets a business use its own words for 24 hours (of business time) after the person wrote to this number of it."""
    since = network.business() - WHATSAPP_WINDOW
    return any(
        thing.business_at >= since
        for thing in network.things(phone)
        if isinstance(thing, Message)
        and thing.direction == "inbound"
        and thing.from_ == phone
        and sender in (None, thing.to)
    )


async def _carry_at(
    network: Network, message: Message, statuses: tuple[str, ...], code: int, at: datetime.datetime
) -> None:
    await asyncio.sleep((at - network.sandbox.clock.real_now()).total_seconds())
    if message.status == "scheduled":
        network.come_to(message, "accepted")
        await network.under_way(_carry(network, message, statuses, code))


async def _carry(network: Network, message: Message, statuses: tuple[str, ...], code: int) -> None:
    called_back = numbers.behaviour(plain_number(message.to)).called_back
    if message.status == "accepted":
        statuses = ("queued", "sending", *statuses)
    for status in statuses:
        early = message.early is not None and not message.early.is_set()
        if not early:
            await asyncio.sleep(network.sandbox.waiting(SECONDS_TO[status]))
        if status in ("undelivered", "failed"):
            message.error_code = code
        network.come_to(message, status)
        posted = None
        if called_back and status not in _NOT_CALLED_BACK:
            posted = reports.send(network, message, status, _form(network, message, status))
        if early and message.early is not None:
            if posted is not None:
                await posted
            message.early.set()
    reports.flush(network, message)


def _form(network: Network, message: Message, status: str) -> dict[str, str]:
    """What a status callback says (twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks)."""
    form = {
        "MessageSid": message.sid, "SmsSid": message.sid, "MessageStatus": status, "SmsStatus": status,
        "AccountSid": message.account_sid, "ApiVersion": API_VERSION, "From": message.from_ or "", "To": message.to,
    }  # fmt: skip
    if message.messaging_service_sid:
        form["MessagingServiceSid"] = message.messaging_service_sid
    if status in ("undelivered", "failed") and message.error_code:
        form["ErrorCode"] = str(message.error_code)
    if status in ("delivered", "undelivered") and message.channel == "sms":
        form["RawDlrDoneDate"] = network.sandbox.clock.real_now().strftime("%y%m%d%H%M")
    if message.channel == "whatsapp":
        form |= {"ChannelPrefix": "whatsapp", "ChannelInstallSid": "XE" + "0" * 32, "EventType": status.upper()}
    return form

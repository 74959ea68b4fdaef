"""Twilio's calls that we use, through its SDK, for one account: every create comes back as a value, never as an exception."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance, CallPage
from twilio.rest.api.v2010.account.message import MessageInstance, MessagePage

from notify_service.words.body import Content

from .call_outcome import CallOutcome, classify
from .listed import From, Listed
from .senders import Credentials
from .twilio_transport import TwilioTransport, witnessing

_PAGE = 200
"""Twilio gives up to 1,000 at once; so many stay below what the transport reads, whatever their words."""
_MAX_PAGES = 50
_FAILURES = (
    *(TwilioException, aiohttp.ClientError, TimeoutError, OSError),
    *(ValueError, KeyError, TypeError, AttributeError),  # what the SDK makes of an answer of another shape
)
Beat = Callable[[], None]
"""Called after each page of a list: whoever reads a long one is slow, but does not hang."""
_CALL_EVENTS = ["initiated", "ringing", "answered", "completed"]


class ReadFailedError(Exception):
    """A list or look-up did not succeed: it says nothing, least of all that there is nothing. Read again later."""


class TooMuchError(ReadFailedError):
    """A list is longer than was to be read at once: read a smaller part of it."""


@dataclass(frozen=True, slots=True)
class Inline:
    """What a call says, as TwiML of at most 4,000 characters."""

    twiml: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The address at which Twilio asks what a call says, once it has found out whether a person took it."""

    url: str


class TwilioClient:
    """One account at Twilio. Holds no connection of its own: the transport does, and whoever made it closes it."""

    def __init__(self, credentials: Credentials, transport: TwilioTransport) -> None:
        self._client = Client(
            credentials.username, credentials.password, account_sid=credentials.account_sid, http_client=transport
        )

    async def create_message(
        self,
        *,
        to: str,
        sender: From,
        body: str | Content,
        status_callback: str | None,
        validity_seconds: int | None,
    ) -> CallOutcome:
        """Sends a text once, or words that Twilio holds. `validity_seconds`: after it Twilio drops what it still holds (6 to 36,000)."""
        given: dict[str, object] = {"body": body}
        if isinstance(body, Content):
            variables = json.dumps(dict(body.variables), ensure_ascii=False)
            given = {"content_sid": body.sid, "content_variables": variables}
        if sender.messaging_service_sid:
            given["messaging_service_sid"] = sender.messaging_service_sid
        else:
            given["from_"] = sender.number
        if status_callback is not None:
            given["status_callback"] = status_callback
        if validity_seconds is not None:
            given["validity_period"] = validity_seconds
        with witnessing() as exchange:
            with suppress(*_FAILURES):  # what was seen of the exchange says more, and says it strictly
                await self._client.messages.create_async(to=to, **given)
            return classify(exchange.observed())

    async def create_call(
        self, *, to: str, sender: From, says: Inline | Asked, status_callback: str | None, ring_seconds: int = 30
    ) -> CallOutcome:
        """Starts a call once, with what it says or where that is to be asked for."""
        given: dict[str, object] = {}
        if status_callback is not None:
            given = {"status_callback": status_callback, "status_callback_event": _CALL_EVENTS}
        match says:
            case Inline(twiml):
                given["twiml"] = twiml
            case Asked(url):
                given |= {"url": url, "method": "POST", "machine_detection": "Enable"}
            case _:
                assert_never(says)
        with witnessing() as exchange:
            with suppress(*_FAILURES):
                await self._client.calls.create_async(to=to, from_=sender.number, timeout=ring_seconds, **given)
            return classify(exchange.observed())

    async def messages_to(self, to: str, since: datetime, beat: Beat = lambda: None) -> list[Listed]:
        """Messages to `to` created at or after `since`.

        Not filtered by DateSent: Twilio leaves that empty until a message is sent, and grains it by the day.
        """
        try:
            page: MessagePage | None = await self._client.messages.page_async(to=to, page_size=_PAGE)
            return await _since(page, since, _MAX_PAGES, beat)
        except _FAILURES as error:
            raise ReadFailedError(type(error).__name__) from None

    async def messages_from_people(
        self,
        to: str | None,
        since: datetime,
        until: datetime | None,
        most_pages: int | None = None,
        beat: Beat = lambda: None,
    ) -> list[Listed]:
        """Inbound messages created at or after `since`; to one of our numbers, or to all for None.

        Twilio lists both directions together, so it is asked for a window: what people send has its date at once. `until`
        ends the window (None: there is no end yet); Twilio may grain both ends by the day, which only makes it larger.

        Raises:
            TooMuchError: where the window holds more than `most_pages`; None follows them all.
            ReadFailedError: where it cannot be read.
        """
        asked: dict[str, object] = {"date_sent_after": since, "page_size": _PAGE}
        if to is not None:
            asked["to"] = to
        if until is not None:
            asked["date_sent_before"] = until
        try:
            page: MessagePage | None = await self._client.messages.page_async(**asked)
            return [m for m in await _since(page, since, most_pages, beat) if m.direction == "inbound"]
        except _FAILURES as error:
            raise ReadFailedError(type(error).__name__) from None

    async def calls_to(self, to: str, since: datetime, beat: Beat = lambda: None) -> list[Listed]:
        """Calls to `to` created at or after `since`."""
        try:
            page: CallPage | None = await self._client.calls.page_async(to=to, page_size=_PAGE)
            return await _since(page, since, _MAX_PAGES, beat)
        except _FAILURES as error:
            raise ReadFailedError(type(error).__name__) from None

    async def look_up(self, kind: Literal["message", "call"], sid: str) -> Listed:
        """A message or call by its id, as it stands now."""
        try:
            if kind == "call":
                return _listed(await self._client.calls(sid).fetch_async())
            return _listed(await self._client.messages(sid).fetch_async())
        except _FAILURES as error:
            raise ReadFailedError(type(error).__name__) from None


async def _since(
    page: MessagePage | CallPage | None, since: datetime, most_pages: int | None, beat: Beat
) -> list[Listed]:
    """Every record created at or after `since`; follows pages until one is wholly older.

    Lists come about newest first, but nobody promises the order within a page. A list that does not end is no answer.
    """
    found: list[Listed] = []
    read = 0
    while page is not None:
        beat()
        if most_pages is not None and read >= most_pages:
            raise TooMuchError(f"more than {most_pages} pages")
        records = [_listed(instance) for instance in page]
        young = [one for one in records if one.created_at is None or one.created_at >= since]
        found += young
        if records and not young:
            break
        page, read = await page.next_page_async(), read + 1
    return found


def _listed(instance: MessageInstance | CallInstance) -> Listed:
    message = isinstance(instance, MessageInstance)
    return Listed(
        sid=instance.sid or "",
        direction=str(instance.direction or ""),
        to=instance.to or "",
        # the SDK has no public name for the sender of a call
        sender=(instance.from_ if message else instance._from) or "",  # noqa: SLF001
        messaging_service_sid=(instance.messaging_service_sid or "") if message else "",
        body=(instance.body or "") if message else "",
        status=str(instance.status or ""),
        code=int(instance.error_code or 0) if message else 0,
        created_at=instance.date_created,
    )

"""Twilio's webhooks: status callbacks and replies. Signed or refused; on disk before they are answered.

The signature covers the public address as configured, never what a request says of itself. Nothing is read from the database
before it was checked. Twilio retries what is answered with an error, as the callback's address asks it to.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import asyncpg
import structlog
from aiohttp import web
from multidict import MultiDict, MultiDictProxy
from twilio.request_validator import RequestValidator

from notify_service.delivery.receipts import DATABASE_GONE, CallbackWord
from notify_service.delivery.service import Line
from notify_service.delivery.tokens import CallbackToken
from notify_service.replies.reply import Reply

_log = structlog.get_logger()
_BODY_LIMIT = 64 * 1024
_READ_SECONDS = 10.0
_STORE_SECONDS = 5.0
_FORM = "application/x-www-form-urlencoded"
_NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")
_STATUS = re.compile(r"[a-z][a-z-]{0,31}")

Form = MultiDictProxy[str]


@dataclass(frozen=True)
class Door:
    """One account's webhooks: what proves that Twilio calls, and where what it says goes.

    `numbers`: our numbers and Messaging Services, by which replies are told apart where accounts share one at Twilio.
    """

    account_id: str
    account_sid: str
    auth_tokens: Sequence[str]
    numbers: frozenset[str]
    tell: Callable[[CallbackWord], Awaitable[None]]
    take: Callable[[Reply], Awaitable[None]]
    validators: tuple[RequestValidator, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "validators", tuple(RequestValidator(token) for token in self.auth_tokens))


class TwilioHttp:
    """The handlers."""

    def __init__(self, public_url: str, doors: Mapping[str, Door], count: Callable[[str], None]) -> None:
        self._public_url = public_url.rstrip("/")
        self._doors = doors
        self._count = count

    async def status(self, request: web.Request) -> web.Response:
        """POST /webhooks/twilio/status/{token}: 204, for an attempt nobody knows too (it is kept a day)."""
        form = await self._signed(request)
        token = CallbackToken.read(request.match_info["token"])
        door = self._doors.get(token.account_id) if token is not None else None
        known = door is not None and door.account_sid == form["AccountSid"]
        if door is None or not known:
            token, door = None, self._of_sid(form["AccountSid"])[0]
        word = _word(token, form)
        if word is None:
            self._count("unusable_callback")
            return web.Response(status=204)
        await self._stored(door.tell(word))
        return web.Response(status=204)

    async def inbound(self, request: web.Request) -> web.Response:
        """POST /webhooks/twilio/inbound: empty TwiML, once the reply is stored. Twilio itself answers STOP, START and HELP."""
        form = await self._signed(request)
        doors = self._of_sid(form["AccountSid"])
        ours = {form.get("To", ""), form.get("MessagingServiceSid", "")}
        door = next((d for d in doors if d.numbers & ours), doors[0])
        reply = Reply.of_form(form)
        if reply is None:
            self._count("unusable_reply")
        else:
            await self._stored(door.take(reply))
        return web.Response(text=_NO_REPLY, content_type="text/xml")

    async def _signed(self, request: web.Request) -> Form:
        """The form of a request that Twilio signed; otherwise the HTTP error to answer with."""
        if request.content_type != _FORM or request.headers.get("Content-Encoding", "identity") != "identity":
            raise web.HTTPUnsupportedMediaType
        form = _parsed(await _body(request))
        signature = request.headers.get("X-Twilio-Signature", "")
        url = self._public_url + request.raw_path
        for door in self._of_sid(form.get("AccountSid", "")):
            if signature and any(validator.validate(url, form, signature) for validator in door.validators):
                return form
        self._count("bad_signature")
        raise web.HTTPForbidden(text="")

    def _of_sid(self, account_sid: str) -> list[Door]:
        return [door for door in self._doors.values() if door.account_sid == account_sid]

    async def _stored(self, storing: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                await storing
        except (asyncpg.PostgresError, *DATABASE_GONE) as error:
            self._count("not_stored")
            _log.warning("webhook.not_stored", error=type(error).__name__)
            raise web.HTTPServiceUnavailable(text="", headers={"Retry-After": "1"}) from None


def doors(lines: Mapping[str, Line]) -> dict[str, Door]:
    """A door for each account that delivery works for."""
    return {
        account_id: Door(
            account_id=account_id,
            account_sid=line.account.twilio_account_sid,
            auth_tokens=line.account.auth_tokens,
            numbers=frozenset(
                name
                for sender in line.account.senders
                for name in (sender.number, f"whatsapp:{sender.number}", sender.messaging_service_sid)
                if name
            ),
            tell=line.tell,
            take=line.take,
        )
        for account_id, line in lines.items()
    }


def setup(app: web.Application, public_url: str, doors: Mapping[str, Door], count: Callable[[str], None]) -> None:
    """Adds the webhooks to the public application. Other methods than POST get 405 from the router."""
    handlers = TwilioHttp(public_url, doors, count)
    app.router.add_post("/webhooks/twilio/status/{token}", handlers.status)
    app.router.add_post("/webhooks/twilio/inbound", handlers.inbound)


async def _body(request: web.Request) -> bytes:
    """The raw body: at most 64 KiB within 10 s. aiohttp itself would wait for a stalled one for ever."""
    if (request.content_length or 0) > _BODY_LIMIT:
        raise web.HTTPRequestEntityTooLarge(max_size=_BODY_LIMIT, actual_size=request.content_length or 0)
    raw = bytearray()
    try:
        async with asyncio.timeout(_READ_SECONDS):
            while chunk := await request.content.read(_BODY_LIMIT + 1 - len(raw)):
                raw += chunk
                if len(raw) > _BODY_LIMIT:
                    raise web.HTTPRequestEntityTooLarge(max_size=_BODY_LIMIT, actual_size=len(raw))
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="") from None
    return bytes(raw)


def _parsed(raw: bytes) -> Form:
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise web.HTTPBadRequest(text="") from None
    return MultiDictProxy(MultiDict(pairs))


def _word(token: CallbackToken | None, form: Form) -> CallbackWord | None:
    sid = form.get("MessageSid") or form.get("SmsSid") or form.get("CallSid") or ""
    status = form.get("MessageStatus") or form.get("SmsStatus") or form.get("CallStatus") or ""
    if not _SID.fullmatch(sid) or not _STATUS.fullmatch(status):
        return None
    code = form.get("ErrorCode", "")
    return CallbackWord(token, sid, status, int(code) if re.fullmatch(r"[0-9]{1,9}", code) else 0)

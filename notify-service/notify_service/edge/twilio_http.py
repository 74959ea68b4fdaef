"""Twilio's webhooks: status callbacks and replies. Signed or refused; on disk before they are answered.

The signature covers the public address as configured, never what a request says of itself. Nothing is read from the database
before it was checked. Twilio retries what is answered with an error, as the callback's address asks it to.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import parse_qsl

import asyncpg
import structlog
from aiohttp import web
from multidict import MultiDict, MultiDictProxy
from twilio.request_validator import RequestValidator

from notify_service import database
from notify_service.accounts import Account
from notify_service.challenges.calls import Heard
from notify_service.delivery.receipts import CallbackWord
from notify_service.delivery.tokens import CallbackToken
from notify_service.replies.reply import Reply

_log = structlog.get_logger()
_BODY_LIMIT = 64 * 1024
_READ_SECONDS = 10.0
_STORE_SECONDS = 5.0
_FORM = "application/x-www-form-urlencoded"
_NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_HANG_UP = '<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>'
_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")
_STATUS = re.compile(r"[a-z][a-z-]{0,31}")

_KEYS = re.compile(r"[0-9*#]{0,32}")

Form = MultiDictProxy[str]
T = TypeVar("T")


Tell = Callable[[str, CallbackWord], Awaitable[None]]
Take = Callable[[str, Reply], Awaitable[None]]
Whose = Callable[[str, str, str], Sequence[str]]
GoOn = Callable[[CallbackToken, Heard], Awaitable[str]]


@dataclass(frozen=True)
class Door:
    """One account's webhooks, and what proves that Twilio calls."""

    account_id: str
    account_sid: str
    auth_tokens: Sequence[str]
    validators: tuple[RequestValidator, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "validators", tuple(RequestValidator(token) for token in self.auth_tokens))


@dataclass(frozen=True)
class Desks:
    """Where what Twilio says goes.

    `tell`: a callback, by account. `take`: a reply, by account. `whose`: Twilio's account, the number and the Messaging Service
    that somebody wrote to, to our accounts that it is for. `go_on`: a call, to what it says next (TwiML).
    """

    tell: Tell
    take: Take
    whose: Whose
    go_on: GoOn


class TwilioHttp:
    """The handlers."""

    def __init__(self, public_url: str, doors: Sequence[Door], desks: Desks, count: Callable[[str], None]) -> None:
        self._public_url = public_url.rstrip("/")
        self._doors = {door.account_id: door for door in doors}
        self._desks = desks
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
        await self._stored(self._desks.tell(door.account_id, word))
        return web.Response(status=204)

    async def inbound(self, request: web.Request) -> web.Response:
        """POST /webhooks/twilio/inbound: empty TwiML, once the reply is stored. Twilio itself answers STOP, START and HELP."""
        form = await self._signed(request)
        reply = Reply.of_form(form)
        if reply is None:
            self._count("unusable_reply")
        else:
            owners = self._desks.whose(form["AccountSid"], form.get("To", ""), form.get("MessagingServiceSid", ""))
            for account_id in owners:
                await self._stored(self._desks.take(account_id, replace(reply, shared=len(owners) > 1)))
        return web.Response(text=_NO_REPLY, content_type="text/xml")

    async def voice(self, request: web.Request) -> web.Response:
        """POST /webhooks/twilio/voice/{token}: what a call says next, once what was pressed is stored."""
        form = await self._signed(request)
        token = CallbackToken.read(request.match_info["token"])
        door = self._doors.get(token.account_id) if token is not None else None
        heard = _heard(form, request.query.get("turn", ""))
        if token is None or door is None or heard is None or door.account_sid != form["AccountSid"]:
            self._count("unusable_call")
            return web.Response(text=_HANG_UP, content_type="text/xml")
        return web.Response(text=await self._stored(self._desks.go_on(token, heard)), content_type="text/xml")

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

    async def _stored(self, storing: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                return await storing
        except (asyncpg.PostgresError, *database.GONE) as error:
            self._count("not_stored")
            _log.warning("webhook.not_stored", error=type(error).__name__)
            raise web.HTTPServiceUnavailable(text="", headers={"Retry-After": "1"}) from None


def setup(
    app: web.Application,
    public_url: str,
    accounts: Mapping[str, Account],
    desks: Desks,
    count: Callable[[str], None],
) -> None:
    """Adds the webhooks to the public application. Other methods than POST get 405 from the router."""
    doors = [Door(one.account_id, one.twilio_account_sid, one.auth_tokens) for one in accounts.values()]
    handlers = TwilioHttp(public_url, doors, desks, count)
    app.router.add_post("/webhooks/twilio/status/{token}", handlers.status)
    app.router.add_post("/webhooks/twilio/inbound", handlers.inbound)
    app.router.add_post("/webhooks/twilio/voice/{token}", handlers.voice)


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


def _heard(form: Form, turn: str) -> Heard | None:
    """What is told of a call; None where it names none, or keys that no phone has."""
    digits = form.get("Digits")
    if (
        not _SID.fullmatch(form.get("CallSid", ""))
        or not _KEYS.fullmatch(digits or "")
        or not re.fullmatch("[0-9]{0,2}", turn)
    ):
        return None
    return Heard(form["CallSid"], form.get("AnsweredBy", ""), digits, int(turn or 0))

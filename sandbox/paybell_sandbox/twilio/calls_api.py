"""Twilio's Calls resource: create, list, fetch, update."""

import datetime
import re

from aiohttp import web

from paybell_sandbox import faulty
from paybell_sandbox.sandbox import SANDBOX
from paybell_sandbox.twilio import numbers, voice
from paybell_sandbox.twilio.errors import TwilioError, refusal, refuse_status
from paybell_sandbox.twilio.message_request import valid_callback
from paybell_sandbox.twilio.messages_api import answering
from paybell_sandbox.twilio.network import NETWORK, Network
from paybell_sandbox.twilio.shapes import API_VERSION, Call

KNOWN = re.compile(
    r"^(To|From|Url|Twiml|Method|StatusCallback|StatusCallbackEvent|StatusCallbackMethod|Timeout|MachineDetection\w*|AsyncAmd\w*|Record\w*"
    r"|TimeLimit|SendDigits|CallerId|CallReason|FallbackUrl|FallbackMethod|ApplicationSid|Trim|Sip\w+|CallToken|Byoc)$"
)
LONGEST_TWIML = 4_000


def setup(app: web.Application, prefix: str) -> None:
    """Adds the routes."""
    account = f"{prefix}/{API_VERSION}/Accounts/{{account}}"
    app.router.add_post(f"{account}/Calls.json", answering(_create))
    app.router.add_get(f"{account}/Calls.json", answering(_list))
    app.router.add_get(f"{account}/Calls/{{sid}}.json", answering(_fetch))
    app.router.add_post(f"{account}/Calls/{{sid}}.json", answering(_update))


def _accept(network: Network, form: dict[str, str], events: list[str]) -> Call:
    if unknown := sorted(name for name in form if not KNOWN.match(name)):
        raise TwilioError(20001, f"unknown parameter {unknown[0]}")
    to, sender = form.get("To", ""), form.get("From", "")
    if not to:
        raise TwilioError(21201)
    if not sender:
        raise TwilioError(21213)
    if not numbers.is_dialable(to):
        raise TwilioError(21211)
    if not numbers.is_dialable(sender):
        raise TwilioError(21212)
    twiml, url, callback = form.get("Twiml", ""), form.get("Url", ""), form.get("StatusCallback", "")
    if not (twiml or url) or len(twiml) > LONGEST_TWIML or (url and not valid_callback(url)):
        raise TwilioError(21205)
    if callback and not valid_callback(callback):
        raise TwilioError(21609)
    refused = numbers.behaviour(to).refuse
    if refused and refused not in (21614, 21610):
        raise TwilioError(21214 if refused == 21612 else refused)
    call = Call(
        sid=network.sid("CA"),
        account_sid=network.sandbox.settings.twilio_account_sid,
        to=to,
        from_=sender,
        twiml=twiml,
        url=url,
        status="queued",
        created=network.sandbox.clock.real_now(),
        business_at=network.business(),
        status_callback=callback,
        status_events=tuple(events) or ("completed",),
        machine_detection=form.get("MachineDetection", "") in ("Enable", "DetectMessageEnd"),
    )
    network.calls[call.sid] = call
    network.sandbox.spawn(voice.ring(network, call))
    return call


async def _create(request: web.Request) -> web.StreamResponse:
    network, form = request.app[NETWORK], await request.post()
    fields = {name: str(value) for name, value in form.items()}
    events = [str(event) for event in form.getall("StatusCallbackEvent", [])]

    async def accept() -> web.Response:
        try:
            return web.json_response(_accept(network, fields, events).to_json(), status=201)
        except TwilioError as error:
            return refusal(error.code, error.detail)

    return await faulty.answer(request, "twilio", "calls.create", fields.get("To", ""), accept, refuse_status)


async def _list(request: web.Request) -> web.StreamResponse:
    network, sandbox, query = request.app[NETWORK], request.app[SANDBOX], request.query

    async def accept() -> web.Response:
        lag = sandbox.faults.pick("twilio", "calls.list", query.get("To", ""), ("lag",))
        youngest = sandbox.clock.real_now() - datetime.timedelta(seconds=sandbox.waiting(lag.seconds) if lag else 0)
        calls = [
            call
            for call in network.calls.values()
            if call.created <= youngest
            and query.get("To", call.to) == call.to
            and query.get("From", call.from_) == call.from_
        ]
        calls.sort(key=lambda call: call.created, reverse=True)
        size, page = min(int(query.get("PageSize", "50")), 1_000), int(query.get("Page", "0"))
        uri = str(request.rel_url.with_path(request.path.removeprefix("/twilio")))
        chosen = calls[page * size : (page + 1) * size]
        following = request.rel_url.with_path(request.path.removeprefix("/twilio")).update_query(
            {"Page": str(page + 1)}
        )
        body = {
            "calls": [call.to_json() for call in chosen], "page": page, "page_size": size, "start": page * size,
            "end": page * size + max(len(chosen) - 1, 0), "uri": uri, "first_page_uri": uri, "previous_page_uri": None,
            "next_page_uri": str(following) if len(calls) > (page + 1) * size else None,
        }  # fmt: skip
        return web.json_response(body)

    return await faulty.answer(request, "twilio", "calls.list", query.get("To", ""), accept, refuse_status)


def _found(request: web.Request) -> Call:
    call = request.app[NETWORK].calls.get(request.match_info["sid"])
    if call is None:
        raise TwilioError(20404)
    return call


async def _fetch(request: web.Request) -> web.StreamResponse:
    return web.json_response(_found(request).to_json())


async def _update(request: web.Request) -> web.StreamResponse:
    call, form = _found(request), await request.post()
    if call.ended is not None:
        raise TwilioError(21220)
    if form.get("Status") in ("canceled", "completed"):
        await voice.hang_up(request.app[NETWORK], call, str(form["Status"]))
    return web.json_response(call.to_json())

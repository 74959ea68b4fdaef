"""Twilio's Calls resource: create, list, fetch, update, delete."""

from typing import Final

from aiohttp import web

from paybell_sandbox.twilio import call_request, listing, voice
from paybell_sandbox.twilio.errors import TwilioError
from paybell_sandbox.twilio.network import NETWORK, Network
from paybell_sandbox.twilio.serving import ACCOUNT, Route, fields
from paybell_sandbox.twilio.shapes import Call

UPDATES: Final = frozenset({
    "Url", "Method", "Status", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod", "Twiml", "TimeLimit",
})  # fmt: skip


async def _create(request: web.Request) -> web.Response:
    network, form = request.app[NETWORK], await request.post()
    events = tuple(str(event) for event in form.getall("StatusCallbackEvent", []))
    call = call_request.parse(await fields(request), events, network, request.match_info["account"])
    network.add(call)
    answer = call.to_json()
    network.beside(voice.ring(network, call))
    return web.json_response(answer, status=201)


async def _list(request: web.Request) -> web.Response:
    status = request.query.get("Status")
    account = request.match_info["account"]
    everyone = request.app[NETWORK].calls.values()
    calls = [call for call in everyone if call.account_sid == account and status in (None, call.status)]
    wanted = listing.shown(
        request, "calls.list", calls, {"StartTime": lambda call: call.started, "EndTime": lambda call: call.ended}
    )
    return web.json_response(listing.page(request, "calls", wanted))


def _found(request: web.Request) -> tuple[Network, Call]:
    network = request.app[NETWORK]
    call = network.calls.get(request.match_info["sid"])
    if call is None or call.account_sid != request.match_info["account"]:
        raise TwilioError(20404)
    return network, call


async def _fetch(request: web.Request) -> web.Response:
    return web.json_response(_found(request)[1].to_json())


async def _update(request: web.Request) -> web.Response:
    (network, call), form = _found(request), await fields(request)
    if unknown := sorted(set(form) - UPDATES):
        raise TwilioError(20001, f"unknown parameter {unknown[0]}")
    if call.ended is not None:
        raise TwilioError(21220)
    document, url = call_request.document(form, needed=False)
    match form.get("Status"):
        case "canceled" if call.status not in ("queued", "ringing"):
            raise TwilioError(21220)
        case "canceled":
            voice.end(network, call, "canceled")
        case "completed":
            voice.end(network, call, "completed" if call.started else "canceled")
        case None if document or url:
            if call.status != "in-progress":
                raise TwilioError(21220)
            voice.redirect(network, call, document, url)
        case None:
            pass
        case _:
            raise TwilioError(20001, "Status can only be set to canceled or completed")
    return web.json_response(call.to_json())


async def _delete(request: web.Request) -> web.Response:
    network, call = _found(request)
    if call.ended is None:
        raise TwilioError(20009)
    del network.calls[call.sid]
    call.deleted = True
    network.announce(call)
    return web.Response(status=204)


ROUTES: Final = (
    Route("calls.create", "POST", f"{ACCOUNT}/Calls.json", _create),
    Route("calls.list", "GET", f"{ACCOUNT}/Calls.json", _list),
    Route("calls.fetch", "GET", f"{ACCOUNT}/Calls/{{sid}}.json", _fetch),
    Route("calls.update", "POST", f"{ACCOUNT}/Calls/{{sid}}.json", _update),
    Route("calls.delete", "DELETE", f"{ACCOUNT}/Calls/{{sid}}.json", _delete),
)

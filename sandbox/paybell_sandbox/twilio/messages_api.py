"""Twilio's Messages resource: create, list, fetch, update, delete; and the account itself."""

from typing import Final

from aiohttp import web

from paybell_sandbox.twilio import carrier, listing, message_request
from paybell_sandbox.twilio.errors import TwilioError
from paybell_sandbox.twilio.network import NETWORK
from paybell_sandbox.twilio.serving import ACCOUNT, Route, fields
from paybell_sandbox.twilio.shapes import Message, account_json

FINAL: Final = frozenset({"delivered", "undelivered", "failed", "canceled", "received", "read"})
"""No status comes after these. ``sent`` counts too where a number's carrier never says more."""

UPDATES: Final = frozenset({"Body", "Status"})


async def _account(request: web.Request) -> web.Response:
    return web.json_response(account_json(request.match_info["account"]))


async def _create(request: web.Request) -> web.Response:
    network, form = request.app[NETWORK], await request.post()
    media = [str(url) for url in form.getall("MediaUrl", [])]
    message = carrier.take(
        network, message_request.parse(await fields(request), media, network, request.match_info["account"])
    )
    answer = message.to_json()  # as it was taken: no callback tells of this status
    await carrier.told_early(message)
    return web.json_response(answer, status=201)


async def _list(request: web.Request) -> web.Response:
    account = request.match_info["account"]
    messages = [one for one in request.app[NETWORK].messages.values() if one.account_sid == account]
    wanted = listing.shown(request, "messages.list", messages, {"DateSent": lambda message: message.sent})
    return web.json_response(listing.page(request, "messages", wanted))


def _found(request: web.Request) -> Message:
    message = request.app[NETWORK].messages.get(request.match_info["sid"])
    if message is None or message.account_sid != request.match_info["account"]:
        raise TwilioError(20404)
    return message


async def _fetch(request: web.Request) -> web.Response:
    return web.json_response(_found(request).to_json())


async def _update(request: web.Request) -> web.Response:
    network, message, form = request.app[NETWORK], _found(request), await fields(request)
    if unknown := sorted(set(form) - UPDATES):
        raise TwilioError(20001, f"unknown parameter {unknown[0]}")
    if "Status" in form:
        if form["Status"] != "canceled":
            raise TwilioError(20001, "Status can only be set to canceled")
        if message.status != "scheduled":
            raise TwilioError(30409)
        carrier.cancel(network, message)
    if "Body" in form:
        if form["Body"]:
            raise TwilioError(20001, "Body can only be emptied")
        if not _is_final(message):
            raise TwilioError(20009)
        message.body = ""
        network.announce(message)
    return web.json_response(message.to_json())


async def _delete(request: web.Request) -> web.Response:
    network, message = request.app[NETWORK], _found(request)
    if not _is_final(message):
        raise TwilioError(20009)
    del network.messages[message.sid]
    message.deleted = True
    network.announce(message)
    return web.Response(status=204)


def _is_final(message: Message) -> bool:
    return message.status in FINAL or message.status == "sent"


ROUTES: Final = (
    Route("accounts.fetch", "GET", f"{ACCOUNT}.json", _account),
    Route("messages.create", "POST", f"{ACCOUNT}/Messages.json", _create),
    Route("messages.list", "GET", f"{ACCOUNT}/Messages.json", _list),
    Route("messages.fetch", "GET", f"{ACCOUNT}/Messages/{{sid}}.json", _fetch),
    Route("messages.update", "POST", f"{ACCOUNT}/Messages/{{sid}}.json", _update),
    Route("messages.delete", "DELETE", f"{ACCOUNT}/Messages/{{sid}}.json", _delete),
)

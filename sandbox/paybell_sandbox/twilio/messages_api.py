"""Twilio's Messages resource: create, list, fetch, update, delete."""

import datetime
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from paybell_sandbox import faulty
from paybell_sandbox.sandbox import SANDBOX
from paybell_sandbox.twilio import message_request
from paybell_sandbox.twilio.authentication import authenticate
from paybell_sandbox.twilio.errors import TwilioError, refusal, refuse_status
from paybell_sandbox.twilio.network import NETWORK, plain_number
from paybell_sandbox.twilio.shapes import API_VERSION, Message

FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received", "read"})
BIGGEST_PAGE = 1_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def setup(app: web.Application, prefix: str) -> None:
    """Adds the routes."""
    account = f"{prefix}/{API_VERSION}/Accounts/{{account}}"
    app.router.add_get(f"{account}.json", answering(_account))
    app.router.add_post(f"{account}/Messages.json", answering(_create))
    app.router.add_get(f"{account}/Messages.json", answering(_list))
    app.router.add_get(f"{account}/Messages/{{sid}}.json", answering(_fetch))
    app.router.add_post(f"{account}/Messages/{{sid}}.json", answering(_update))
    app.router.add_delete(f"{account}/Messages/{{sid}}.json", answering(_delete))


def answering(handler: Handler) -> Handler:
    """Turns a refusal into Twilio's JSON answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            authenticate(request)
            return await handler(request)
        except TwilioError as error:
            return refusal(error.code, error.detail)

    return answer


async def _account(request: web.Request) -> web.StreamResponse:
    sid = request.match_info["account"]
    body = {
        "sid": sid,
        "friendly_name": "Sandbox",
        "status": "active",
        "type": "Full",
        "uri": f"/{API_VERSION}/Accounts/{sid}.json",
    }
    return web.json_response(body)


async def _create(request: web.Request) -> web.StreamResponse:
    network = request.app[NETWORK]
    form = await request.post()
    fields = {name: str(value) for name, value in form.items()}

    async def accept() -> web.Response:
        try:
            wanted = message_request.parse(fields, len(form.getall("MediaUrl", [])), network)
        except TwilioError as error:
            return refusal(error.code, error.detail)
        message = network.accept_message(
            to=wanted.to,
            sender=wanted.sender,
            service=wanted.service,
            body=wanted.body,
            status_callback=wanted.status_callback,
            num_media=wanted.num_media,
        )
        return web.json_response(message.to_json(), status=201)

    return await faulty.answer(
        request, "twilio", "messages.create", plain_number(fields.get("To", "")), accept, refuse_status
    )


def _matching(messages: Iterable[Message], query: dict[str, str]) -> list[Message]:
    wanted = []
    for message in messages:
        if "To" in query and message.to != query["To"]:
            continue
        if "From" in query and message.from_ != query["From"]:
            continue
        if not _sent_as_asked(message, query):
            continue
        wanted.append(message)
    return sorted(wanted, key=lambda message: message.created, reverse=True)


_Comparison = Callable[[datetime.datetime, datetime.datetime], bool]

DATE_FILTERS: dict[str, _Comparison] = {
    "DateSent": lambda sent, asked: sent.date() == asked.date(),
    "DateSent>": lambda sent, asked: sent >= asked,
    "DateSent<": lambda sent, asked: sent <= asked,
}


def _sent_as_asked(message: Message, query: dict[str, str]) -> bool:
    # a message that was not sent yet has no date and is left out by any filter on it
    for name, fits in DATE_FILTERS.items():
        if name in query:
            asked = datetime.datetime.fromisoformat(query[name])
            asked = asked if asked.tzinfo else asked.replace(tzinfo=datetime.UTC)
            if message.sent is None or not fits(message.sent, asked):
                return False
    return True


async def _list(request: web.Request) -> web.StreamResponse:
    network, sandbox = request.app[NETWORK], request.app[SANDBOX]
    query = dict(request.query)

    async def accept() -> web.Response:
        lag = sandbox.faults.pick("twilio", "messages.list", plain_number(query.get("To", "")), ("lag",))
        youngest = sandbox.clock.real_now() - datetime.timedelta(seconds=sandbox.waiting(lag.seconds) if lag else 0)
        shown = [message for message in _matching(network.messages.values(), query) if message.created <= youngest]
        size = min(int(query.get("PageSize", "50")), BIGGEST_PAGE)
        page = int(query.get("Page", "0"))
        return web.json_response(_page(request, shown, page, size))

    return await faulty.answer(
        request, "twilio", "messages.list", plain_number(query.get("To", "")), accept, refuse_status
    )


def _page(request: web.Request, shown: list[Message], page: int, size: int) -> dict[str, object]:
    path = request.path.removeprefix("/twilio")
    chosen = shown[page * size : (page + 1) * size]

    def uri(number: int) -> str:
        kept = {
            **request.query,
            "Page": str(number),
            "PageSize": str(size),
            "PageToken": f"PA{chosen[-1].sid if chosen else ''}",
        }
        return str(request.rel_url.with_path(path).with_query(kept))

    return {
        "messages": [message.to_json() for message in chosen],
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(len(chosen) - 1, 0),
        "uri": uri(page),
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1) if len(shown) > (page + 1) * size else None,
        "previous_page_uri": uri(page - 1) if page else None,
    }


def _found(request: web.Request) -> Message:
    message = request.app[NETWORK].messages.get(request.match_info["sid"])
    if message is None:
        raise TwilioError(20404)
    return message


async def _fetch(request: web.Request) -> web.StreamResponse:
    async def accept() -> web.Response:
        return web.json_response(_found(request).to_json())

    return await faulty.answer(request, "twilio", "messages.fetch", "", accept, refuse_status)


async def _update(request: web.Request) -> web.StreamResponse:
    message, form = _found(request), await request.post()
    if form.get("Status") == "canceled":
        if message.status not in ("scheduled", "accepted", "queued"):
            raise TwilioError(30409)
        message.status = "canceled"
    if form.get("Body") == "":
        message.body = ""
    return web.json_response(message.to_json())


async def _delete(request: web.Request) -> web.StreamResponse:
    message = _found(request)
    if message.status not in FINAL:
        raise TwilioError(30409)
    del request.app[NETWORK].messages[message.sid]
    return web.Response(status=204)

"""What a judge, a test and the page ask of Stripe's side, below /sandbox. Nothing of it exists at Stripe."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Final

from aiohttp import web

from paybell_sandbox import asked
from paybell_sandbox.asked import Handler, wrong
from paybell_sandbox.business import COLLEAGUES
from paybell_sandbox.stripe import versions
from paybell_sandbox.stripe.deliveries import DeliveryOptions, summary
from paybell_sandbox.stripe.people import PEOPLE
from paybell_sandbox.stripe.side import STRIPE
from paybell_sandbox.stripe.stories import STORIES, StoryError

_FILTERS: Final = ("method", "path", "operation", "idempotency_key", "account")
_STORY_KEYS: Final = frozenset({"account", "livemode", "seed"})


def setup(app: web.Application) -> None:
    routes: list[tuple[str, str, Handler]] = [
        ("GET", "stories", _stories),
        ("POST", "stories/{name}", _play),
        ("GET", "stripe/people", _people),
        ("GET", "stripe/calls", _calls),
        ("DELETE", "stripe/calls", _forget_calls),
        ("GET", "stripe/events", _events),
        ("GET", "stripe/events/{id}", _event),
        ("POST", "stripe/events/{id}/resend", _resend),
        ("GET", "stripe/delivery", _delivery),
        ("PUT", "stripe/delivery", _put_delivery),
        ("GET", "stripe/wait/delivered", _wait_until_delivered),
        ("GET", "stripe/endpoints", _endpoints),
        ("POST", "stripe/endpoints", _add_endpoint),
        ("DELETE", "stripe/endpoints/{id}", _remove_endpoint),
        ("PUT", "stripe/accounts/{id}", _put_account),
        ("POST", "stripe/reset", _reset),
    ]
    for method, path, handler in routes:
        app.router.add_route(method, f"/sandbox/{path}", handler)


async def _stories(_request: web.Request) -> web.Response:
    return web.json_response({"stories": [story.described() for story in STORIES.values()]})


async def _people(_request: web.Request) -> web.Response:
    people = [{**asdict(person), "number": person.number} for person in PEOPLE.values()]
    return web.json_response({"people": people, "colleagues": [asdict(team) for team in COLLEAGUES]})


async def _play(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in STORIES:
        return wrong(f"there is no story {name!r}; GET /sandbox/stories lists them", 404)
    body = await asked.body(request)
    given = {key: value for key, value in body.items() if key not in _STORY_KEYS}
    account, livemode, seed = (body.get(key) for key in ("account", "livemode", "seed"))
    if account is not None and not str(account).startswith("acct_"):
        return wrong("account must be an account id (acct_…)")
    if livemode is not None and not isinstance(livemode, bool):
        return wrong("livemode must be true or false")
    stripe = request.app[STRIPE]
    try:
        ids, events = stripe.play(
            name, given, account=account, livemode=livemode, seed=None if seed is None else str(seed)
        )
    except StoryError as error:
        return wrong(str(error))
    except ValueError as error:
        return wrong(str(error), 409)
    told = [{"id": event.id, "type": event.type, "object": event.subject.newest.get("id")} for event in events]
    return web.json_response({"story": name, "ids": ids, "events": told}, status=201)


async def _calls(request: web.Request) -> web.Response:
    wanted = {name: request.query[name] for name in _FILTERS if name in request.query}
    return web.json_response({"calls": request.app[STRIPE].api.log.found(**wanted)})


async def _forget_calls(request: web.Request) -> web.Response:
    request.app[STRIPE].api.log.entries.clear()
    return web.json_response({})


async def _events(request: web.Request) -> web.Response:
    query = request.query
    found = [
        summary(record)
        for record in request.app[STRIPE].deliveries.records()
        if query.get("type", record.event.type) == record.event.type
        and query.get("account", record.event.account) == record.event.account
        and query.get("object", record.event.subject.newest.get("id")) == record.event.subject.newest.get("id")
    ]
    limit = query.get("limit", "")
    return web.json_response({"events": found[: int(limit)] if limit.isdigit() else found})


async def _event(request: web.Request) -> web.Response:
    """One event with its body, in the shape of the version asked for."""
    record = request.app[STRIPE].deliveries.named(request.match_info["id"])
    if record is None:
        return wrong("there is no such event", 404)
    version = request.query.get("api_version", versions.NEWEST)
    if not versions.is_known(version):
        return wrong(f"{version} is no API version that the sandbox knows")
    connected = record.event.account != request.app[STRIPE].accounts.main
    return web.json_response({**summary(record), "body": record.event.envelope(version, connected=connected)})


async def _resend(request: web.Request) -> web.Response:
    deliveries = request.app[STRIPE].deliveries
    record = deliveries.named(request.match_info["id"])
    if record is None:
        return wrong("there is no such event", 404)
    body = await asked.body(request, names=frozenset({"endpoint"}))
    return web.json_response({"endpoints": deliveries.resend(record, body.get("endpoint"))}, status=202)


async def _delivery(request: web.Request) -> web.Response:
    return web.json_response(asdict(request.app[STRIPE].deliveries.options))


async def _put_delivery(request: web.Request) -> web.Response:
    deliveries = request.app[STRIPE].deliveries
    body = await asked.body(request, names=frozenset(asdict(deliveries.options)))
    for name, value in body.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = isinstance(value, bool) if name == "enabled" else number if name == "loss" else isinstance(value, int)
        if not fits:
            return wrong(f"{name} must be {'true or false' if name == 'enabled' else 'a number'}")
    options: DeliveryOptions = replace(deliveries.options, **body)
    problem = options.problem()
    if problem is not None:
        return wrong(problem)
    deliveries.use(options)
    return await _delivery(request)


async def _wait_until_delivered(request: web.Request) -> web.Response:
    return await asked.waited_for(request, request.app[STRIPE].deliveries.until_delivered)


async def _endpoints(request: web.Request) -> web.Response:
    found = request.app[STRIPE].deliveries.endpoints.values()
    shown = [{**asdict(one), "secrets": len(one.secrets)} for one in found]
    return web.json_response({"endpoints": shown})


async def _add_endpoint(request: web.Request) -> web.Response:
    names = frozenset({"url", "secret", "api_version", "account", "livemode", "connect", "enabled_events"})
    body = await asked.body(request, names=names)
    secret = body.get("secret")
    secrets = tuple(secret) if isinstance(secret, list) else (secret,)
    version = body.get("api_version", versions.NEWEST)
    if not isinstance(body.get("url"), str) or not all(isinstance(one, str) and one for one in secrets):
        return wrong("url and secret are needed (secret may be a list of two)")
    if not isinstance(version, str) or not versions.is_known(version):
        return wrong(f"{version} is no API version that the sandbox knows")
    endpoint = request.app[STRIPE].add_endpoint(
        url=body["url"],
        secrets=secrets,
        api_version=version,
        account=body.get("account"),
        livemode=bool(body.get("livemode", False)),
        connect=bool(body.get("connect", False)),
        enabled_events=tuple(body.get("enabled_events", ("*",))),
    )
    return web.json_response({"id": endpoint.id}, status=201)


async def _remove_endpoint(request: web.Request) -> web.Response:
    removed = request.app[STRIPE].deliveries.endpoints.pop(request.match_info["id"], None)
    return web.json_response({}) if removed else wrong("there is no such endpoint", 404)


async def _put_account(request: web.Request) -> web.Response:
    """An account of its own, opened by its own key; without a key one that the main account reaches (Connect)."""
    identity = request.match_info["id"]
    if not identity.startswith("acct_"):
        return wrong("an account id begins with acct_")
    body = await asked.body(request, names=frozenset({"api_key", "default_api_version"}))
    version = body.get("default_api_version", versions.NEWEST)
    if not isinstance(version, str) or not versions.is_known(version):
        return wrong(f"{version} is no API version that the sandbox knows")
    accounts = request.app[STRIPE].accounts
    key = body.get("api_key")
    if key is not None:
        accounts.keys[str(key)] = identity
    elif identity != accounts.main:
        accounts.connected.add(identity)
    for livemode in (False, True):
        accounts.world(identity, livemode=livemode).default_version = version
    return web.json_response({"id": identity, "default_api_version": version})


async def _reset(request: web.Request) -> web.Response:
    request.app[STRIPE].forget()
    request.app[STRIPE].sandbox.publish("reset", {"side": "stripe"})
    return web.json_response({})

"""Twilio's side of the sandbox: messages, calls, look-ups, callbacks and replies."""

from collections import deque

from aiohttp import web

from paybell_sandbox.sandbox import Sandbox
from paybell_sandbox.twilio import calls_api, lookups_api, messages_api, recording
from paybell_sandbox.twilio.errors import refusal
from paybell_sandbox.twilio.network import NETWORK, Network

PREFIX = "/twilio"


def setup(app: web.Application, sandbox: Sandbox) -> None:
    """Adds Twilio's API under ``/twilio``; the base URL of the services' client is that of the sandbox with this path."""
    network = Network(sandbox)
    app[NETWORK] = network
    app[recording.REQUESTS] = deque(maxlen=recording.KEPT)
    app.middlewares.append(recording.middleware(PREFIX, sandbox.settings.record_file))
    for api in (messages_api, calls_api, lookups_api):
        api.setup(app, PREFIX)
    app.router.add_route("*", f"{PREFIX}/{{rest:.*}}", _nothing_there)
    app.cleanup_ctx.append(network.open)


async def _nothing_there(request: web.Request) -> web.Response:
    request.app[NETWORK].sandbox.violation(
        "something was asked of Twilio that it or the sandbox does not have", path=request.path
    )
    return refusal(20404)

"""Twilio's side of the sandbox: messages, calls, look-ups, callbacks and replies."""

from collections import deque
from typing import Final

from aiohttp import web

from paybell_sandbox.faults import CALL_ACTS
from paybell_sandbox.sandbox import Sandbox
from paybell_sandbox.twilio import calls_api, carrier, listing, lookups_api, messages_api, recording, replies, reports
from paybell_sandbox.twilio.errors import refusal
from paybell_sandbox.twilio.network import NETWORK, Network

PREFIX: Final = "/twilio"
ROUTES: Final = (*messages_api.ROUTES, *calls_api.ROUTES, *lookups_api.ROUTES)

BEFALL: Final = {
    **{route.operation: CALL_ACTS for route in ROUTES},
    "messages.list": (*CALL_ACTS, *listing.ACTS),
    "calls.list": (*CALL_ACTS, *listing.ACTS),
    "callback": (*reports.ACTS, *carrier.ACTS),
    "inbound": replies.ACTS,
}
"""What can go wrong with each call, and with what Twilio sends by itself."""


def setup(app: web.Application, sandbox: Sandbox) -> None:
    """Adds Twilio's API under ``/twilio``; the base URL of the services' client is that of the sandbox with this path."""
    network = Network(sandbox)
    app[NETWORK] = network
    app[recording.REQUESTS] = deque(maxlen=recording.KEPT)
    app.middlewares.append(recording.middleware(PREFIX, sandbox.settings.record_file))
    sandbox.faults.know("twilio", BEFALL)
    for route in ROUTES:
        route.add(app, PREFIX)
    app.router.add_route("*", f"{PREFIX}/{{rest:.*}}", _nothing_there)
    app.cleanup_ctx.append(network.open)


async def _nothing_there(request: web.Request) -> web.Response:
    request.app[NETWORK].sandbox.violation(
        "something was asked of Twilio that it or the sandbox does not have", path=request.path
    )
    return refusal(20404)

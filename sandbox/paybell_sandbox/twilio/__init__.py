"""Twilio's side of the sandbox: messages, calls, look-ups, callbacks and replies."""

from aiohttp import web

from paybell_sandbox.sandbox import Sandbox
from paybell_sandbox.twilio import calls_api, lookups_api, messages_api, recording
from paybell_sandbox.twilio.network import NETWORK, Network

PREFIX = "/twilio"


def setup(app: web.Application, sandbox: Sandbox) -> None:
    """Adds Twilio's API under ``/twilio``; the base URL of the services' client is that of the sandbox with this path."""
    network = Network(sandbox)
    app[NETWORK] = network
    app.middlewares.append(recording.middleware(sandbox.settings.record_file))
    for api in (messages_api, calls_api, lookups_api):
        api.setup(app, PREFIX)
    app.cleanup_ctx.append(network.open)

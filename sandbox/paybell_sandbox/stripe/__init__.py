"""Stripe's side of the sandbox: its API, its events and the stories that make things happen.

For tests without a server: `telling.tell` plays a story and gives its events, `signing.signature` signs them.
"""

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from paybell_sandbox.faults import CALL_ACTS
from paybell_sandbox.sandbox import Sandbox
from paybell_sandbox.stripe import control, deliveries, hosted
from paybell_sandbox.stripe.api.routes import ROUTES
from paybell_sandbox.stripe.api.server import PREFIX
from paybell_sandbox.stripe.side import STRIPE, Stripe

BEFALL: Final = {**{route.operation: CALL_ACTS for route in ROUTES}, "event": deliveries.ACTS}
"""What can go wrong with each call, and with the events that Stripe sends."""


def setup(app: web.Application, sandbox: Sandbox) -> None:
    """Adds Stripe's API under ``/stripe`` and the routes of Stripe's side below ``/sandbox``."""
    stripe = Stripe(sandbox)
    app[STRIPE] = stripe
    sandbox.faults.know("stripe", BEFALL)
    hosted.setup(app)
    app.router.add_route("*", PREFIX + "/{path:.*}", stripe.answer)
    control.setup(app)

    async def ending(_app: web.Application) -> AsyncIterator[None]:
        yield
        await stripe.deliveries.close()

    app.cleanup_ctx.append(ending)


__all__ = ["PREFIX", "STRIPE", "Stripe", "setup"]

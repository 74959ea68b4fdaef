"""Stripe's side of the sandbox: its API, its events and the stories that make things happen.

For tests without a server: `telling.tell` plays a story and gives its events, `signing.signature` signs them.
"""

from collections.abc import AsyncIterator

from aiohttp import web

from paybell_sandbox.sandbox import Sandbox
from paybell_sandbox.stripe import control, hosted
from paybell_sandbox.stripe.api.server import PREFIX
from paybell_sandbox.stripe.side import STRIPE, Stripe


def setup(app: web.Application, sandbox: Sandbox) -> None:
    """Adds Stripe's API under ``/stripe`` and the routes of Stripe's side below ``/sandbox``."""
    stripe = Stripe(sandbox)
    app[STRIPE] = stripe
    hosted.setup(app)
    app.router.add_route("*", PREFIX + "/{path:.*}", stripe.answer)
    control.setup(app)

    async def ending(_app: web.Application) -> AsyncIterator[None]:
        yield
        await stripe.deliveries.close()

    app.cleanup_ctx.append(ending)


__all__ = ["PREFIX", "STRIPE", "Stripe", "setup"]

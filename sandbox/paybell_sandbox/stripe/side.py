"""Stripe's side as a whole: accounts, deliveries and the API, and the key under which the application holds it."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from paybell_sandbox.sandbox import Sandbox
from paybell_sandbox.stripe import versions
from paybell_sandbox.stripe.accounts import Accounts
from paybell_sandbox.stripe.api.server import Api
from paybell_sandbox.stripe.deliveries import Deliveries
from paybell_sandbox.stripe.endpoints import Endpoint
from paybell_sandbox.stripe.ids import Ids
from paybell_sandbox.stripe.stories import play
from paybell_sandbox.stripe.world import Event


class Stripe:
    """Everything of Stripe that this sandbox plays. `forget` begins anew, with the endpoints that were there."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.deliveries = Deliveries(sandbox)
        self._endpoint_ids = Ids(f"endpoints:{sandbox.settings.seed}")
        self._begin(f"{sandbox.settings.seed}")
        settings = sandbox.settings
        if settings.stripe_webhook_url:
            self.add_endpoint(
                url=settings.stripe_webhook_url,
                secrets=(settings.stripe_webhook_secret.get_secret_value(),),
                livemode=self.accounts.livemode,
            )

    def _begin(self, seed: str) -> None:
        self.accounts = Accounts(
            seed=seed,
            now=self.sandbox.clock.unix,
            heard=self.deliveries.hear,
            key=self.sandbox.settings.stripe_api_key.get_secret_value(),
            hosted=_hosted(self.sandbox.settings.listen),
        )
        self.deliveries.main_account = self.accounts.main
        self.api = Api(self.accounts, self.deliveries, Ids(f"requests:{seed}"))

    def forget(self) -> None:
        """No objects, events or calls any more; keys of accounts and endpoints stay. Ids begin anew, never the same."""
        keys, connected = self.accounts.keys, self.accounts.connected
        self._begin(f"{self.sandbox.settings.seed}:{self._endpoint_ids.text(8)}")
        self.accounts.keys, self.accounts.connected = keys, connected
        self.deliveries.forget()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        return await self.api(request)

    def add_endpoint(
        self,
        *,
        url: str,
        secrets: tuple[str, ...],
        api_version: str = versions.NEWEST,
        account: str | None = None,
        livemode: bool = False,
        connect: bool = False,
        enabled_events: tuple[str, ...] = ("*",),
    ) -> Endpoint:
        """Events from now on go there, too."""
        endpoint = Endpoint(
            id=self._endpoint_ids.new("we"),
            url=url,
            secrets=secrets,
            api_version=api_version,
            account=account or self.accounts.main,
            livemode=livemode,
            created=self.sandbox.clock.unix(),
            connect=connect,
            enabled_events=enabled_events,
        )
        self.deliveries.endpoints[endpoint.id] = endpoint
        return endpoint

    def play(
        self,
        name: str,
        given: dict[str, Any],
        *,
        account: str | None = None,
        livemode: bool | None = None,
        seed: str | None = None,
    ) -> tuple[dict[str, str], list[Event]]:
        """Run a story: the ids of what it touched and the events it sent. Unknown accounts become connected ones.

        With a seed the ids are those of that seed, in every account the same.
        """
        whose = account or self.accounts.main
        if not self.accounts.is_known(whose):
            self.accounts.connected.add(whose)
        world = self.accounts.world(whose, livemode=self.accounts.livemode if livemode is None else livemode)
        before, ids = len(world.events), world.ids
        if seed is not None:
            world.ids = Ids(seed)
        try:
            touched = play(world, name, given)
        finally:
            world.ids = ids
        return touched, world.events[before:]


def _hosted(listen: str) -> str:
    """The browser that follows a link runs on this machine, wherever the services are."""
    port = listen.rpartition(":")[2]
    return "" if port == "0" else f"http://127.0.0.1:{port}/stripe/hosted"


STRIPE: Final[web.AppKey[Stripe]] = web.AppKey("stripe", Stripe)

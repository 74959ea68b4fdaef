"""How every call to Twilio's side is answered: faults first, then credentials, then the work or a refusal in Twilio's JSON."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from paybell_sandbox import faulty
from paybell_sandbox.twilio.addresses import plain_number
from paybell_sandbox.twilio.authentication import authenticate
from paybell_sandbox.twilio.errors import TwilioError, refusal, refuse_status
from paybell_sandbox.twilio.network import NETWORK
from paybell_sandbox.twilio.shapes import API_VERSION

Work = Callable[[web.Request], Awaitable[web.Response]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


ACCOUNT: Final = f"/{API_VERSION}/Accounts/{{account}}"
"""Where an account's own things are."""


@dataclass(frozen=True)
class Route:
    """A call that Twilio has.

    Attributes:
        operation: the name by which faults know it.
        path: below the base URL.
        work: does what is asked.
    """

    operation: str
    method: str
    path: str
    work: Work

    def add(self, app: web.Application, prefix: str) -> None:
        """Serves it below the path that stands for Twilio's base URL."""
        app.router.add_route(self.method, prefix + self.path, _served(self.operation, self.work))


def _served(operation: str, work: Work) -> Handler:

    async def handler(request: web.Request) -> web.StreamResponse:
        async def accept() -> web.Response:
            try:
                authenticate(request)
                return await work(request)
            except TwilioError as error:
                return refusal(error.code, error.detail)

        return await faulty.answer(request, "twilio", operation, await _recipient(request), accept, refuse_status)

    return handler


async def fields(request: web.Request) -> dict[str, str]:
    """The form, of repeated fields the last."""
    return {name: str(value) for name, value in (await request.post()).items()}


async def _recipient(request: web.Request) -> str:
    """The number that the call is about, for faults that strike one number only; empty where there is none."""
    given = (await fields(request)).get("To") or request.query.get("To") or request.match_info.get("number")
    if given:
        return plain_number(given)
    network, sid = request.app[NETWORK], request.match_info.get("sid", "")
    thing = network.messages.get(sid) or network.calls.get(sid)
    return plain_number(thing.to) if thing else ""

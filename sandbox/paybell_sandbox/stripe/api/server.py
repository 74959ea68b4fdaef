"""Requests to /stripe/v1/…: key, version, parameters, idempotency, the call itself, and the answer in Stripe's form."""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web

from paybell_sandbox import faulty
from paybell_sandbox.stripe import versions
from paybell_sandbox.stripe.accounts import Accounts
from paybell_sandbox.stripe.api import routes
from paybell_sandbox.stripe.api.call import Call
from paybell_sandbox.stripe.api.calls import CallLog, Logged
from paybell_sandbox.stripe.api.errors import ApiError, at_fault
from paybell_sandbox.stripe.api.expanding import expand
from paybell_sandbox.stripe.api.forms import nested
from paybell_sandbox.stripe.api.idempotency import Answers, Stored
from paybell_sandbox.stripe.api.parameters import checked, shape_of
from paybell_sandbox.stripe.deliveries import Deliveries
from paybell_sandbox.stripe.ids import Ids
from paybell_sandbox.stripe.world import Obj, World

PREFIX: Final = "/stripe"
_WITHOUT_SHAPE: Final = frozenset({"event", "webhook_endpoint", "account", "list"})
"""Answers that are as they are in every version."""


@dataclass
class Request:
    """A request taken apart. What is not known yet is filled in on the way."""

    http: web.Request
    id: str
    method: str
    path: str
    pairs: list[tuple[str, str]]
    logged: Logged
    version: str = versions.NEWEST
    world: World | None = None

    @property
    def idempotency_key(self) -> str | None:
        """Only POST looks at it; GET and DELETE are idempotent anyway."""
        return self.http.headers.get("Idempotency-Key") if self.method == "POST" else None

    @property
    def params(self) -> str:
        return json.dumps(sorted(self.pairs))


@dataclass
class Api:
    accounts: Accounts
    deliveries: Deliveries
    request_ids: Ids
    log: CallLog = field(default_factory=CallLog)
    answers: Answers = field(default_factory=Answers)

    async def __call__(self, http: web.Request) -> web.StreamResponse:
        path = http.path.removeprefix(PREFIX)
        found = routes.found(http.method, path)
        operation = found[0].operation if found else "unknown"
        raw = await http.text() if http.method == "POST" else http.query_string
        pairs = parse_qsl(raw, keep_blank_values=True)
        request = Request(
            http, self.request_ids.new("req"), http.method, path, pairs, self._logged(http, path, operation)
        )
        request.logged.request_id = request.id
        self.log.begin(request.logged)

        async def accept() -> web.Response:
            return self._answer(request, found)

        def refuse(status: int) -> web.Response:
            return self._refuse(request, status)

        return await faulty.answer(http, "stripe", operation, "", accept, refuse)

    def _logged(self, http: web.Request, path: str, operation: str) -> Logged:
        return Logged(
            at=time.time(),
            request_id="",
            method=http.method,
            path=path,
            operation=operation,
            params={},
            idempotency_key=http.headers.get("Idempotency-Key"),
            account=None,
            livemode=None,
            version=http.headers.get("Stripe-Version"),
        )

    def _refuse(self, request: Request, status: int) -> web.Response:
        """Stripe is at fault. Where the work was done before, a 500 is what the key gets from now on, too."""
        error = at_fault(status)
        body = _json(error.body(request.id))
        key, world = request.idempotency_key, request.world
        if status == 500 and key is not None and world is not None:
            kept = Stored(request.method, request.path, request.params, request.id, 500, body)
            self.answers.keep(world.account, key, kept, livemode=world.livemode)
        request.logged.answer, request.logged.error_code = status, error.code
        response = self._response(request, status, body)
        if status == 429:
            response.headers["Stripe-Rate-Limited-Reason"] = "global-rate"
        return response

    def _answer(self, request: Request, found: tuple[routes.Route, dict[str, str]] | None) -> web.Response:
        try:
            status, body, earlier = self._done(request, found)
        except ApiError as error:
            request.logged.answer, request.logged.error_code = error.status, error.code
            return self._response(request, error.status, _json(error.body(request.id)))
        request.logged.answer = status
        response = self._response(request, status, body)
        if earlier is not None:
            request.logged.replayed = True
            response.headers["Idempotent-Replayed"] = "true"
            response.headers["Original-Request"] = earlier
        return response

    def _done(
        self, request: Request, found: tuple[routes.Route, dict[str, str]] | None
    ) -> tuple[int, bytes, str | None]:
        """Status, body and, for a replay, the id of the request it repeats."""
        world = self.accounts.opened_by(_key(request.http), request.http.headers.get("Stripe-Account"))
        request.logged.account, request.logged.livemode = world.account, world.livemode
        request.version = request.http.headers.get("Stripe-Version") or world.default_version
        if not versions.is_known(request.version):
            raise ApiError(400, f"Invalid Stripe API version: {request.version}.")
        given = nested(request.pairs)
        request.logged.params = given
        if found is None:
            raise ApiError(
                404, f"Unrecognized request URL ({request.method}: {request.path}), or the sandbox does not have it."
            )
        route, path = found
        params = checked(shape_of(route.params), given)
        key = request.idempotency_key
        if key is not None:
            stored = self.answers.earlier(
                world.account, key, request.method, request.path, request.params, livemode=world.livemode
            )
            if stored is not None:
                return stored.status, stored.body, stored.request_id
        call = Call(world, request.version, params, path, self.deliveries)
        request.world = world
        status, body = self._performed(request, route, call)
        if key is not None:
            kept = Stored(request.method, request.path, request.params, request.id, status, body)
            self.answers.keep(world.account, key, kept, livemode=world.livemode)
        return status, body, None

    def _performed(self, request: Request, route: routes.Route, call: Call) -> tuple[int, bytes]:
        """The call's own refusals are answers too: they are kept with the key."""
        try:
            with call.world.caused_by(request.id, request.idempotency_key):
                answer = shaped(call, route.handler(call))
            expand(call, answer, list(call.params.get("expand", [])))
        except ApiError as error:
            request.logged.error_code = error.code
            return error.status, _json(error.body(request.id))
        return 200, _json(answer)

    def _response(self, request: Request, status: int, body: bytes) -> web.Response:
        headers = {
            "Content-Type": "application/json",
            "Request-Id": request.id,
            "Stripe-Version": request.version,
        }
        key = request.idempotency_key
        if key is not None:
            headers["Idempotency-Key"] = key
        if status in (409, 500, 503):
            headers["Stripe-Should-Retry"] = "true"
        return web.Response(status=status, body=body, headers=headers)


def shaped(call: Call, answer: Obj) -> Obj:
    """The answer in the version of the call. Events stay as they were written."""
    kind: Any = answer["object"]
    if kind == "list":
        return {**answer, "data": [shaped(call, one) for one in answer["data"]]}
    return dict(answer) if kind in _WITHOUT_SHAPE else call.rendered(answer)


def _key(http: web.Request) -> str | None:
    """Bearer, or basic with the key as user name."""
    scheme, _, value = http.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def _json(body: Obj) -> bytes:
    return json.dumps(body, indent=2, ensure_ascii=False).encode()

"""The SDK's HTTP client, made strict: a timeout that holds, no retries, no redirects, and a witness of every exchange.

The SDK's own asynchronous client waits without end by default, repeats POSTs on 5xx when asked to retry, and logs numbers
at INFO. Here the row owns retrying, so nothing below it repeats anything.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace
from urllib.parse import urlencode, urlsplit, urlunsplit

import aiohttp
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response

from notify_service import crashpoints

from .call_outcome import Observed

DEFAULT_BASE = "https://api.twilio.com"
_ANSWER_LIMIT = 4 * 1024 * 1024

logging.getLogger("twilio.async_http_client").setLevel(logging.WARNING)


class Exchange:
    """What became of the request made inside `witnessing()`."""

    def __init__(self) -> None:
        self.connected = False
        self.status: int | None = None
        self.text: str | None = None
        self.retry_after: float | None = None

    def observed(self) -> Observed:
        """The exchange as a value to classify."""
        return Observed(self.connected, self.status, _json_object(self.text), self.retry_after)


_exchange: ContextVar[Exchange | None] = ContextVar("twilio_exchange", default=None)


@contextmanager
def witnessing() -> Iterator[Exchange]:
    """Watches the one request that the task makes inside."""
    exchange = Exchange()
    token = _exchange.set(exchange)
    try:
        yield exchange
    finally:
        _exchange.reset(token)


class TwilioTransport(AsyncTwilioHttpClient):  # type: ignore[misc]  # the SDK publishes no types
    """Make it inside the running loop and close it there.

    `base`: where Twilio is; another one than the default takes every host of Twilio's, with the base's path in front.
    `timeout`: seconds for a whole request, connecting included.
    """

    def __init__(self, base: str = DEFAULT_BASE, *, timeout: float = 10.0, connections: int = 200) -> None:
        super().__init__(pool_connections=False)
        self._base = None if base.rstrip("/") == DEFAULT_BASE else urlsplit(base.rstrip("/"))
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        # Idle connections are dropped before the other side does it: a reset on a reused one leaves a call unknown.
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=15, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_connection_trace()],
            trust_env=False,
        )

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, str | int] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 (ours always holds)
        allow_redirects: bool = False,  # noqa: ARG002
    ) -> Response:
        """One request, once. Raises what aiohttp raises; the exchange holds what was seen until then."""
        exchange = _exchange.get() or Exchange()
        assert self.session is not None
        async with self.session.request(
            method.upper(),
            self._placed(url),
            params=params,
            data=urlencode(data, doseq=True).encode() if data else None,
            headers={**(headers or {}), **_authorization(auth)},
            timeout=self._timeout,
            allow_redirects=False,
            trace_request_ctx=SimpleNamespace(exchange=exchange, method=method.upper()),
        ) as answer:
            raw = await _read_at_most(answer, _ANSWER_LIMIT)
            exchange.retry_after = _seconds(answer.headers.get("Retry-After"))
            exchange.text = raw.decode("utf-8", errors="replace")
            exchange.status = answer.status
            return Response(answer.status, exchange.text, answer.headers)

    def _placed(self, url: str) -> str:
        if self._base is None:
            return url
        parts = urlsplit(url)
        return urlunsplit((self._base.scheme, self._base.netloc, self._base.path + parts.path, parts.query, ""))


def _authorization(auth: tuple[str, str] | None) -> dict[str, str]:
    if auth is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(":".join(auth).encode()).decode()}


def _connection_trace() -> aiohttp.TraceConfig:
    """Notes when a connection is up: a failure before it proves that nothing was sent, one after it proves nothing."""

    async def up(_session: object, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.exchange.connected = True

    async def written(_session: object, context: SimpleNamespace, _params: object) -> None:
        if context.trace_request_ctx.method == "POST":
            # The signal comes just before the bytes go to the socket; the next turn of the event loop comes just after.
            asyncio.get_running_loop().call_soon(crashpoints.reach, "tw.in_flight")

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(up)
    trace.on_connection_reuseconn.append(up)
    trace.on_request_chunk_sent.append(written)
    return trace


async def _read_at_most(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    raw = await answer.content.read(limit + 1)
    parts = [raw]
    size = len(raw)
    while raw and size <= limit:
        raw = await answer.content.read(limit + 1 - size)
        parts.append(raw)
        size += len(raw)
    if size > limit:
        raise aiohttp.ClientPayloadError("the answer is longer than any that Twilio gives")
    return b"".join(parts)


def _json_object(text: str | None) -> dict[str, object] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds. Its other form, a date, is not used by Twilio and reads as not said."""
    try:
        seconds = float(header) if header is not None else -1.0
    except ValueError:
        return None
    return seconds if 0 <= seconds <= 3600 else None

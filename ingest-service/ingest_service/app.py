"""The composition root: opens everything, wires it, and closes it in the opposite order."""

import asyncio
import contextlib
import datetime
import os
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import structlog
from aiohttp import web

from ingest_service import accounts as accounts_file
from ingest_service import database, durability, gauges, keys_needed, logs, starting
from ingest_service.accounts import Account
from ingest_service.clock import Clock, refuse_moved_clock
from ingest_service.deciding.deciding import Deciding
from ingest_service.deciding.looking import Looking
from ingest_service.edge import admin_http, console_http
from ingest_service.edge.admin_http import Admin
from ingest_service.edge.payment_links_http import PaymentLinks
from ingest_service.edge.stripe_webhook import StripeWebhook
from ingest_service.folding import loop
from ingest_service.folding.fold import Folded, Folding
from ingest_service.folding.lookup import Lookup
from ingest_service.folding.resolving import Holds
from ingest_service.inbox.group_commit import GroupCommit
from ingest_service.inbox.polling import Polling
from ingest_service.links.link import link_maker
from ingest_service.links.opening import Opening
from ingest_service.listening import Listeners
from ingest_service.loops import Loops, measure_lag
from ingest_service.metrics import Metrics
from ingest_service.planning import commands
from ingest_service.planning.rules_store import RulesInForce
from ingest_service.scanning import scanner
from ingest_service.scanning.work import Means
from ingest_service.sealing import Sealer
from ingest_service.settings import Settings
from ingest_service.shutdown import Shutdown
from ingest_service.story.telling import Telling
from ingest_service.stripe_reads import LONGEST_SECONDS, StripeReads, reading
from ingest_service.stripe_writes import writing
from ingest_service.submitting import running as submitting
from ingest_service.submitting.notify_client import Tls, connected, tls_of
from ingest_service.wake import Bells
from ingest_service.webhooks.calling import Calling, calling_session
from ingest_service.webhooks.guard import Guard

log = structlog.get_logger()

CHANNEL = "ingest_service"
GRACE_SECONDS = 10.0
"""So long loops may finish what they are at; reads of Stripe, which may take longer, end at once."""
LONGEST_STOP_SECONDS = 22.0
"""After a stop of this length the process ends where it is, as a kill would end it: nothing is lost by either."""
GAUGE_SECONDS = 15.0


@dataclass(frozen=True)
class RunningService:
    """A service that listens; ports are those really bound."""

    http_port: int
    admin_port: int
    console_port: int
    loops: Loops


def rules_files(accounts: Mapping[str, Account]) -> dict[str, Path]:
    """Each account's rules file: its own, or the shipped one."""
    return {
        account_id: account.rules_file or database.shipped("rules.yaml") for account_id, account in accounts.items()
    }


def tls(settings: Settings) -> Tls | None:
    """The client's side of mutual TLS, if there is one."""
    return tls_of(settings.grpc_tls_ca, settings.grpc_tls_cert, settings.grpc_tls_key)


@contextlib.asynccontextmanager
async def _checked_database(settings: Settings, names: list[str], clock: Clock) -> AsyncIterator[Any]:
    """The pool of a database that this version can work with."""
    url = settings.ingest_database_url.get_secret_value()
    async with database.pool(
        url, size=settings.ingest_database_connections, pooled=settings.ingest_database_pooled
    ) as pool:
        async with pool.acquire() as conn:
            await durability.check(conn, vendor_is_played=settings.vendor_is_played)
            await database.check_schema(conn)
            await keys_needed.check(conn, names, settings.data_keys)
            await database.make_partitions(conn)
            await clock.refresh(conn)
        yield pool


async def _deciding(
    stack: contextlib.AsyncExitStack, api_base: str, pool: Any, accounts: Mapping[str, Account], clock: Clock, sealer: Sealer,
    reads: StripeReads,
) -> Deciding:  # fmt: skip
    """Those who act on answers, with a way of their own to write at Stripe, which outlives their loop."""
    writes = await stack.enter_async_context(writing(accounts, api_base=api_base))
    return Deciding(pool, accounts, clock, sealer, Looking(pool, clock, sealer, reads), writes)


async def _calling(
    stack: contextlib.AsyncExitStack, settings: Settings, pool: Any, names: list[str], clock: Clock, sealer: Sealer
) -> Calling:
    """Those who call webhooks, with a client of their own."""
    hosts = frozenset(host.strip().lower() for host in settings.ingest_webhook_hosts.split(",") if host.strip())
    guard = Guard(hosts, played=settings.vendor_is_played)
    session = await stack.enter_async_context(calling_session(guard))
    return Calling(pool, names, clock, RulesInForce(sealer), session, guard)


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[RunningService]:
    """The whole service until the block ends; closing takes as long as ``shutdown`` says, at most."""
    accounts = accounts_file.load(settings)
    names = list(accounts)
    async with contextlib.AsyncExitStack() as stack:
        clock, sealer = Clock(), Sealer(settings.data_keys)
        with starting.database_told():
            pool = await stack.enter_async_context(_checked_database(settings, names, clock))
        refuse_moved_clock(clock, vendors_on_loopback=settings.vendor_on_loopback)
        await commands.apply_files(pool, rules_files(accounts), sealer, by="start", only_if_none=True)
        metrics, loops, shutdown, listeners = Metrics(), Loops(), Shutdown(), Listeners()
        bells = Bells([*loop.BELLS, *submitting.BELLS, *scanner.BELLS, "outcomes"])
        notify = await stack.enter_async_context(connected(settings.ingest_notify_target, tls(settings)))
        reads = await stack.enter_async_context(
            reading(
                pool,
                accounts,
                api_base=settings.stripe_api_base,
                per_second=settings.ingest_stripe_reads_per_second,
                count=lambda *labels: metrics.stripe_reads.labels(*labels).inc(),
            )
        )
        holds = Holds(
            datetime.timedelta(seconds=settings.ingest_hold_success_seconds),
            datetime.timedelta(seconds=settings.ingest_hold_failure_seconds),
            datetime.timedelta(hours=settings.ingest_freshness_hours),
        )

        def stored(events: list[tuple[str, str]]) -> None:
            for account_id, state in events:
                metrics.events.labels(account_id, state).inc()
            if any(state == "received" for _, state in events):
                bells.ring("folding")

        def folded(batch: Folded) -> None:
            if batch.events:
                log.info("fold.batch", count=batch.events, ready=batch.ready, held=batch.held, settled=batch.settled)
            for account_id, kind, state in batch.states:
                metrics.facts.labels(account_id, kind, state).inc()

        folding = loop.FoldingLoop(Folding(accounts, clock, sealer, holds), pool, bells, folded)
        lookup = Lookup(pool, accounts, clock, sealer, holds, reads, lambda: loops.beat("lookup"))
        links = link_maker(settings.ingest_public_url, next(iter(settings.data_keys.values())))
        deciding = await _deciding(stack, settings.stripe_api_base, pool, accounts, clock, sealer, reads)
        side = submitting.parts(
            pool, accounts, clock, sealer, notify, reads, settings.ingest_stripe_reads_per_second, links, deciding,
            await _calling(stack, settings, pool, names, clock, sealer),
        )  # fmt: skip

        async def close() -> None:
            await reads.stop()  # who waits for Stripe is told to ask later
            await asyncio.gather(
                listeners.close(),
                loops.close(shutdown.left(GRACE_SECONDS)),
                side.looking.looks.close(shutdown.left(GRACE_SECONDS)),
            )

        stack.push_async_callback(close)
        loop.add_loops(loops, bells, folding, lookup)
        submitting.add_loops(loops, bells, side)
        means = Means(
            pool, clock, sealer, holds, reads,
            told=lambda *labels: metrics.facts.labels(*labels).inc(),
            read=lambda *labels: metrics.scan_pages.labels(*labels).inc(),
            beat=lambda: loops.beat(scanner.LOOP),
        )  # fmt: skip
        scanner.add_loop(loops, bells, scanner.Scanner(accounts, means, RulesInForce(sealer)))
        if not settings.ingest_public_url:
            for account in accounts.values():
                _start_polling(
                    loops, settings.ingest_poll_seconds, metrics, Polling(pool, account, clock, sealer, reads, stored)
                )
        _start_housekeeping(loops, bells, pool, settings, clock, metrics, names)

        public = web.Application(client_max_size=4 * 1024 * 1024)
        StripeWebhook(accounts, GroupCommit(pool, sealer, clock.now, stored), clock.now, metrics.webhook).setup(public)
        PaymentLinks(
            pool,
            sealer,
            clock,
            {account_id: account.brand for account_id, account in accounts.items()},
            Opening(pool, clock, reads),
            settings.ingest_public_url,
            vendor_is_played=settings.vendor_is_played,
            count=lambda *labels: metrics.payment_links.labels(*labels).inc(),
        ).setup(public)
        http_port = await listeners.open(public, "INGEST_HTTP_LISTEN", settings.ingest_http_listen)
        console = console_http.make_app(
            Telling(pool, names, notify),
            vendor_is_played=settings.vendor_is_played,
            hosts=filter(None, settings.ingest_console_hosts.split(",")),
        )
        console_port = await listeners.open(console, "INGEST_CONSOLE_LISTEN", settings.ingest_console_listen)
        admin = web.Application()
        admin_http.setup(admin, _admin(settings, pool, clock, bells, loops, metrics, names))
        admin_port = await listeners.open(admin, "INGEST_ADMIN_LISTEN", settings.ingest_admin_listen)
        stack.callback(_begin_stop, shutdown, loops, bells)
        log.info("started", port=http_port, admin_port=admin_port, console_port=console_port, **settings.summary())
        yield RunningService(http_port, admin_port, console_port, loops)


def _begin_stop(shutdown: Shutdown, loops: Loops, bells: Bells) -> None:
    shutdown.begin()
    loops.stopping.set()
    bells.ring_all()  # who waits for work sees at once that there will be none


def _start_polling(loops: Loops, seconds: float, metrics: Metrics, polling: Polling) -> None:
    """A loop for each account: one that Stripe does not answer keeps no other waiting. A stop may cut it off anywhere."""
    account_id = polling.account.account_id
    name = f"polling-{account_id}"
    polling = replace(
        polling, count=lambda end: metrics.polls.labels(account_id, end).inc(), beat=lambda: loops.beat(name)
    )
    loops.every(name, seconds, polling.turn, step_seconds=LONGEST_SECONDS, heeds_stop=False)


def _start_housekeeping(
    loops: Loops, bells: Bells, pool: Any, settings: Settings, clock: Clock, metrics: Metrics, names: list[str]
) -> None:
    if not settings.ingest_database_pooled:
        loops.add("listen", bells.listen(settings.ingest_database_url.get_secret_value(), CHANNEL), heeds_stop=False)
    loops.add("publish", bells.publish(pool, CHANNEL), heeds_stop=False)
    loops.add("lag", measure_lag(metrics.loop_lag.set), heeds_stop=False)

    async def make_partitions() -> None:
        async with pool.acquire() as conn:
            await database.make_partitions(conn)

    async def follow_clock() -> None:
        async with pool.acquire() as conn:
            if await clock.refresh(conn):
                bells.ring_all()

    async def measure() -> None:
        await gauges.measure(pool, clock, metrics, names)

    loops.every("partitions", 3600.0, make_partitions)
    loops.every("gauges", GAUGE_SECONDS, measure)
    if settings.vendor_on_loopback:
        loops.every("clock", 1.0, follow_clock)


def _admin(
    settings: Settings, pool: Any, clock: Clock, bells: Bells, loops: Loops, metrics: Metrics, names: list[str]
) -> Admin:
    async def unready() -> list[str]:
        problems = ["it is stopping"] if loops.stopping.is_set() else []
        problems += [f"the loop {name} does not turn" for name in loops.late()]
        try:
            async with asyncio.timeout(1.0), pool.acquire() as conn:
                await conn.fetchval("SELECT 1")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready
            problems.append(f"the database does not answer ({type(error).__name__})")
        return problems

    async def tell() -> dict[str, Any]:
        waiting = await gauges.next_due(pool, clock, names)
        return {"now": clock.now().isoformat(), "offset_seconds": clock.offset_seconds, **waiting}

    async def move(offset_seconds: int) -> None:
        async with pool.acquire() as conn:
            await clock.move(conn, offset_seconds)
        bells.ring_all()

    return Admin(unready, metrics.text, tell, move if settings.vendor_on_loopback else None)


async def serve(settings: Settings) -> None:
    """Runs until SIGINT or SIGTERM; a second one ends it at once.

    Raises:
        LoopDiedError: where a background loop ended by itself.
    """
    logs.configure("ingest-service", settings.ingest_log_level)
    stopped = asyncio.Event()
    running_loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopped.is_set():
            _end_here("a second signal came")
        stopped.set()
        running_loop.call_later(LONGEST_STOP_SECONDS, _end_here, "the stop took too long")

    for number in (signal.SIGINT, signal.SIGTERM):
        running_loop.add_signal_handler(number, stop)
    async with running(settings) as service:
        watching = asyncio.ensure_future(service.loops.watch())
        waiting = asyncio.ensure_future(stopped.wait())
        await asyncio.wait([watching, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        log.info("stopping")
        service.loops.stopping.set()
        await watching
    log.info("stopped")


def _end_here(why: str) -> NoReturn:
    """Ends the process as a kill does: whatever is under way is found out by whoever goes on."""
    log.warning("stopped_here", why=why)
    os._exit(1)
